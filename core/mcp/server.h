/* server.h - MCP over any transport: takes messages, answers each exactly once.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_SERVER_H
#define KMCP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "call.h"
#include "context.h"
#include "rpc.h"

/* Where messages go: all of stdio, or one HTTP exchange. One whole message without newline at a time; any
 * thread. */
struct sink_ops {
    /* A message before the answer, or beside it: a notification, or a request of ours. */
    void (*write)(struct sink *s, const char *text, size_t len);
    /* The answer. STATUS is what HTTP calls it; TEXT NULL: there is none (a notification, a cancelled
     * request). */
    void (*answer)(struct sink *s, int status, const char *text, size_t len);
    /* Can write() reach the client? */
    bool (*streams)(struct sink *s);
    /* The client may hang up and come back for the rest; NULL: it cannot. */
    void (*let_go)(struct sink *s, uint32_t retry_ms);
    /* References; NULL: it outlives everybody. */
    void (*hold)(struct sink *s);
    void (*drop)(struct sink *s);
};
struct sink {
    const struct sink_ops *ops;
};

static inline void sink_hold(struct sink *s)
{
    if (s->ops->hold)
        s->ops->hold(s);
}
static inline void sink_drop(struct sink *s)
{
    if (s->ops->drop)
        s->ops->drop(s);
}

/* Who sends a message. */
#define SCOPE(safety) (1u << (safety))
#define SCOPE_ALL     (SCOPE(KMCP_READ) | SCOPE(KMCP_REVEAL) | SCOPE(KMCP_WRITE) | SCOPE(KMCP_DESTROY))
struct who {
    const char *principal; /* copied */
    const char *transport; /* static text */
    uint32_t scopes;       /* classes of tools it may use */
};

/* "read", "reveal", "write", "destroy": the scope for tools of this class. */
const char *server_scope_name(kmcp_safety safety);

struct server;
struct request;

/* HOST must outlive it, and tells it what changes. At most WORKERS calls run at once; more wait. */
struct server *server_new(struct host *host, size_t workers);
/* Nothing may be under way any more. */
void server_free(struct server *s);

/* A message, copied and read, for the transport to look at. NULL when out of memory. */
struct request *server_read(struct server *s, const char *text, size_t len);
const struct rpc_message *request_message(const struct request *r);
/* Serves R and returns at once: plugins' code runs on workers. SESSION may be NULL (none); it and SINK are
 * held as long as they are needed. R is not the caller's any more. */
void server_take(struct server *s, struct request *r, struct session *session, const struct who *who,
                 struct sink *sink);
/* Answers R with an error without serving it; DATA is JSON or NULL. R is not the caller's any more. */
void server_refuse(struct request *r, struct sink *sink, int status, int code, const char *why,
                   const char *data);
/* read and take. */
void server_receive(struct server *s, struct session *session, const struct who *who, struct sink *sink,
                    const char *text, size_t len);
/* Answers a message that could not even be taken (too long): one error without an id. */
void server_reject(struct sink *sink, int status, int code, const char *why);

/* The session hears of what changes, until it is ended. */
void server_add_session(struct server *s, struct session *session);
/* Ends it: calls of it under way are cancelled; nothing more is sent to it. */
void server_end_session(struct server *s, struct session *session);
/* Nobody listens at SINK any more: what that cancels in the revision of each request, is cancelled. */
void server_hangup(struct server *s, struct sink *sink);

/* Questions that nobody answered in time are answered for them, long calls become jobs, old tasks go.
 * Milliseconds until it wants to be called again, -1 if nothing is open. */
int64_t server_tick(struct server *s);
/* Ends subscriptions with their result, as a server does that goes away. */
void server_end_listening(struct server *s);
/* Cancels every call under way, because kmcp ends: each is still answered. */
void server_cancel_all(struct server *s);
/* Answers for the calls that are stuck all the same: what is known of them is that they did not end. */
void server_give_up(struct server *s);
/* Waits until no call is under way, or the monotonic time UNTIL_MS; true if none is. */
bool server_wait_idle(struct server *s, int64_t until_ms);
/* Calls and tasks that are running now. */
size_t server_running(struct server *s);

#endif
