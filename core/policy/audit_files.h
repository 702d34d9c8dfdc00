/* audit_files.h - the audit file and what was rotated away from it.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_AUDIT_FILES_H
#define KMCP_AUDIT_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct audit_files {
    char **list;
    size_t n;
    const char *current; /* PATH */
};

/* The audit file PATH and those that were rotated away from it, oldest first. False: WHY says that they
 * cannot be listed. */
bool audit_files_find(struct audit_files *f, const char *path, char *why, size_t why_size);
void audit_files_free(struct audit_files *f);

#endif
