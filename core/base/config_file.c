/* config_file.c - the INI as a file: read once, and is it still the same?  SPDX-License-Identifier:
 * Apache-2.0
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "trust.h"

#define FILE_LIMIT (1 << 20)

/* Is it a file that nobody else could change? */
static bool may_be_read(struct config *c, const char *file, const struct stat *st)
{
    char why[PATH_MAX + 200];

    if (!S_ISREG(st->st_mode))
        return config_fail(c, 0, "is not a regular file");
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return config_fail(
            c, 0,
            "belongs to somebody else, who could change what is allowed; chown it to root or to yourself");
    if (st->st_mode & 022)
        return config_fail(c, 0, "may be written by others, who could change what is allowed; chmod go-w it");
    if (!trust_above(file, why, sizeof why))
        return config_fail(c, 0, "could be replaced by others: %s", why);
    return st->st_size <= FILE_LIMIT || config_fail(c, 0, "is over %d bytes", FILE_LIMIT);
}

/* The text of FILE, to be freed; NULL with the config's error. */
static char *read_text(struct config *c, const char *file, struct stat *st, size_t *len)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    char *text = NULL;
    ssize_t n = 0;

    *len = 0;
    if (fd < 0 || fstat(fd, st) != 0)
        config_fail(c, 0, "cannot be opened (%s)", strerror(errno));
    else if (may_be_read(c, file, st) && !(text = malloc((size_t)st->st_size + 1)))
        config_fail(c, 0, "out of memory");
    while (text && *len < (size_t)st->st_size + 1 &&
           (n = read(fd, text + *len, (size_t)st->st_size + 1 - *len)) != 0) {
        if (n < 0 && errno != EINTR) {
            config_fail(c, 0, "cannot be read (%s)", strerror(errno));
            break;
        }
        *len += n > 0 ? (size_t)n : 0;
    }
    if (text && *len > (size_t)st->st_size)
        config_fail(c, 0, "is being written at this moment; try again");
    if (fd >= 0)
        close(fd);
    if (c->error[0]) {
        free(text);
        text = NULL;
    }
    return text;
}

static void remember(struct config *c, const struct stat *st)
{
    c->id[0] = (int64_t)st->st_dev;
    c->id[1] = (int64_t)st->st_ino;
    c->id[2] = (int64_t)st->st_size;
    c->id[3] = (int64_t)st->st_mtim.tv_sec;
    c->id[4] = (int64_t)st->st_mtim.tv_nsec;
}

bool config_read(struct config *c, const char *file)
{
    struct stat st = { 0 };
    size_t len;
    char *text;

    memset(c, 0, sizeof *c);
    c->file = file; /* for the errors below; config_parse copies it */
    text = read_text(c, file, &st, &len);
    if (!text) {
        c->file = strdup(file);
        return false;
    }
    config_parse(c, file, text, len);
    c->text = text;
    c->len = len;
    remember(c, &st);
    return !c->error[0];
}

bool config_is_current(const struct config *c)
{
    struct config now = { .file = c->file };
    struct stat st = { 0 };
    size_t len;
    char *text;
    bool same;

    if (!c->text)
        return true;
    if (stat(c->file, &st) != 0)
        return false;
    remember(&now, &st);
    if (memcmp(now.id, c->id, sizeof now.id) == 0)
        return true;
    text = read_text(&now, c->file, &st, &len); /* touched, or written anew as it was */
    same = text && len == c->len && memcmp(text, c->text, len) == 0;
    free(text);
    return same;
}
