/* export.h - a question's rows as a file, for answers too large for a conversation.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_EXPORT_H
#define KMCP_EXPORT_H

#include "answer.h"
#include "export_file.h"

struct export; /* a file under way */

/* What is in a file that is whole. */
struct export_facts {
    int64_t rows, bytes;
    const char *sha256;
    const struct found *found;
};

/* Who keeps the record of files. It is above this layer, and one file at a time is its business. */
struct export_record {
    void *arg;
    /* FILE, a name, is about to be begun; ID gets that of its record. False with F set: then it is not. */
    bool (*begin)(void *arg, const char *file, char id[EXPORT_ID + 1], struct failure *f);
    /* It is whole and about to get its name. False with F set: then it does not. */
    bool (*end)(void *arg, const struct export_facts *facts, struct failure *f);
    /* It will not be whole, because of F. False: that is not on record. */
    bool (*fail)(void *arg, const struct failure *f);
    /* It was whole, and could not get its name. False likewise. */
    bool (*lost)(void *arg, const struct failure *f);
    /* One of a process that is gone is about to be removed, unless this is false. */
    export_left_fn left;
};

/* Makes a file in FOLDER (an absolute path that only we may write), after its record was begun. NULL with F
 * set. */
struct export *export_open(const struct question *qu, const char *folder, const char *tool, int64_t max_bytes,
                           const struct export_record *record, struct failure *f);
/* Writes ROW. False with F set: the disk, or MAX_BYTES. */
bool export_take(struct export *e, const kmcp_json *row, struct failure *f);
/* Ends the file and writes its manifest beside it: what was asked (ARGS), what it covers, its digest. The
 * sentence for the caller goes to TEXT. It gets its name once its record says what is in it. False with F
 * set; then nothing is left. */
bool export_finish(struct export *e, struct arena *a, const kmcp_json *args, const struct found *found,
                   const char *redaction, struct buf *text, kmcp_json **structured, struct failure *f);
/* Gives it up because of F: nothing is left. */
void export_drop(struct export *e, const struct failure *f);

#endif
