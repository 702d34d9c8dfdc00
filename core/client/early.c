/* early.c - requests that go out before the call asks for them.  SPDX-License-Identifier: Apache-2.0
 *
 * What a plugin knows it will ask for goes out beside the next request that it waits for, over the same loop
 * and without a thread, and is taken from the budget together with it. From then on, and not before, it is a
 * flight that others may join like any other; so a call that is about to wait for anything but an answer of
 * its own lands its flights first: nobody waits for a call that waits, and no two for each other.
 */

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/wipe.h"
#include "client_inner.h"
#include "route.h"

#define EARLY_MAX 4   /* for one call */
#define PLENTY    128 /* left of the hour's budget: what may turn out to be for nothing takes nobody's last */

struct client_early {
    struct client_early *next;
    struct kmcp_request rq; /* what is sent, without conditions on rows */
    char *path;
    const char *tags; /* the call's */
    uint64_t ticket, epoch;
    struct client_attempt attempt;
    enum { EARLY_NOTED, EARLY_LED, EARLY_BEGUN, EARLY_LANDED } state;
    struct cache_reply *reply; /* once landed; NULL: it failed */
    struct failure failure;
};

static void discard(struct client *cl, struct client_early *e)
{
    if (!e)
        return;
    if (e->reply)
        cache_reply_drop(cl->cache, e->reply);
    free(e->path);
    free(e);
}

/* Nobody else is on it, and it is not in the cache: the flight is ours. */
static bool leads(struct client *cl, struct client_early *e)
{
    struct cache_reply *reply = NULL;
    enum cache_found found;

    e->epoch = cache_epoch(cl->cache);
    found = cache_begin(cl->cache, e->path, e->tags, clock_ms(), client_ttl(cl, e->rq.route), &reply,
                        &e->ticket);
    if (found == CACHE_JOIN)
        reply = cache_join(cl->cache, e->ticket, 0, NULL); /* only leaves it */
    if (reply)
        cache_reply_drop(cl->cache, reply);
    return found == CACHE_LEAD;
}

void client_ahead(struct client *cl, struct client_call *call, const struct kmcp_request *rq)
{
    struct failure ignored = { .rc = KMCP_OK };
    int64_t left = __atomic_load_n(&cl->hour_left, __ATOMIC_RELAXED) - cl->reserve;
    struct client_early *e;
    size_t n = 0;
    char *path;

    for (e = call->early; e; e = e->next)
        n++;
    if (n >= EARLY_MAX || left < PLENTY || call->planning || call->tool != KMCP_READ ||
        rq->route->safety != KMCP_READ || strcmp(rq->route->method, "GET") != 0 ||
        !(path = route_expand(call->arena, rq, &ignored)) || !(e = calloc(1, sizeof *e)))
        return;
    if (!(e->path = strdup(path))) {
        discard(cl, e);
        return;
    }
    if (rq->route->secrets)
        wipe_begin();
    e->rq = (struct kmcp_request){ .route = rq->route, .timeout_ms = rq->timeout_ms };
    e->tags = route_tags(call->arena, rq->route->tags, rq);
    e->next = call->early;
    call->early = e;
}

int64_t early_lead(struct client *cl, struct client_call *call)
{
    struct client_early **at = &call->early, *e;
    int64_t n = 0;

    while ((e = *at)) {
        if (e->state == EARLY_NOTED && !leads(cl, e)) {
            *at = e->next;
            discard(cl, e);
            continue;
        }
        if (e->state == EARLY_NOTED) {
            e->state = EARLY_LED;
            n++;
        }
        at = &e->next;
    }
    return n;
}

void early_leave(struct client *cl, struct client_call *call)
{
    for (struct client_early *e = call->early; e; e = e->next)
        if (e->state == EARLY_LED) {
            cache_finish(cl->cache, e->ticket, NULL, clock_ms(), 0);
            e->state = EARLY_NOTED;
        }
}

void early_begin(struct client *cl, struct client_call *call)
{
    for (struct client_early *e = call->early; e; e = e->next)
        if (e->state == EARLY_LED) {
            client_begin(cl, call, &e->rq, e->path, NULL, &e->attempt);
            e->state = EARLY_BEGUN;
        }
}

static void land(struct client *cl, struct client_call *call, struct client_early *e)
{
    struct failure *of_call = call->failure;

    if (e->state != EARLY_BEGUN)
        return;
    e->state = EARLY_LANDED;
    call->failure = &e->failure;
    e->reply = client_send(cl, call, &e->rq, e->path, NULL, &e->attempt);
    call->failure = of_call;
    cache_finish(cl->cache, e->ticket, e->reply, clock_ms(), client_kept(cl, e->rq.route, e->reply));
}

bool early_is_out(const struct client_call *call)
{
    for (const struct client_early *e = call->early; e; e = e->next)
        if (e->state == EARLY_BEGUN)
            return true;
    return false;
}

void early_land(struct client *cl, struct client_call *call)
{
    for (struct client_early *e = call->early; e; e = e->next)
        land(cl, call, e);
}

bool early_take(struct client *cl, struct client_call *call, const char *path, struct cache_reply **reply)
{
    struct client_early **at = &call->early, *e;
    bool good;

    while (*at && strcmp((*at)->path, path) != 0)
        at = &(*at)->next;
    if (!(e = *at))
        return false;
    *at = e->next;
    land(cl, call, e);
    good = e->state == EARLY_LANDED && e->epoch == cache_epoch(cl->cache);
    if (good && !e->reply)
        failure_set(call->failure, e->failure.rc, "%s", e->failure.text);
    if (good && e->reply)
        *reply = cache_reply_hold(cl->cache, e->reply);
    discard(cl, e);
    return good;
}

void client_call_end(struct client *cl, struct client_call *call)
{
    static const volatile int unwanted = 1;

    looked_end(cl, call);
    for (struct client_early *e; (e = call->early);) {
        call->early = e->next;
        if (e->state == EARLY_BEGUN) {
            if (e->attempt.job)
                cl->ops->await(cl->http, e->attempt.job, &unwanted);
            free(e->attempt.x.data);
            cache_finish(cl->cache, e->ticket, NULL, clock_ms(), 0);
        }
        discard(cl, e);
    }
}

void client_waits(struct client *cl, struct client_call *call)
{
    early_land(cl, call);
    if (call->looks) /* who looks, waits and looks again wants to see a change */
        client_look_anew(cl, call);
}
