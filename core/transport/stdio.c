/* stdio.c - the reader of lines and the one writer.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/wipe.h"
#include "transport/line_writer.h"
#include "transport/stdio.h"

#define READ_BYTES 65536

static int wake[2] = { -1, -1 }; /* signals and a broken output end the poll */

static void end_now(int unused)
{
    int saved = errno;
    ssize_t n = write(wake[1], "", 1);

    (void)n;
    (void)unused;
    errno = saved;
}

bool stdio_take(int *in, int *out)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    *in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    *out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (null < 0 || *in < 0 || *out < 0)
        return false;
    if (dup2(null, STDIN_FILENO) < 0 ||
        dup2(fcntl(STDERR_FILENO, F_GETFD) < 0 ? null : STDERR_FILENO, STDOUT_FILENO) < 0)
        return false;
    close(null);
    return true;
}

struct lines {
    struct server *server;
    struct session *session;
    struct who who;
    struct sink *sink;
    char *data;
    size_t len, cap;
    bool skipping; /* inside a line that was too long */
};

static void take_line(struct lines *l, const char *text, size_t len)
{
    while (len && (text[len - 1] == '\r' || text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    while (len && (*text == ' ' || *text == '\t')) {
        text++;
        len--;
    }
    if (len)
        server_receive(l->server, l->session, &l->who, l->sink, text, len);
}

static void too_long(struct lines *l)
{
    if (!l->skipping)
        server_reject(l->sink, 413, RPC_INVALID, "the line is over 4 MiB; it was skipped");
    l->skipping = true;
}

/* Takes what was read: LEN new bytes are at the end of the buffer. */
static void take_bytes(struct lines *l, size_t fresh)
{
    char *start = l->data, *end = l->data + l->len + fresh, *newline;
    char *from = l->data + l->len; /* nothing before it holds a newline */

    while ((newline = memchr(from, '\n', (size_t)(end - from)))) {
        if (l->skipping)
            l->skipping = false;
        else
            take_line(l, start, (size_t)(newline - start));
        start = from = newline + 1;
    }
    l->len = (size_t)(end - start);
    memmove(l->data, start, l->len);
    memset(l->data + l->len, 0, (size_t)(start - l->data)); /* arguments may hold a PIN */
    if (l->len > STDIO_LINE_MAX)
        too_long(l);
    if (l->skipping) {
        memset(l->data, 0, l->len);
        l->len = 0;
    }
    wipe_stack();
}

static bool make_room(struct lines *l)
{
    char *grown;

    if (l->cap - l->len >= READ_BYTES)
        return true;
    grown = realloc(l->data, l->cap + l->cap + READ_BYTES);
    if (!grown)
        return false;
    l->data = grown;
    l->cap += l->cap + READ_BYTES;
    return true;
}

/* Reads until there is nothing more to read, ever. */
static void read_lines(struct lines *l, int in)
{
    for (;;) {
        struct pollfd fds[2] = { { .fd = in, .events = POLLIN }, { .fd = wake[0], .events = POLLIN } };
        int64_t wait = server_tick(l->server);
        ssize_t n;

        if (poll(fds, 2, wait < 0 ? -1 : wait > 60000 ? 60000 : (int)wait + 1) < 0 && errno != EINTR)
            return;
        if (fds[1].revents)
            return;
        if (!fds[0].revents)
            continue;
        if (!make_room(l)) {
            log_line(KMCP_LOG_ERROR, "stdio", "out of memory");
            return;
        }
        n = read(in, l->data + l->len, READ_BYTES);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0) {
            if (l->len && !l->skipping)
                take_line(l, l->data, l->len); /* the last line may lack its newline */
            return;
        }
        take_bytes(l, (size_t)n);
    }
}

bool stdio_serve(struct server *s, const char *principal, int in, int out)
{
    static struct line_writer o; /* static, as the session: threads that are stuck outlive this function */
    static struct session session;
    struct sigaction act = { .sa_handler = end_now }, ignore = { .sa_handler = SIG_IGN };
    struct lines l = {
        .server = s, .session = &session, .who = { principal, "stdio", SCOPE_ALL }, .sink = &o.sink
    };
    int64_t ended;
    bool idle, broken;

    if (pipe(wake) != 0)
        return true;
    for (int i = 0; i < 2; i++) {
        fcntl(wake[i], F_SETFD, FD_CLOEXEC);
        fcntl(wake[i], F_SETFL, O_NONBLOCK);
    }
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    line_writer_init(&o, out, end_now);
    session_init(&session, NULL);
    session_stand(&session, &o.sink);
    server_add_session(s, &session);
    read_lines(&l, in);
    free(l.data);
    ended = clock_ms();
    broken = line_writer_broken(&o);
    server_end_listening(s);
    idle = server_wait_idle(s, ended + (broken ? 0 : STDIO_GRACE_MS));
    if (!idle) {
        server_cancel_all(s);
        idle = server_wait_idle(s, ended + STDIO_STUCK_MS);
        if (!idle)
            server_give_up(s);
    }
    if (!line_writer_finish(&o, ended + STDIO_END_MS) || !idle)
        return false; /* o and session stay: stuck threads may still use them until the process exits */
    server_end_session(s, &session);
    session_drop(&session);
    line_writer_free(&o);
    return true;
}
