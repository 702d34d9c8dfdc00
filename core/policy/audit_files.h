/* audit_files.h - the audit file and what was rotated away from it.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_AUDIT_FILES_H
#define KMCP_AUDIT_FILES_H

#include <stddef.h>

#define AUDIT_FILES_MAX 4096

struct audit_files {
    char *list[AUDIT_FILES_MAX]; /* NULL: out of memory */
    size_t n;
    const char *current; /* PATH */
};

/* The audit file PATH and those that were rotated away from it, oldest first. */
void audit_files_find(struct audit_files *f, const char *path);
void audit_files_free(struct audit_files *f);

#endif
