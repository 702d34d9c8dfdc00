/* export_file.c - a file under way, and what is left of one.  SPDX-License-Identifier: Apache-2.0 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/trust.h"
#include "export_file.h"

#define LOCK_WAIT_MS 1000

/* ---- names: TOOL-2026-11-24T10-00-00Z-0a1b2c3d.csv, and .ID.part behind it ---- */

static bool is_usable(const char *folder, struct failure *f)
{
    char why[400], inside[600];
    struct stat st;

    snprintf(inside, sizeof inside, "%s/x", folder);
    if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
        failure_set(f, KMCP_E_DENIED, "[export] folder \"%s\" is not there; make it (mkdir -m 700)", folder);
    else if (!trust_above(inside, why, sizeof why))
        failure_set(f, KMCP_E_DENIED, "[export] folder: %s", why);
    return f->rc == KMCP_OK;
}

bool export_file_name(struct export_file *x, const char *folder, const char *tool, const char *ending,
                      struct failure *f)
{
    char stamp[32], hex[9];
    uint8_t random[4];

    x->fd = -1;
    if (!is_usable(folder, f))
        return false;
    if (!digest_random(random, sizeof random)) {
        failure_set(f, KMCP_E_NOMEM, "no file was written: there is no OpenSSL; see the log");
        return false;
    }
    digest_hex(random, sizeof random, hex);
    clock_iso(clock_unix_ms(), stamp, sizeof stamp);
    for (char *p = stamp; *p; p++)
        *p = *p == ':' ? '-' : *p;
    if (snprintf(x->path, sizeof x->path, "%s/%s-%s-%s.%s", folder, tool, stamp, hex, ending) <
        (int)sizeof x->path)
        return true;
    failure_set(f, KMCP_E_DENIED, "[export] folder has too long a name for a file in it; choose another");
    return false;
}

const char *export_file_label(const struct export_file *x)
{
    return strrchr(x->path, '/') + 1;
}

/* Is TEXT of this form: 0 for a digit, x for a hexadecimal one, else the character itself? */
static bool has_form(const char *text, const char *form)
{
    for (; *form; form++, text++) {
        bool digit = *text >= '0' && *text <= '9', hex = digit || (*text >= 'a' && *text <= 'f');

        if (*form == '0' ? !digit : *form == 'x' ? !hex : *text != *form)
            return false;
    }
    return true;
}

struct left {
    char name[256], tool[256], id[EXPORT_ID + 1];
};

/* ENTRY of a folder, if it is called as a file under way is. */
static bool read_entry(const char *entry, struct left *out)
{
    static const char stamp[] = "-0000-00-00T00-00-00Z-xxxxxxxx.",
                      id[] = ".xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.part";
    size_t len = strlen(entry), name_len, tool_len;
    const char *ending;

    if (len <= sizeof id - 1 + sizeof stamp || len >= sizeof out->name ||
        !has_form(entry + len - (sizeof id - 1), id))
        return false;
    name_len = len - (sizeof id - 1);
    snprintf(out->name, sizeof out->name, "%.*s", (int)name_len, entry);
    snprintf(out->id, sizeof out->id, "%.*s", EXPORT_ID, entry + name_len + 1);
    ending = strrchr(out->name, '.');
    if (!ending || (strcmp(ending, ".csv") != 0 && strcmp(ending, ".jsonl") != 0) ||
        ending - out->name <= (ptrdiff_t)sizeof stamp - 2)
        return false;
    tool_len = (size_t)(ending - out->name) - (sizeof stamp - 2);
    snprintf(out->tool, sizeof out->tool, "%.*s", (int)tool_len, out->name);
    return tool_len && has_form(out->name + tool_len, stamp);
}

/* ---- locks ---- */

/* The folder, locked; -1 if it cannot be, or somebody holds it too long. */
static int lock_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int64_t until = clock_ms() + LOCK_WAIT_MS;

    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const struct timespec pause = { .tv_nsec = 2000000 };

        if (clock_ms() >= until || (errno != EWOULDBLOCK && errno != EINTR)) {
            close(fd);
            return -1;
        }
        nanosleep(&pause, NULL);
    }
    return fd;
}

bool export_file_make(struct export_file *x, const char *id)
{
    char folder[sizeof x->path];
    int lock;

    snprintf(folder, sizeof folder, "%.*s", (int)(export_file_label(x) - 1 - x->path), x->path);
    snprintf(x->part, sizeof x->part, "%s.%s.part", x->path, id);
    lock = lock_folder(folder); /* without it: nobody else has it, to clean */
    x->fd = open(x->part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (x->fd >= 0 && flock(x->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(x->fd);
        x->fd = -1;
        errno = EBUSY;
    } /* a file system without locks: nobody can take it for a leftover */
    if (lock >= 0)
        close(lock);
    return x->fd >= 0;
}

bool export_file_place(struct export_file *x)
{
    if (rename(x->part, x->path) != 0)
        return false;
    close(x->fd);
    x->fd = -1;
    return true;
}

void export_file_drop(struct export_file *x, bool recorded)
{
    if (x->fd < 0)
        return;
    if (recorded || ftruncate(x->fd, 0) != 0)
        unlink(x->part);
    close(x->fd);
    x->fd = -1;
}

/* ---- what is left ---- */

static void remove_ours(int folder, const char *name)
{
    struct stat st;

    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid())
        unlinkat(folder, name, 0);
}

/* It is a leftover if it can be locked, and is still there then: a writer may just have ended it. */
static bool is_left(int folder, const char *entry, int fd)
{
    struct stat st, now;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
           flock(fd, LOCK_EX | LOCK_NB) == 0 && fstatat(folder, entry, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_ino == now.st_ino && st.st_dev == now.st_dev;
}

static void look_at(int folder, const char *entry, export_left_fn each, void *arg)
{
    char manifest[sizeof((struct left *)0)->name + 20];
    struct left left;
    int fd = read_entry(entry, &left)
                 ? openat(folder, entry, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                 : -1;

    if (fd < 0)
        return;
    if (is_left(folder, entry, fd) && each(arg, left.name, left.tool, left.id)) {
        snprintf(manifest, sizeof manifest, "%s.manifest.json", left.name);
        remove_ours(folder, manifest);
        unlinkat(folder, entry, 0);
    }
    close(fd);
}

void export_file_left(const char *folder, export_left_fn each, void *arg)
{
    int fd = lock_folder(folder);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        look_at(fd, entry->d_name, each, arg);
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
}
