/* ahead_inner.h - what ahead.c, which hands replies over, and ahead_fetch.c, which fetches them, share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_AHEAD_INNER_H
#define KMCP_AHEAD_INNER_H

#include "ahead.h"

#define WINDOW_CALL ((size_t)1 << 20)

struct slot {
    enum { SLOT_EMPTY, SLOT_FETCHING, SLOT_READY, SLOT_FAILED } state;
    struct cache_reply *reply;
    struct failure failure;
};

struct ahead_seat {
    struct ahead_seat *next; /* in the window */
    struct ahead *window;
    struct client_call *call;
    size_t at; /* the reply that comes next */
};

/* All under the client's ahead_lock, but for what is set once and ARENA's bytes. */
struct ahead {
    struct ahead *next; /* the client's windows */
    struct client *client;
    struct arena arena;
    char *key; /* NULL: not shared */
    const char *tags;
    int64_t opened_ms;
    struct kmcp_request rq; /* the base */
    struct ahead_list list;
    struct client_call call; /* what the threads' calls begin with */
    volatile int stop;       /* __atomic: the threads' cancel flag */
    struct ahead_seat *seats;
    size_t base, depth; /* replies BASE to BASE + DEPTH - 1 have slots */
    size_t known;       /* replies that are known to exist */
    bool planned, broken;
    int64_t start, stride;
    char *value; /* of reply KNOWN - 1, as ahead_follow said */
    pthread_t *threads;
    size_t n_threads;
    struct slot slots[];
};

static inline struct slot *ahead_slot(struct ahead *a, size_t i)
{
    return &a->slots[i % a->depth];
}

/* Fetches reply I with CALL. The lock is held, and given up meanwhile. */
struct cache_reply *ahead_fetch(struct ahead *a, struct client_call *call, size_t i);
/* N of them, if there are none yet. Under the lock. Without threads it goes on one by one. */
void ahead_start_threads(struct ahead *a, size_t n);

#endif
