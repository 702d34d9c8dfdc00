/* state_inner.h - what state_open.c, which opens the store, and state.c, which uses it, share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_STATE_INNER_H
#define KMCP_STATE_INNER_H

#include <pthread.h>
#include "state_ops.h"

struct state {
    pthread_mutex_t lock;
    char folder[512], path[600];
    char tenant[128];
    bool redis;
    const char *user;          /* of Redis; NULL: its default one */
    const char *password_file; /* NULL: KMCP_REDIS_PASSWORD or none */
    int timeout_ms;
    const struct state_ops *ops;
    void *db;
    int64_t noted_ms; /* monotonic, when the time was last remembered */
    int64_t tried_ms; /* monotonic, when opening last failed; 0: it did not */
    char fault[STATE_FAULT_MAX];
};

/* Opens it if need be. True: it is open, and its lock held until state_leave(). */
bool state_enter(struct state *s);
/* Gives the lock back and returns RC. After STATE_LOST the store is closed, so that the next one opens it
 * afresh.
 */
enum state_rc state_leave(struct state *s, enum state_rc rc);

#endif
