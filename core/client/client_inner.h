/* client_inner.h - what the client's own files share.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CLIENT_INNER_H
#define KMCP_CLIENT_INNER_H

#include <pthread.h>

#include "budget.h"
#include "cache.h"
#include "client.h"
#include "http.h"

struct client_ttl {
    const char *name;
    int64_t seconds;
};

struct client {
    const struct tenant *tenant;
    struct cache *cache;
    struct budget budget;
    struct client_ttl *ttls;
    size_t n_ttls;
    long connections;
    size_t reply_bytes;
    int64_t sweep_rows;
    /* started with the first request */
    pthread_mutex_t start_lock;
    const struct http_ops *ops;
    struct http *http;
    /* sleepers (budget, back-off) wait here, so that a cancellation wakes them */
    pthread_mutex_t sleep_lock;
    pthread_cond_t sleep_wake;
};

/* client_send.c: takes from the budget, sends, retries where the route allows it, until there is an answer
 * that is 2xx. The reply is the caller's to drop. NULL with the call's failure set. */
struct cache_reply *client_send(struct client *cl, struct client_call *call, const struct kmcp_request *rq,
                                const char *path, const char *body);
/* client.c: the checks before anything is sent. */
kmcp_rc client_check(const struct client_call *call, const struct kmcp_request *rq);
/* client.c: one GET or act, through cache and flights; the raw reply for the sweep. NULL with the failure
 * set. */
struct cache_reply *client_fetch(struct client *cl, struct client_call *call, const struct kmcp_request *rq);
/* client.c: the reply's JSON in arena A, not yet masked. NULL body for an empty one. */
kmcp_rc client_parse(struct client_call *call, struct arena *a, const struct kmcp_request *rq,
                     const struct cache_reply *reply, kmcp_json **body);
/* client.c: masks BODY as the route and the call demand. */
kmcp_rc client_mask(struct client_call *call, struct arena *a, const struct kmcp_route *route,
                    kmcp_json *body);

#endif
