/* audit_file.c - appending records that are there when it returns.  SPDX-License-Identifier: Apache-2.0 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_file.h"
#include "base/trust.h"

#define AT_ONCE 100 /* how often others may make the file and rotate it away while it is opened */

bool audit_file_init(struct audit_file *f, const char *path)
{
    *f = (struct audit_file){ .path = strdup(path), .fd = -1 };
    return f->path != NULL;
}

void audit_file_close(struct audit_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    free(f->path);
    f->path = NULL;
}

static bool fault(struct audit_file *f, char *why, size_t why_size, const char *what, const char *remedy)
{
    snprintf(why, why_size, "the audit file \"%s\" %s; %s", f->path, what, remedy);
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    return false;
}

/* Makes the directories above PATH that are missing, 0700. */
static void make_directories(const char *path)
{
    char *copy = strdup(path);

    for (char *p = copy ? strchr(copy + 1, '/') : NULL; p; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST)
            break;
        *p = '/';
    }
    free(copy);
}

/* Does the path still lead to the file that is open? */
static bool same_file(const struct audit_file *f)
{
    struct stat here, there;

    return f->fd >= 0 && fstat(f->fd, &here) == 0 && lstat(f->path, &there) == 0 &&
           here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

bool audit_file_open(struct audit_file *f, char *why, size_t why_size)
{
    const int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    char above[400], what[500];
    struct stat st;

    if (!*f->path)
        return fault(f, why, why_size, "has no place", "set file in [audit] to a full path");
    if (same_file(f))
        return true;
    if (f->fd >= 0)
        close(f->fd); /* it was rotated away */
    f->fresh = false;
    for (int i = 0; (f->fd = open(f->path, flags)) < 0 && errno == ENOENT && i < AT_ONCE; i++) {
        make_directories(f->path);
        f->fd = open(f->path, flags | O_CREAT | O_EXCL, 0600);
        f->fresh = f->fd >= 0;
        if (f->fresh || errno != EEXIST)
            break;
        /* another process made it at this moment; it may have rotated it away again by now */
    }
    if (f->fd < 0 && errno == ELOOP)
        return fault(f, why, why_size, "is a symbolic link", "set file in [audit] to the file itself");
    if (f->fd < 0)
        return fault(f, why, why_size, errno == ENOENT ? "has no folder that could be made" : strerror(errno),
                     "make it writable, or set file in [audit] to a place that is");
    if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return fault(f, why, why_size, "is not a regular file", "set file in [audit] to a regular file");
    if (st.st_uid != geteuid())
        return fault(f, why, why_size, "belongs to somebody else", "chown it to the user that runs kmcp");
    if (st.st_mode & 077)
        return fault(f, why, why_size, "may be read or written by others", "chmod 600 it");
    if (!trust_above(f->path, above, sizeof above)) {
        snprintf(what, sizeof what, "could be replaced by others: %s", above);
        return fault(f, why, why_size, what, "or set file in [audit] to another place");
    }
    return true;
}

static int by_number(const void *a, const void *b)
{
    unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

    return x < y ? -1 : x > y;
}

unsigned long audit_file_number(const char *path, size_t *before)
{
    const char *dot = strrchr(path, '.');
    size_t digits = dot ? strspn(dot + 1, "0123456789") : 0;

    if (digits < 6 || digits > 9 || dot[1 + digits])
        return 0;
    *before = (size_t)(dot - path);
    return strtoul(dot + 1, NULL, 10);
}

/* The number that NAME has as one rotated away from BASE; 0: it is none. */
static unsigned long number_of(const char *name, const char *base)
{
    size_t len = 0;
    unsigned long number = audit_file_number(name, &len);

    return len == strlen(base) && strncmp(name, base, len) == 0 ? number : 0;
}

bool audit_file_rotated(const char *path, unsigned long **out, size_t *n)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("./");
    DIR *d = folder ? opendir(folder) : NULL;
    bool ok = d != NULL;

    *out = NULL;
    *n = 0;
    for (const struct dirent *e; ok && (e = readdir(d));) {
        unsigned long number = number_of(e->d_name, slash ? slash + 1 : path), *grown;

        if (!number)
            continue;
        grown = realloc(*out, (*n + 1) * sizeof **out);
        ok = grown != NULL;
        if (ok) {
            *out = grown;
            grown[(*n)++] = number;
        }
    }
    if (d)
        closedir(d);
    free(folder);
    if (*n)
        qsort(*out, *n, sizeof **out, by_number);
    return ok;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool sync_file(int fd)
{
#ifdef F_FULLFSYNC
    if (fcntl(fd, F_FULLFSYNC) == 0)
        return true;
#endif
    return fsync(fd) == 0;
}

bool audit_file_add(struct audit_file *f, const struct buf *record, char *why, size_t why_size)
{
    char what[200], last = '\n';
    bool torn = false; /* a record was cut short */
    struct stat st;

    if (record->failed || !record->len)
        return fault(f, why, why_size, "is not written: the record is too large",
                     "shorten the call's arguments");
    if (!audit_file_open(f, why, why_size))
        return false;
    if (fstat(f->fd, &st) == 0 && st.st_size > 0 && pread(f->fd, &last, 1, st.st_size - 1) == 1 &&
        last != '\n')
        torn = true;
    if ((torn && !write_all(f->fd, "\n", 1)) || !write_all(f->fd, record->data, record->len) ||
        !sync_file(f->fd)) {
        snprintf(what, sizeof what, "cannot be written (%s)", strerror(errno));
        return fault(f, why, why_size, what, "make room for it, or set file in [audit] to another place");
    }
    return true;
}
