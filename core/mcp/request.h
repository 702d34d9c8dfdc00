/* request.h - one request from its arrival to its answer.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_REQUEST_H
#define KMCP_REQUEST_H

#include "base/pool.h"
#include "server.h"
#include "tools.h"

#define PARKED_MAX 64

/* The responses of a 2025-03-26 batch go out together, as one array. */
struct batch {
    pthread_mutex_t lock;
    struct sink *sink;
    struct buf responses;
    size_t waiting; /* requests without a response yet, and one for the reader itself */
};

struct request {
    struct request *next; /* in server->under_way */
    struct server *server;
    struct session *session;
    struct sink *sink;
    struct batch *batch; /* NULL: answered alone */
    struct arena arena;
    struct rpc_message message;
    struct context context;
    int cancelled; /* __atomic */
    /* asking the person, when the client is asked by a request of ours (2025-06-18, 2025-11-25) */
    bool parked;
    char ask_id[24]; /* "kmcp-7" */
    int64_t expires_ms;
    enum call_answer answer;
    char state[CONSENT_TEXT_MAX];
};

struct server {
    struct host *host;
    struct tools tools;
    struct pool *pool;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    struct request *under_way;
    size_t running; /* not parked */
    uint64_t asked;
};

/* ---- request.c ---- */

/* A request with its own copy of TEXT, read. NULL when out of memory. */
struct request *request_new(struct server *s, struct session *session, struct sink *sink, struct batch *batch,
                            const char *text, size_t len);
void request_free(struct request *r);
/* Sends a response (no newline) where it belongs, unless the request was cancelled. */
void request_respond(struct request *r, const struct buf *response);
void request_result(struct request *r, const char *members, int64_t ttl_ms);
void request_error(struct request *r, int code, const char *message, const char *data);
/* Adds to the batch's array (RESPONSE NULL: nothing to add); the last one sends it. */
void batch_done(struct batch *b, const struct buf *response);

/* ---- tools_call.c ---- */

/* tools/call: puts R under way and on a worker. R is not the caller's any more. */
void tools_call(struct request *r);
/* A response to a question of ours; true if it was one. */
bool tools_answer(struct server *s, const struct rpc_message *m);
/* notifications/cancelled for the request with this key. */
void tools_cancel(struct server *s, const struct session *session, const char *key);
/* Is a request with this key under way in SESSION? */
bool tools_under_way(struct server *s, const struct session *session, const char *key);

#endif
