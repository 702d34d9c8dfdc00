/* early.c - requests that go out before the call asks for them.  SPDX-License-Identifier: Apache-2.0
 *
 * What a plugin knows it will ask for goes out beside the request that it waits for, over the same loop and
 * without a thread. It is a flight that others may join like any other; so a call that is about to wait for
 * somebody else's flight lands its own first, and no two calls can wait for each other.
 */

#include "base/clock.h"
#include "client_inner.h"
#include "route.h"

#include <stdlib.h>
#include <string.h>

#define EARLY_MAX 4   /* for one call */
#define PLENTY    128 /* left of the hour's budget: what may turn out to be for nothing takes nobody's last */

struct client_early {
    struct client_early *next;
    struct kmcp_request rq; /* what is sent, without conditions on rows */
    char *path;
    uint64_t ticket;
    struct client_attempt attempt;
    bool landed;
    struct cache_reply *reply; /* once landed; NULL: it failed */
    struct failure failure;
};

static bool may_spend(struct client *cl)
{
    bool started;

    if (__atomic_load_n(&cl->hour_left, __ATOMIC_RELAXED) - cl->reserve < PLENTY)
        return false;
    pthread_mutex_lock(&cl->start_lock);
    started = cl->http != NULL;
    pthread_mutex_unlock(&cl->start_lock);
    return started;
}

/* Nobody else is on it, it is not in the cache, and there is room for it now: the flight is ours. */
static bool leads(struct client *cl, struct client_call *call, const char *path, const char *tags,
                  int64_t ttl, uint64_t *ticket)
{
    struct cache_reply *reply = NULL;
    enum cache_found found = cache_begin(cl->cache, path, tags, clock_ms(), ttl, &reply, ticket);

    if (found == CACHE_JOIN)
        reply = cache_join(cl->cache, *ticket, 0, NULL); /* only leaves it */
    if (reply)
        cache_reply_drop(cl->cache, reply);
    if (found != CACHE_LEAD)
        return false;
    if (client_take(cl, call) == 0)
        return true;
    cache_finish(cl->cache, *ticket, NULL, clock_ms(), 0);
    return false;
}

static void discard(struct client_early *e)
{
    if (e)
        free(e->path);
    free(e);
}

void client_ahead(struct client *cl, struct client_call *call, const struct kmcp_request *rq)
{
    struct failure ignored = { .rc = KMCP_OK };
    struct client_early *e = call->early;
    size_t n = 0;
    char *path;

    for (; e; e = e->next)
        n++;
    e = NULL;
    if (n >= EARLY_MAX || call->planning || call->tool != KMCP_READ || rq->route->safety != KMCP_READ ||
        strcmp(rq->route->method, "GET") != 0 || !may_spend(cl) ||
        !(path = route_expand(call->arena, rq, &ignored)) || !(e = calloc(1, sizeof *e)) ||
        !(e->path = strdup(path)) ||
        !leads(cl, call, path, route_tags(call->arena, rq->route->tags, rq), client_ttl(cl, rq->route),
               &e->ticket)) {
        discard(e);
        return;
    }
    e->rq = (struct kmcp_request){ .route = rq->route, .timeout_ms = rq->timeout_ms };
    client_begin(cl, call, &e->rq, e->path, NULL, &e->attempt);
    e->next = call->early;
    call->early = e;
}

static void land(struct client *cl, struct client_call *call, struct client_early *e)
{
    struct failure *of_call = call->failure;

    if (e->landed)
        return;
    call->failure = &e->failure;
    e->reply = client_send(cl, call, &e->rq, e->path, NULL, &e->attempt);
    call->failure = of_call;
    cache_finish(cl->cache, e->ticket, e->reply, clock_ms(), client_ttl(cl, e->rq.route));
    e->landed = true;
}

void early_land(struct client *cl, struct client_call *call)
{
    for (struct client_early *e = call->early; e; e = e->next)
        land(cl, call, e);
}

bool early_take(struct client *cl, struct client_call *call, const char *path, struct cache_reply **reply)
{
    struct client_early **at = &call->early, *e;

    while (*at && strcmp((*at)->path, path) != 0)
        at = &(*at)->next;
    if (!(e = *at))
        return false;
    *at = e->next;
    land(cl, call, e);
    *reply = e->reply;
    if (!e->reply)
        failure_set(call->failure, e->failure.rc, "%s", e->failure.text);
    discard(e);
    return true;
}

void client_call_end(struct client *cl, struct client_call *call)
{
    static const volatile int unwanted = 1;

    for (struct client_early *e; (e = call->early);) {
        call->early = e->next;
        if (!e->landed && e->attempt.job)
            cl->ops->await(cl->http, e->attempt.job, &unwanted);
        if (!e->landed)
            cache_finish(cl->cache, e->ticket, NULL, clock_ms(), 0);
        free(e->attempt.x.data); /* the reply's, once landed */
        if (e->reply)
            cache_reply_drop(cl->cache, e->reply);
        discard(e);
    }
}
