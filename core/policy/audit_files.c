/* audit_files.c - the audit file and what was rotated away from it.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_file.h"
#include "audit_files.h"

#define AT_ONCE 1000 /* how often it may be rotated while its files are listed */

/* What was rotated away from BASE, up to number LAST; 0: all, and BASE. */
static bool make_list(struct audit_files *f, const char *base, unsigned long last)
{
    unsigned long *numbers;
    size_t n, size = strlen(base) + 32, all;
    bool ok = audit_file_rotated(base, &numbers, &n);

    while (last && n && numbers[n - 1] > last)
        n--;
    all = n + !last;
    f->list = ok && all ? calloc(all, sizeof *f->list) : NULL;
    for (size_t i = 0; f->list && i < all; i++) {
        char *name = malloc(size);

        if (!name)
            break;
        if (i < n)
            snprintf(name, size, "%s.%06lu", base, numbers[i]);
        else
            snprintf(name, size, "%s", base);
        f->list[f->n++] = name;
    }
    free(numbers);
    return all && f->n == all;
}

/* Is the current file still the one that was opened, or still not there? */
static bool is_current(const struct audit_files *f)
{
    struct stat here, there;

    if (stat(f->current, &there) != 0)
        return f->fd < 0;
    return f->fd < 0 ? !S_ISREG(there.st_mode) || access(f->current, R_OK) != 0
                     : fstat(f->fd, &here) == 0 && here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

/* What is no regular file is opened when it is read. */
static void open_current(struct audit_files *f)
{
    struct stat st;

    f->fd = open(f->current, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (f->fd >= 0 && (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(f->fd);
        f->fd = -1;
    }
    f->size = f->fd >= 0 ? (uint64_t)st.st_size : 0;
}

bool audit_files_find(struct audit_files *f, const char *path, char *why, size_t why_size)
{
    for (int i = 0; i < AT_ONCE; i++) {
        *f = (struct audit_files){ .current = path, .fd = -1 };
        open_current(f);
        if (!make_list(f, path, 0))
            break;
        if (is_current(f)) /* then nothing was rotated away meanwhile that the list lacks */
            return true;
        audit_files_free(f);
    }
    snprintf(why, why_size, "cannot be opened: %s", path);
    audit_files_free(f);
    return false;
}

bool audit_files_archive(struct audit_files *f, const char *path, char *why, size_t why_size)
{
    size_t before = 0;
    unsigned long number = audit_file_number(path, &before);
    char *base = number ? strndup(path, before) : NULL;
    bool ok;

    *f = (struct audit_files){ .current = path, .fd = -1 };
    ok = base && make_list(f, base, number) && strcmp(f->list[f->n - 1], path) == 0;
    free(base);
    if (ok)
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
    if (f->fd >= 0)
        close(f->fd);
    *f = (struct audit_files){ .fd = -1 };
}

bool audit_lines_open(struct audit_lines *l, const struct audit_files *f, size_t i)
{
    int fd = i + 1 == f->n && f->fd >= 0 ? dup(f->fd) : open(f->list[i], O_RDONLY | O_CLOEXEC | O_NOCTTY);

    *l = (struct audit_lines){ .left = i + 1 == f->n && f->fd >= 0 ? f->size : UINT64_MAX };
    if (fd < 0)
        return false;
    if (i + 1 == f->n && f->fd >= 0)
        lseek(fd, 0, SEEK_SET);
    l->in = fdopen(fd, "r");
    if (!l->in)
        close(fd);
    return l->in != NULL;
}

size_t audit_lines_next(struct audit_lines *l)
{
    ssize_t n = l->left ? getline(&l->text, &l->cap, l->in) : 0;
    size_t len = n > 0 ? (size_t)n : 0;

    if (len > l->left) { /* the rest was written since */
        len = (size_t)l->left;
        l->text[len] = '\0';
    }
    l->left -= len;
    return len;
}

void audit_lines_close(struct audit_lines *l)
{
    free(l->text);
    if (l->in)
        fclose(l->in);
    *l = (struct audit_lines){ .in = NULL };
}
