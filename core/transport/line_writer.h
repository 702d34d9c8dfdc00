/* line_writer.h - messages to a client, one line each; nobody waits for a client that is slow to read.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_LINE_WRITER_H
#define KMCP_LINE_WRITER_H

#include <pthread.h>
#include "mcp/server.h"

/* What a client may leave unread before it counts as gone. */
#define LINE_WRITER_MAX ((size_t)64 << 20)

struct line;

/* Small messages go out at once when the pipe takes them; the rest waits for a thread of its own, so that
 * neither the reader nor a worker is ever held. */
struct line_writer {
    struct sink sink; /* first: a sink is a line_writer */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct line *first, **last;
    size_t waiting; /* bytes */
    int fd;
    bool started, busy, broken, stop;
    void (*on_broken)(int unused);
};

/* ON_BROKEN is called once, from any thread, when nobody reads any more. */
void line_writer_init(struct line_writer *w, int fd, void (*on_broken)(int unused));
bool line_writer_broken(struct line_writer *w);
/* Waits until everything is written, or the monotonic time UNTIL_MS. True if the thread is through and gone.
 */
bool line_writer_finish(struct line_writer *w, int64_t until_ms);
void line_writer_free(struct line_writer *w);

#endif
