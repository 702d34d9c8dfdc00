/* server.h - MCP over any transport: takes messages, answers each exactly once.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_SERVER_H
#define KMCP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "call.h"
#include "context.h"

/* Where answers go. WRITE gets one whole message without newline; any thread, one message at a time by its
 * own means. */
struct sink {
    void (*write)(struct sink *s, const char *text, size_t len);
};

struct server;

/* HOST must outlive it. At most WORKERS calls run at once; more wait. */
struct server *server_new(struct host *host, size_t workers);
/* Nothing may be under way any more. */
void server_free(struct server *s);

/* Takes one message and returns at once: tool calls run on workers. SESSION and SINK must outlive the answer.
 */
void server_receive(struct server *s, struct session *session, struct sink *sink, const char *text,
                    size_t len);
/* Answers a message that could not even be taken (too long): one error without an id. */
void server_reject(struct sink *sink, const char *why);

/* Questions that nobody answered in time are answered for them. Milliseconds until it wants to be called
 * again, -1 if nothing is open. */
int64_t server_tick(struct server *s);
/* Cancels every call under way. */
void server_cancel_all(struct server *s);
/* Waits until no call is under way, or the monotonic time UNTIL_MS; true if none is. */
bool server_wait_idle(struct server *s, int64_t until_ms);

#endif
