/* ahead_fetch.c - the replies of a window are fetched: by threads of its own, or by whoever waits.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ahead_inner.h"
#include "base/wipe.h"

#define STACK_BYTES  (512u << 10)
#define VALUE_DIGITS 24

/* The request of reply I into RQ; its parameters into PARAMS (room for one more than the base has). */
static void request_of(const struct ahead *a, size_t i, char digits[VALUE_DIGITS], const char *followed,
                       struct kmcp_param *params, struct kmcp_request *rq)
{
    bool in_path = a->list.kind == AHEAD_PATH;
    const struct kmcp_param *base = in_path ? a->rq.path : a->rq.query;
    size_t n = in_path ? a->rq.n_path : a->rq.n_query;
    const char *value = in_path      ? a->list.values[i]
                        : followed   ? followed
                        : i == 0     ? a->list.start
                        : a->planned ? digits
                                     : NULL;

    snprintf(digits, VALUE_DIGITS, "%lld", (long long)(a->start + (int64_t)i * a->stride));
    *rq = a->rq;
    if (n)
        memcpy(params, base, n * sizeof *params);
    if (a->list.name)
        params[n++] = (struct kmcp_param){ a->list.name, value };
    if (in_path) {
        rq->path = params;
        rq->n_path = n;
    } else {
        rq->query = params;
        rq->n_query = n;
    }
}

struct cache_reply *ahead_fetch(struct ahead *a, struct client_call *call, size_t i)
{
    size_t n = (a->list.kind == AHEAD_PATH ? a->rq.n_path : a->rq.n_query) + 1;
    struct kmcp_param *params = arena_alloc(call->arena, n * sizeof *params);
    char *followed = a->value && i + 1 == a->known ? arena_strdup(call->arena, a->value) : NULL;
    char digits[VALUE_DIGITS];
    struct cache_reply *reply = NULL;
    struct kmcp_request rq;

    if (!params || (a->value && i + 1 == a->known && !followed)) {
        failure_set(call->failure, KMCP_E_NOMEM,
                    "the call needs more memory than [limits] call_bytes allows");
        return NULL;
    }
    request_of(a, i, digits, followed, params, &rq);
    call->passing = a->list.passing;
    pthread_mutex_unlock(&a->client->ahead_lock);
    reply = client_fetch(a->client, call, &rq);
    pthread_mutex_lock(&a->client->ahead_lock);
    return reply;
}

/* The first reply that nobody is on; a->known if there is none that may be fetched now. */
static size_t first_empty(struct ahead *a)
{
    for (size_t i = a->base; i < a->known && i < a->base + a->depth; i++)
        if (ahead_slot(a, i)->state == SLOT_EMPTY)
            return i;
    return a->known;
}

static void *fetch_ahead(void *arg)
{
    struct ahead *a = arg;
    struct client *cl = a->client;

    pthread_mutex_lock(&cl->ahead_lock);
    while (!__atomic_load_n(&a->stop, __ATOMIC_ACQUIRE) && !a->broken) {
        size_t i = first_empty(a);
        struct failure failure = { .rc = KMCP_OK };
        struct client_call call = a->call;
        struct arena arena;
        struct slot *slot;

        if (i == a->known) {
            pthread_cond_wait(&cl->ahead_changed, &cl->ahead_lock);
            continue;
        }
        slot = ahead_slot(a, i);
        slot->state = SLOT_FETCHING;
        arena_init(&arena, WINDOW_CALL);
        call.arena = &arena;
        call.failure = &failure;
        slot->reply = ahead_fetch(a, &call, i);
        slot->failure = failure;
        slot->state = slot->reply ? SLOT_READY : SLOT_FAILED;
        a->broken = !slot->reply && a->list.kind == AHEAD_QUERY; /* the others say what came before */
        arena_release(&arena, 0);
        pthread_cond_broadcast(&cl->ahead_changed);
    }
    pthread_mutex_unlock(&cl->ahead_lock);
    wipe_stack(); /* the system keeps the stack for the next thread */
    return NULL;
}

void ahead_start_threads(struct ahead *a, size_t n)
{
    pthread_attr_t attr;

    if (a->threads || n == 0 || !(a->threads = calloc(n, sizeof *a->threads)))
        return;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    while (a->n_threads < n && pthread_create(&a->threads[a->n_threads], &attr, fetch_ahead, a) == 0)
        a->n_threads++;
    pthread_attr_destroy(&attr);
}
