/* ahead.c - windows of replies that come in order, and who has a seat in which.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "ahead_inner.h"
#include "base/clock.h"
#include "route.h"

#define JOINABLE_MS 1000 /* so old may a window be that others still join */

static bool copy_params(struct arena *a, const struct kmcp_param **params, size_t n)
{
    struct kmcp_param *copy = arena_alloc(a, (n + 1) * sizeof *copy);
    bool ok = copy != NULL;

    for (size_t i = 0; ok && i < n; i++) {
        copy[i].name = arena_strdup(a, (*params)[i].name);
        copy[i].value = arena_strdup(a, (*params)[i].value);
        ok = copy[i].name && (copy[i].value || !(*params)[i].value);
    }
    *params = copy;
    return ok;
}

static void free_window(struct ahead *a)
{
    for (size_t i = 0; i < a->depth; i++)
        if (a->slots[i].reply)
            cache_reply_drop(a->client->cache, a->slots[i].reply);
    arena_release(&a->arena, 0);
    free(a->threads);
    free(a->value);
    free(a);
}

static struct ahead *new_window(struct client *cl, const struct client_call *call,
                                const struct kmcp_request *rq, const struct ahead_list *list, const char *key)
{
    size_t depth = cl->sweep_pages;
    struct ahead *a = calloc(1, sizeof *a + depth * sizeof a->slots[0]);

    if (!a)
        return NULL;
    a->client = cl;
    a->depth = depth;
    a->known = 1;
    a->opened_ms = clock_ms();
    a->rq = *rq;
    a->list = *list;
    arena_init(&a->arena, WINDOW_CALL);
    a->key = arena_strdup(&a->arena, key);
    a->tags = route_tags(&a->arena, rq->route->tags, rq);
    a->list.start = arena_strdup(&a->arena, list->start);
    a->call = (struct client_call){
        .cancelled = &a->stop,
        .deadline_ms = call->deadline_ms,
        .tool = call->tool,
        .planning = call->planning,
        .read_only = call->read_only,
        .redact = call->redact,
        .traceparent = arena_strdup(&a->arena, call->traceparent),
        .tracestate = arena_strdup(&a->arena, call->tracestate),
    };
    if (!copy_params(&a->arena, &a->rq.path, rq->n_path) ||
        !copy_params(&a->arena, &a->rq.query, rq->n_query) || (key && !a->key) ||
        (list->start && !a->list.start)) {
        free_window(a);
        return NULL;
    }
    return a;
}

/* What two callers must have in common to share: the request, and that neither is more than a reader. */
static const char *key_of(struct client_call *call, const struct kmcp_request *rq,
                          const struct ahead_list *list)
{
    struct failure ignored = { .rc = KMCP_OK };
    char *path;

    if (!list->shared || call->planning || call->tool != KMCP_READ || rq->route->safety != KMCP_READ ||
        list->start)
        return NULL;
    path = route_expand(call->arena, rq, &ignored);
    return path ? arena_format(call->arena, "%u %u %s", rq->route->paging, rq->route->limit, path) : NULL;
}

struct ahead_seat *ahead_join(struct client *cl, struct client_call *call, const struct kmcp_request *rq,
                              const struct ahead_list *list)
{
    struct ahead_seat *seat = calloc(1, sizeof *seat);
    const char *key = key_of(call, rq, list);
    struct ahead *a = NULL;

    if (!seat)
        return NULL;
    seat->call = call;
    pthread_mutex_lock(&cl->ahead_lock);
    for (a = key ? cl->windows : NULL; a; a = a->next)
        if (a->key && strcmp(a->key, key) == 0 && a->base == 0 && !a->broken &&
            clock_ms() - a->opened_ms < JOINABLE_MS)
            break;
    if (!a && (a = new_window(cl, call, rq, list, key))) {
        a->next = cl->windows;
        cl->windows = a;
    }
    if (!a) {
        pthread_mutex_unlock(&cl->ahead_lock);
        free(seat);
        return NULL;
    }
    if (call->deadline_ms > a->call.deadline_ms)
        a->call.deadline_ms = call->deadline_ms;
    seat->window = a;
    seat->next = a->seats;
    a->seats = seat;
    pthread_mutex_unlock(&cl->ahead_lock);
    return seat;
}

/* Gives up what all have taken. Under the lock. */
static void move_on(struct ahead *a)
{
    size_t least = SIZE_MAX;

    for (const struct ahead_seat *s = a->seats; s; s = s->next)
        least = s->at < least ? s->at : least;
    while (a->seats && a->base < least) {
        struct slot *slot = ahead_slot(a, a->base);

        if (slot->reply)
            cache_reply_drop(a->client->cache, slot->reply);
        *slot = (struct slot){ .state = SLOT_EMPTY };
        a->base++;
    }
    pthread_cond_broadcast(&a->client->ahead_changed);
}

