/* client_inner.h - what the client's own files share.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CLIENT_INNER_H
#define KMCP_CLIENT_INNER_H

#include <pthread.h>

#include "budget.h"
#include "cache.h"
#include "client.h"
#include "http.h"
#include "state/state.h"

struct client_ttl {
    const char *name;
    int64_t seconds;
};

/* Lists that are asked for without conditions; the tools of all modules have some twenty. */
#define WHOLE_LISTS 64
struct client_whole {
    const struct kmcp_route *route;
    int64_t rows;
};

struct client {
    const struct tenant *tenant;
    struct cache *cache;
    struct budget budget, tenth; /* in this process: without a state, and when it is lost */
    struct state *state;         /* NULL: none */
    int64_t per_hour, per_second, reserve;
    int64_t hour_left, reset_ms; /* as last seen; __atomic */
    bool state_lost;             /* __atomic */
    struct client_last last;     /* under sleep_lock */
    bool dated;                  /* a Date came; under sleep_lock */
    int64_t ahead_ms;            /* so far, at least, the API's clock is ahead of ours; under sleep_lock */
    bool look;                   /* at certificates */
    struct client_whole wholes[WHOLE_LISTS]; /* whole.c; under sleep_lock */
    struct client_ttl *ttls;
    size_t n_ttls;
    long connections;
    size_t reply_bytes;
    int64_t sweep_rows;
    size_t sweep_pages; /* replies of one list under way or waiting, at most */
    /* started with the first request */
    pthread_mutex_t start_lock;
    const struct http_ops *ops;
    struct http *http;
    /* sleepers (budget, back-off) wait here, so that a cancellation wakes them */
    pthread_mutex_t sleep_lock;
    pthread_cond_t sleep_wake;
    /* ahead.c */
    pthread_mutex_t ahead_lock;
    pthread_cond_t ahead_changed;
    struct ahead *windows;
};

/* whole.c: RQ's list has so many rows; forgotten at once if conditions, or a device, select of it. */
void whole_remember(struct client *cl, const struct kmcp_request *rq, int64_t rows);

/* client_budget.c */
void client_budget_init(struct client *cl, struct config *c);
/* Takes WANT requests: 0 and they are taken, milliseconds to wait, or -1 with the call's failure set. */
int64_t client_take(struct client *cl, struct client_call *call, int64_t want);
/* What the service said with an answer; PAUSE_MS: how long it asked to wait, 0 not at all. */
void client_learn(struct client *cl, const struct http_exchange *x, int64_t pause_ms);
/* "needs 240 more calls, 9,100 left, resets in 22 min" */
void client_forecast(struct client *cl, int64_t calls, char *out, size_t size);

/* One attempt of a request. */
struct client_attempt {
    struct http_exchange x;
    struct http_job *job; /* NULL: out of memory */
    int64_t began_ms;
};
/* client_send.c: takes from the budget, sends, retries where the route allows it, until there is an answer
 * that is 2xx. BEGUN: its first attempt, which is under way; NULL: it is not. The reply is the caller's to
 * drop. NULL with the call's failure set. */
struct cache_reply *client_send(struct client *cl, struct client_call *call, const struct kmcp_request *rq,
                                const char *path, const char *body, struct client_attempt *begun);
/* client_send.c: sends it off. It is taken from the budget already. A must stay where it is until
 * client_send.
 */
void client_begin(struct client *cl, struct client_call *call, const struct kmcp_request *rq,
                  const char *path, const char *body, struct client_attempt *a);
/* client.c: the checks before anything is sent. */
kmcp_rc client_check(const struct client_call *call, const struct kmcp_request *rq);
/* looked.c: the reply to a GET of what is acted on: as it is now, or as this look has read it already. To be
 * dropped by the caller; NULL with the call's failure set. */
struct cache_reply *looked_fetch(struct client *cl, struct client_call *call, const struct kmcp_request *rq,
                                 const char *path);
/* looked.c: what comes now is not what was looked at. */
void looked_end(struct client *cl, struct client_call *call);
/* early.c: of the requests that client_ahead noted, leads those that nobody is on and the cache has not; so
 * many they are. They are to be begun, or left, at once. */
int64_t early_lead(struct client *cl, struct client_call *call);
/* early.c: sends them; they are taken from the budget. */
void early_begin(struct client *cl, struct client_call *call);
/* early.c: there is no room for them now. */
void early_leave(struct client *cl, struct client_call *call);
/* early.c: the reply of what was sent early for PATH, if anything was and nothing has been forgotten since,
 * into *REPLY (NULL with the call's failure set); to be dropped by the caller. */
bool early_take(struct client *cl, struct client_call *call, const char *path, struct cache_reply **reply);
/* early.c: is anything under way? */
bool early_is_out(const struct client_call *call);
/* early.c: waits for all that is under way: who waits for somebody else must not be waited for. */
void early_land(struct client *cl, struct client_call *call);
/* client.c: how long replies of ROUTE are kept, in seconds. */
int64_t client_ttl(const struct client *cl, const struct kmcp_route *route);
/* client.c: and this one of its replies (NULL: none). */
int64_t client_kept(const struct client *cl, const struct kmcp_route *route, const struct cache_reply *reply);
/* client.c: one GET or act, through cache and flights; the raw reply for the sweep. NULL with the failure
 * set. */
struct cache_reply *client_fetch(struct client *cl, struct client_call *call, const struct kmcp_request *rq);
/* client.c: the reply's JSON in arena A, of its rows (TOP: of an object itself) only FIELDS (NULL: all), not
 * yet masked. NULL body for an empty one. */
kmcp_rc client_parse(struct client_call *call, struct arena *a, const struct kmcp_request *rq,
                     const struct cache_reply *reply, const char *fields, bool top, kmcp_json **body);
/* client.c: masks BODY as the route and the call demand. */
kmcp_rc client_mask(struct client_call *call, struct arena *a, const struct kmcp_route *route,
                    kmcp_json *body);

#endif
