/* audit_files.h - the audit file and what was rotated away from it, for who reads them while others write.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_AUDIT_FILES_H
#define KMCP_AUDIT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct audit_files {
    char **list; /* oldest first, PATH last */
    size_t n;
    const char *current; /* PATH */
    int fd;              /* what PATH was when they were found; -1: there was no such file */
    uint64_t size;       /* and how long */
};

/* The audit file PATH and those that were rotated away from it, as they are at one moment: what others write
 * or rotate later does not show. False: WHY says that they cannot be listed. */
bool audit_files_find(struct audit_files *f, const char *path, char *why, size_t why_size);
/* PATH, which was rotated away, and those before it in its folder: an archive. False as above. */
bool audit_files_archive(struct audit_files *f, const char *path, char *why, size_t why_size);
void audit_files_free(struct audit_files *f);

/* The lines of number I of them; of one F at a time. */
struct audit_lines {
    FILE *in;
    uint64_t left; /* bytes */
    char *text;    /* the latest line */
    size_t cap;
};

/* False, with errno, if it cannot be opened. */
bool audit_lines_open(struct audit_lines *l, const struct audit_files *f, size_t i);
/* The length of the next line, which is then in l->text, with its end if it has one; 0: there is none. */
size_t audit_lines_next(struct audit_lines *l);
void audit_lines_close(struct audit_lines *l);

#endif
