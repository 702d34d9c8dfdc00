/* audit_file.h - the file behind the record: ours alone, appended to, synced, re-opened when rotated.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_AUDIT_FILE_H
#define KMCP_AUDIT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"

/* One thread at a time; audit.c holds its lock. */
struct audit_file {
    char *path; /* "" if no place could be found */
    int fd;     /* -1: not open */
    bool fresh; /* opening it made it */
};

bool audit_file_init(struct audit_file *f, const char *path);
void audit_file_close(struct audit_file *f);
/* Opens, creating it 0600 and its directory 0700; checks owner and mode. Open already and still the same
 * file: nothing to do. False with one sentence in WHY. */
bool audit_file_open(struct audit_file *f, char *why, size_t why_size);
/* Appends RECORD, a whole line, behind the end of a line, and syncs it. Nobody else writes meanwhile. False
 * with one sentence in WHY: it is not to be relied on. */
bool audit_file_add(struct audit_file *f, const struct buf *record, char *why, size_t why_size);
/* The numbers of the files that were rotated away from PATH (PATH.000001), lowest first; the caller frees
 * *OUT. False: they cannot be read, or there is no memory. */
bool audit_file_rotated(const char *path, unsigned long **out, size_t *n);
/* The number that the name PATH ends with, if it is one that was rotated away; *BEFORE: how long what it was
 * rotated away from is. 0: it is none. */
unsigned long audit_file_number(const char *path, size_t *before);

#endif
