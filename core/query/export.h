/* export.h - a question's rows as a file, for answers too large for a conversation.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_EXPORT_H
#define KMCP_EXPORT_H

#include "answer.h"

struct export; /* a file under way */

/* Makes a file in FOLDER (an absolute path that only we may write). NULL with F set. */
struct export *export_open(const struct question *qu, const char *folder, const char *tool, int64_t max_bytes,
                           struct failure *f);
/* Writes ROW. False with F set: the disk, or MAX_BYTES. */
bool export_take(struct export *e, const kmcp_json *row, struct failure *f);
/* Ends the file and writes its manifest beside it: what was asked (ARGS), what it covers, its digest. The
 * sentence for the caller goes to TEXT. False with F set; then nothing is left. */
bool export_finish(struct export *e, struct arena *a, const kmcp_json *args, const struct found *found,
                   const char *redaction, struct buf *text, kmcp_json **structured, struct failure *f);
/* Gives it up: nothing is left. */
void export_drop(struct export *e);

#endif