/* Waits for a change. False with the failure set once the call is cancelled or out of time. */
static bool wait_for_change(struct ahead_seat *seat)
{
    struct client *cl = seat->window->client;
    struct client_call *call = seat->call;
    int64_t left = call->deadline_ms - clock_ms();
    struct timespec until = clock_after(left > 0 ? left : 0);

    if (call->cancelled && __atomic_load_n(call->cancelled, __ATOMIC_ACQUIRE))
        failure_set(call->failure, KMCP_E_CANCELLED, "the call was cancelled");
    else if (left <= 0)
        failure_set(call->failure, KMCP_E_TIMEOUT, "no answer from the API in time; try again");
    else
        pthread_cond_timedwait(&cl->ahead_changed, &cl->ahead_lock, &until);
    return call->failure->rc == KMCP_OK;
}

/* Fetches reply I on the caller's own thread. A failure is his alone: others try for themselves. */
static void fetch_myself(struct ahead_seat *seat, struct slot *slot)
{
    struct ahead *a = seat->window;

    slot->state = SLOT_FETCHING;
    slot->reply = ahead_fetch(a, seat->call, seat->at);
    slot->state = slot->reply ? SLOT_READY : SLOT_EMPTY;
    pthread_cond_broadcast(&a->client->ahead_changed);
}

static void land(struct ahead_seat *seat)
{
    struct client *cl = seat->window->client;

    pthread_mutex_unlock(&cl->ahead_lock);
    early_land(cl, seat->call);
    pthread_mutex_lock(&cl->ahead_lock);
}

struct cache_reply *ahead_next(struct ahead_seat *seat)
{
    struct ahead *a = seat->window;
    struct cache_reply *reply = NULL;

    pthread_mutex_lock(&a->client->ahead_lock);
    while (seat->call->failure->rc == KMCP_OK) {
        struct slot *slot = seat->at < a->base + a->depth ? ahead_slot(a, seat->at) : NULL;

        if (slot && slot->state == SLOT_READY) {
            reply = cache_reply_hold(a->client->cache, slot->reply);
            break;
        }
        if (slot && slot->state == SLOT_FAILED)
            failure_set(seat->call->failure, slot->failure.rc, "%s", slot->failure.text);
        else if (slot && slot->state == SLOT_EMPTY && seat->at < a->known)
            fetch_myself(seat, slot);
        else if (early_is_out(seat->call)) /* others may wait for it: this window's threads, too */
            land(seat);
        else
            wait_for_change(seat);
    }
    seat->at++;
    move_on(a);
    pthread_mutex_unlock(&a->client->ahead_lock);
    return reply;
}

void ahead_plan(struct ahead_seat *seat, int64_t start, int64_t stride, size_t n, bool passing)
{
    struct ahead *a = seat->window;

    pthread_mutex_lock(&a->client->ahead_lock);
    if (!a->planned && n > a->known) {
        a->planned = true;
        a->start = start;
        a->stride = stride;
        a->known = n;
        a->list.passing = a->list.passing || passing;
        ahead_start_threads(a, n > 2 ? (n - 1 < a->depth ? n - 1 : a->depth) : 0);
    }
    pthread_mutex_unlock(&a->client->ahead_lock);
}

void ahead_follow(struct ahead_seat *seat, const char *value)
{
    struct ahead *a = seat->window;

    pthread_mutex_lock(&a->client->ahead_lock);
    if (a->known <= seat->at) {
        free(a->value);
        a->value = strdup(value);
        a->known = a->value ? seat->at + 1 : a->known;
        ahead_start_threads(a, 1);
        pthread_cond_broadcast(&a->client->ahead_changed);
    }
    pthread_mutex_unlock(&a->client->ahead_lock);
}

void ahead_leave(struct ahead_seat *seat)
{
    struct ahead *a = seat->window, **at;
    struct client *cl = a->client;
    struct ahead_seat **place = &a->seats;
    bool last;

    pthread_mutex_lock(&cl->ahead_lock);
    while (*place != seat)
        place = &(*place)->next;
    *place = seat->next;
    last = !a->seats;
    if (last) {
        __atomic_store_n(&a->stop, 1, __ATOMIC_RELEASE);
        for (at = &cl->windows; *at != a;)
            at = &(*at)->next;
        *at = a->next;
        pthread_cond_broadcast(&cl->ahead_changed);
    } else {
        move_on(a);
    }
    pthread_mutex_unlock(&cl->ahead_lock);
    free(seat);
    if (!last)
        return;
    if (a->n_threads)
        client_wake(cl); /* what they fetch is wanted by nobody */
    for (size_t i = 0; i < a->n_threads; i++)
        pthread_join(a->threads[i], NULL);
    free_window(a);
}

void ahead_spoil(struct client *cl, const char *tags)
{
    pthread_mutex_lock(&cl->ahead_lock);
    for (struct ahead *a = cl->windows; tags && a; a = a->next)
        if (cache_tags_meet(tags, a->tags))
            a->key = NULL;
    pthread_mutex_unlock(&cl->ahead_lock);
}

void ahead_wake(struct client *cl)
{
    pthread_mutex_lock(&cl->ahead_lock);
    pthread_cond_broadcast(&cl->ahead_changed);
    pthread_mutex_unlock(&cl->ahead_lock);
}
