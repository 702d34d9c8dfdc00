/* keyfile.c - 32 random bytes that stay.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyfile.h"
#include "trust.h"

#define HEX (2 * DIGEST_SIZE)

static bool fault(char *why, size_t why_size, const char *path, const char *what, const char *remedy)
{
    snprintf(why, why_size, "the key file \"%.200s\" %s; %s", path, what, remedy);
    return false;
}

/* It cannot be DONE, "read" or "made", because of ERROR. */
static bool fault_of(char *why, size_t why_size, const char *path, const char *done, int error,
                     const char *remedy)
{
    char what[200];

    snprintf(what, sizeof what, "cannot be %s (%s)", done, strerror(error));
    return fault(why, why_size, path, what, remedy);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_key(const char *path, int fd, uint8_t key[DIGEST_SIZE], char *why, size_t why_size)
{
    char text[HEX + 2] = "", above[300];
    struct stat st;
    ssize_t n;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
        return fault(why, why_size, path, "is not a regular file of ours, closed to others",
                     "chown it to the user that runs kmcp and chmod 600 it");
    if (!trust_above(path, above, sizeof above))
        return fault(why, why_size, path, "could be replaced by others", above);
    n = read(fd, text, HEX + 1);
    for (int i = 0; n >= HEX && i < DIGEST_SIZE; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            n = 0;
        else
            key[i] = (uint8_t)(high << 4 | low);
    }
    digest_wipe(text, sizeof text);
    return n >= HEX
               ? true
               : fault(
                     why, why_size, path, "does not hold a key of 64 hexadecimal digits",
                     "restore it from a copy; what was made with it cannot be checked or opened without it");
}

static void make_folders(const char *path)
{
    char copy[PATH_MAX];

    snprintf(copy, sizeof copy, "%s", path);
    for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(copy, 0700);
        *p = '/';
    }
}

void keyfile_sync_folder(const char *path)
{
    char folder[PATH_MAX];
    char *slash;
    int fd;

    snprintf(folder, sizeof folder, "%s", path);
    slash = strrchr(folder, '/');
    if (!slash)
        return;
    slash[slash == folder] = '\0';
    fd = open(folder, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* Written aside and linked into place, so that a key is there whole or not at all. */
bool keyfile_place(const char *path, const uint8_t key[DIGEST_SIZE], char *why, size_t why_size)
{
    char aside[PATH_MAX + 40], text[HEX + 2];
    bool ok;
    int fd;

    digest_hex(key, DIGEST_SIZE, text);
    text[HEX] = '\n';
    make_folders(path);
    snprintf(aside, sizeof aside, "%s.%ld.%p", path, (long)getpid(), (void *)&fd);
    fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    ok = fd >= 0 && write(fd, text, HEX + 1) == HEX + 1 && fsync(fd) == 0;
    digest_wipe(text, sizeof text);
    if (fd >= 0)
        close(fd);
    ok = ok && (link(aside, path) == 0 || errno == EEXIST);
    if (!ok)
        fault_of(why, why_size, path, "made", errno,
                 errno == ENOSPC ? "make room for it, or name another"
                                 : "make its folder writable, or name another");
    unlink(aside);
    keyfile_sync_folder(path);
    return ok;
}

static bool make_key(const char *path, char *why, size_t why_size)
{
    uint8_t key[DIGEST_SIZE];
    bool ok = digest_random(key, sizeof key) ? keyfile_place(path, key, why, why_size)
                                             : fault(why, why_size, path, "cannot be made",
                                                     "there are no random numbers to be had (no OpenSSL)");

    digest_wipe(key, sizeof key);
    return ok;
}

bool keyfile_read(const char *path, bool make, uint8_t key[DIGEST_SIZE], char *why, size_t why_size)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = open(path, flags);
    bool ok;

    if (fd < 0 && errno == ENOENT && make) {
        if (!make_key(path, why, why_size))
            return false;
        fd = open(path, flags);
    }
    if (fd < 0)
        return errno == ENOENT ? fault(why, why_size, path, "is not there", "restore it from a copy")
                               : fault_of(why, why_size, path, "read", errno,
                                          "make it readable for the user that runs kmcp");
    ok = read_key(path, fd, key, why, why_size);
    close(fd);
    return ok;
}
