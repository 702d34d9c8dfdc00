/* line_writer.c - the one writer of a connection.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "transport/line_writer.h"

#ifndef PIPE_BUF
#define PIPE_BUF 512 /* the least POSIX allows */
#endif

#define TOGETHER 16 /* lines of one write: the least IOV_MAX that POSIX allows */

struct line {
    struct line *next;
    size_t len;
    char text[];
};

/* Nobody reads any more: the same as the end of input. Under the lock. */
static void give_up(struct line_writer *w)
{
    w->broken = true;
    w->on_broken(0);
}

static bool wait_writable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };

    return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

static bool write_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EAGAIN) {
            if (!wait_writable(fd))
                return false;
        } else if (n < 0 && errno != EINTR) {
            return false;
        } else if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
    return true;
}

/* Writes LINES in as few writes as there can be. */
static bool write_together(int fd, const struct line *lines)
{
    while (lines) {
        struct iovec parts[TOGETHER];
        size_t n = 0;
        ssize_t done;

        for (const struct line *l = lines; l && n < TOGETHER; l = l->next, n++)
            parts[n] = (struct iovec){ (char *)(uintptr_t)l->text, l->len };
        done = writev(fd, parts, (int)n);
        if (done < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (done < 0 && !wait_writable(fd))
            return false;
        for (size_t left = done > 0 ? (size_t)done : 0;
             left && lines;) { /* what was written in part is ended */
            size_t taken = left < lines->len ? left : lines->len;

            if (taken < lines->len && !write_all(fd, lines->text + taken, lines->len - taken))
                return false;
            left -= taken;
            lines = lines->next;
        }
    }
    return true;
}

static void free_lines(struct line *lines)
{
    for (struct line *next; lines; lines = next) {
        next = lines->next;
        free(lines);
    }
}

static void *write_waiting(void *arg)
{
    struct line_writer *w = arg;

    pthread_mutex_lock(&w->lock);
    while (!w->stop || w->first) {
        struct line *lines = w->first;
        bool good;

        if (!lines) {
            pthread_cond_wait(&w->changed, &w->lock);
            continue;
        }
        w->first = NULL; /* all that waits, at once */
        w->last = &w->first;
        w->busy = true;
        good = !w->broken;
        pthread_mutex_unlock(&w->lock);
        good = good && write_together(w->fd, lines);
        pthread_mutex_lock(&w->lock);
        w->busy = false;
        for (const struct line *l = lines; l; l = l->next)
            w->waiting -= l->len;
        free_lines(lines);
        if (!good && !w->broken)
            give_up(w);
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Would a write of LEN bytes certainly not block? A pipe that polls writable takes PIPE_BUF. */
static bool takes_now(const struct line_writer *w, size_t len)
{
    struct pollfd p = { .fd = w->fd, .events = POLLOUT };

    return !w->first && !w->busy && len <= PIPE_BUF && poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

/* One message, one line, whole, one write. */
static void write_line(struct sink *sink, const char *text, size_t len)
{
    struct line_writer *w = (struct line_writer *)sink;
    struct line *line = malloc(sizeof *line + len + 1);

    if (!line) {
        log_line(KMCP_LOG_ERROR, "stdio", "out of memory: an answer is lost");
        return;
    }
    memcpy(line->text, text, len);
    line->text[len] = '\n';
    line->len = len + 1;
    line->next = NULL;
    pthread_mutex_lock(&w->lock);
    if (w->broken) {
        free(line);
    } else if (takes_now(w, line->len)) {
        if (!write_all(w->fd, line->text, line->len))
            give_up(w);
        free(line);
    } else if (w->waiting + line->len > LINE_WRITER_MAX ||
               (!w->started && pthread_create(&w->thread, NULL, write_waiting, w) != 0)) {
        log_line(KMCP_LOG_ERROR, "stdio", "the client does not read its answers; ending");
        free(line);
        give_up(w);
    } else {
        w->started = true;
        w->waiting += line->len;
        *w->last = line;
        w->last = &line->next;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
}

/* All that stdio has: one line, whatever it is. */
static void answer_line(struct sink *sink, int status, const char *text, size_t len)
{
    (void)status;
    if (text)
        write_line(sink, text, len);
}

/* Waits until everything is written, or UNTIL_MS. True if the writer is through and gone. */
bool line_writer_finish(struct line_writer *w, int64_t until_ms)
{
    bool written;

    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->changed);
    while ((w->first || w->busy) && clock_ms() < until_ms) {
        struct timespec t = clock_after(until_ms - clock_ms());

        pthread_cond_timedwait(&w->changed, &w->lock, &t);
    }
    written = !w->first && !w->busy;
    pthread_mutex_unlock(&w->lock);
    if (written && w->started)
        pthread_join(w->thread, NULL);
    return written;
}

void line_writer_init(struct line_writer *w, int fd, void (*on_broken)(int unused))
{
    static const struct sink_ops ops = { .write = write_line, .answer = answer_line };

    *w = (struct line_writer){ .sink = { &ops }, .fd = fd, .on_broken = on_broken };
    w->last = &w->first;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
}

bool line_writer_broken(struct line_writer *w)
{
    bool broken;

    pthread_mutex_lock(&w->lock);
    broken = w->broken;
    pthread_mutex_unlock(&w->lock);
    return broken;
}

void line_writer_free(struct line_writer *w)
{
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
}
