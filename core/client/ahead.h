/* ahead.h - numbered requests, several under way at once, handed over in order.  SPDX-License-Identifier:
 * Apache-2.0
 *
 * The pages of one list, or one request for each of many devices. A window of `[limits] sweep_pages` replies
 * moves over them: no more are in memory, however long the list. Threads fetch ahead once it is known what
 * there is to fetch; until then whoever needs a reply fetches it himself. Callers that ask for the same list
 * at the same time share one window, at the pace of the slowest.
 */
#ifndef KMCP_AHEAD_H
#define KMCP_AHEAD_H

#include "client_inner.h"

struct ahead_seat; /* one taker's place in a window */

/* How the request of reply I differs from the base request. */
enum ahead_kind {
    AHEAD_QUERY, /* parameter NAME has the value START + I * STRIDE, or what ahead_follow said */
    AHEAD_PATH   /* path parameter NAME has the value VALUES[I] */
};

struct ahead_list {
    enum ahead_kind kind;
    const char *name;          /* NULL: nothing differs, there is one reply */
    const char *start;         /* AHEAD_QUERY: value for reply 0; NULL: the parameter is left out there */
    const char *const *values; /* AHEAD_PATH */
    bool shared;               /* others who ask the same may take the same replies */
    bool passing;              /* too much to keep in the cache */
};

/* A place in a window over RQ: one that others opened, if it is SHARED and nothing of it is gone yet; else a
 * new one. RQ and LIST must stay until ahead_leave (what others share is copied). NULL out of memory. */
struct ahead_seat *ahead_join(struct client *cl, struct client_call *call, const struct kmcp_request *rq,
                              const struct ahead_list *list);
/* The next reply, to be dropped by the caller. NULL with the call's failure set; the seat has moved on all
 * the same. Only as many as are known to exist may be asked for. */
struct cache_reply *ahead_next(struct ahead_seat *seat);
/* There are N replies in all, number I at START + I * STRIDE (AHEAD_QUERY); fetch ahead from now on. PASSING:
 * too much to keep in the cache. The first to say so counts. */
void ahead_plan(struct ahead_seat *seat, int64_t start, int64_t stride, size_t n, bool passing);
/* There is one more reply after the last that was taken, with VALUE. */
void ahead_follow(struct ahead_seat *seat, const char *value);
void ahead_leave(struct ahead_seat *seat);

/* client.c: an act touched TAGS: whoever comes now must not see what was fetched before. */
void ahead_spoil(struct client *cl, const char *tags);
/* Everybody who waits looks at his cancel flag. */
void ahead_wake(struct client *cl);

#endif
