/* audit_files.c - the audit file and what was rotated away from it.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_files.h"

void audit_files_find(struct audit_files *f, const char *path)
{
    char name[1100];

    memset(f, 0, sizeof *f);
    f->current = path;
    for (int i = 1; f->n + 1 < AUDIT_FILES_MAX; i++) {
        snprintf(name, sizeof name, "%s.%06d", path, i);
        if (access(name, F_OK) != 0)
            break;
        f->list[f->n++] = strdup(name);
    }
    f->list[f->n++] = strdup(path);
}

void audit_files_free(struct audit_files *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->list[i]);
    f->n = 0;
}
