/* audit_files.c - the audit file and what was rotated away from it.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_file.h"
#include "audit_files.h"

bool audit_files_find(struct audit_files *f, const char *path, char *why, size_t why_size)
{
    unsigned long *numbers;
    size_t n, size = strlen(path) + 32;
    bool ok = audit_file_rotated(path, &numbers, &n);

    *f = (struct audit_files){ .current = path };
    f->list = ok ? calloc(n + 1, sizeof *f->list) : NULL;
    for (size_t i = 0; f->list && i <= n; i++) {
        char *name = malloc(size);

        if (!name)
            break;
        if (i < n)
            snprintf(name, size, "%s.%06lu", path, numbers[i]);
        else
            snprintf(name, size, "%s", path);
        f->list[f->n++] = name;
    }
    free(numbers);
    if (f->n == n + 1)
        return true;
    snprintf(why, why_size, "cannot be opened: %s", path);
    audit_files_free(f);
    return false;
}

void audit_files_free(struct audit_files *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->list[i]);
    free(f->list);
    *f = (struct audit_files){ 0 };
}
