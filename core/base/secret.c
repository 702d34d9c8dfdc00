/* secret.c - the API token, from where it is kept to memory that is wiped.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "digest.h"
#include "secret.h"
#include "trust.h"

#define SECRET_MAX 4096

extern char **environ;

bool secret_is_header_safe(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= 0x20 || text[i] >= 0x7F)
            return false;
    return len > 0;
}

/* Keeps BYTES without trailing white space; wipes them. SOURCE names where they are from. */
static bool keep(struct secret *s, char *bytes, size_t len, const char *source, char *why, size_t why_size)
{
    *s = (struct secret){ 0 };
    while (len && strchr(" \t\r\n", bytes[len - 1]) && bytes[len - 1])
        len--;
    if (!secret_is_header_safe(bytes, len)) {
        snprintf(why, why_size, "%s %s", source,
                 len ? "holds something that no token holds (spaces, control or non-ASCII characters); it "
                       "must be the "
                       "token alone, on one line"
                     : "is empty; it must hold the API token");
        digest_wipe(bytes, len);
        return false;
    }
    s->text = calloc(1, len + 1);
    if (s->text) {
        memcpy(s->text, bytes, len);
        s->len = len;
        (void)mlock(s->text, len + 1); /* best effort: limits may forbid it */
    } else {
        snprintf(why, why_size, "out of memory");
    }
    digest_wipe(bytes, len);
    return s->text != NULL;
}

static bool check_file(int fd, const char *file, char *why, size_t why_size)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        snprintf(why, why_size, "token file \"%s\" is not a regular file", file);
    else if (st.st_uid != 0 && st.st_uid != geteuid())
        snprintf(why, why_size,
                 "token file \"%s\" belongs to somebody else; chown it to the user that runs kmcp", file);
    else if (st.st_mode & 077)
        snprintf(why, why_size, "token file \"%s\" may be read by others; chmod 600 it", file);
    else if (st.st_size > SECRET_MAX)
        snprintf(why, why_size, "token file \"%s\" is over %d bytes; it must hold the token alone", file,
                 SECRET_MAX);
    else
        return true;
    return false;
}

/* Reads FD to its end, at most SECRET_MAX bytes, until DEADLINE_MS (0: none). Bytes read, or -1 with errno.
 */
static ssize_t read_all(int fd, char *bytes, int64_t deadline_ms)
{
    size_t len = 0;

    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t left = deadline_ms ? deadline_ms - clock_ms() : 60000;
        int ready = poll(&p, 1, left > 0 ? (int)left : 0);
        ssize_t n;

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0) {
            errno = ready ? errno : ETIMEDOUT;
            return -1;
        }
        n = read(fd, bytes + len, SECRET_MAX + 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -1 : (ssize_t)len;
        len += (size_t)n;
        if (len > SECRET_MAX) {
            errno = EFBIG;
            return -1;
        }
    }
}

/* Who may write a folder above it could put another token in its place. */
static bool check_above(const char *file, char *why, size_t why_size)
{
    char what[600];

    if (trust_above(file, what, sizeof what))
        return true;
    snprintf(why, why_size, "token file \"%s\" could be replaced by others: %s", file, what);
    return false;
}

bool secret_from_file(struct secret *s, const char *file, char *why, size_t why_size)
{
    char bytes[SECRET_MAX + 1], source[300];
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    ssize_t len;
    bool ok;

    *s = (struct secret){ 0 };
    if (fd < 0) {
        snprintf(why, why_size, "token file \"%s\" cannot be opened (%s)", file, strerror(errno));
        return false;
    }
    if (!check_file(fd, file, why, why_size) || !check_above(file, why, why_size)) {
        close(fd);
        return false;
    }
    len = read_all(fd, bytes, 0);
    close(fd);
    if (len < 0) {
        snprintf(why, why_size, "token file \"%s\" cannot be read (%s)", file, strerror(errno));
        return false;
    }
    snprintf(source, sizeof source, "token file \"%s\"", file);
    ok = keep(s, bytes, (size_t)len, source, why, why_size);
    digest_wipe(bytes, sizeof bytes);
    return ok;
}

/* Starts /bin/sh -c COMMAND with its output in a pipe. The read end, or -1. */
static int start(const char *command, pid_t *pid)
{
    char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char *)(uintptr_t)command, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int fds[2], rc;

    if (pipe(fds) != 0)
        return -1;
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, fds[1]);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP); /* so that what it starts can be ended with it */
    rc = posix_spawn(pid, "/bin/sh", &actions, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    if (rc != 0) {
        close(fds[0]);
        errno = rc;
        return -1;
    }
    return fds[0];
}

bool secret_from_command(struct secret *s, const char *command, int timeout_ms, char *why, size_t why_size)
{
    char bytes[SECRET_MAX + 1];
    int fd, status = 0, error;
    ssize_t len;
    pid_t pid;
    bool ok = false;

    *s = (struct secret){ 0 };
    fd = start(command, &pid);
    if (fd < 0) {
        snprintf(why, why_size, "token_command cannot be started (%s)", strerror(errno));
        return false;
    }
    len = read_all(fd, bytes, clock_ms() + timeout_ms);
    error = errno;
    close(fd);
    if (len < 0)
        kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (len < 0)
        snprintf(why, why_size, "token_command gave no token (%s%s)", strerror(error),
                 error == ETIMEDOUT ? "; does it wait for a person?" : "");
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        snprintf(why, why_size, "token_command failed (exit %d); run it in a shell to see why",
                 WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    else
        ok = keep(s, bytes, (size_t)len, "what token_command printed", why, why_size);
    digest_wipe(bytes, sizeof bytes);
    return ok;
}

bool secret_from_text(struct secret *s, const char *text, char *why, size_t why_size)
{
    char bytes[SECRET_MAX + 1];
    size_t len = strlen(text);

    *s = (struct secret){ 0 };
    if (len > SECRET_MAX) {
        snprintf(why, why_size, "the token is over %d bytes", SECRET_MAX);
        return false;
    }
    memcpy(bytes, text, len);
    return keep(s, bytes, len, "the token", why, why_size);
}

void secret_free(struct secret *s)
{
    if (s->text) {
        digest_wipe(s->text, s->len);
        (void)munlock(s->text, s->len + 1);
        free(s->text);
    }
    *s = (struct secret){ 0 };
}
