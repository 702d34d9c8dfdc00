/* state_ops.h - what a backend of the state does; kmcp-sqlite.so and kmcp-redis.so export one table each.
 * SPDX-License-Identifier: Apache-2.0
 *
 * state.c has scoped the keys and checked the arguments, gives the time, and calls one function at a time.
 * FAULT gets one sentence when STATE_LOST is returned.
 */
#ifndef KMCP_STATE_OPS_H
#define KMCP_STATE_OPS_H

#include "state.h"

#define STATE_FAULT_MAX 400

struct state_place {
    const char *path;            /* SQLite: the file. Redis: the URL without the password */
    const char *user, *password; /* of Redis; NULL: its default user, none */
    int timeout_ms;
};

struct state_ops {
    void *(*open)(const struct state_place *place, char *fault);
    void (*close)(void *db);
    /* Unix milliseconds by the backend's own clock; 0: it has none */
    int64_t (*now)(void *db, char *fault);
    enum state_rc (*take)(void *db, int64_t now, const struct state_bucket *b, size_t n, int64_t *wait_ms,
                          int64_t *left, char *fault);
    enum state_rc (*learn)(void *db, int64_t now, const struct state_bucket *b, int64_t at_most,
                           int64_t pause_ms, char *fault);
    enum state_rc (*count)(void *db, int64_t now, const struct state_window *w, size_t n, bool commit,
                           size_t *full, int64_t *wait_ms, char *fault);
    enum state_rc (*get)(void *db, int64_t now, const char *space, const char *key, struct state_record *out,
                         char *fault);
    enum state_rc (*put)(void *db, int64_t now, const char *space, const char *key, int64_t version,
                         const void *value, size_t len, int64_t expires_ms, char *fault);
    enum state_rc (*add)(void *db, const char *space, const char *prefix, const struct state_new *rows,
                         size_t n, char *fault);
    enum state_rc (*drop)(void *db, int64_t now, const char *space, const char *key, int64_t version,
                          char *fault);
    enum state_rc (*each)(void *db, int64_t now, const char *space, const char *prefix, state_each_fn each,
                          void *arg, char *fault);
    /* Does it keep what it was told? NO: FAULT says what it may lose and why. NULL: it does. */
    enum state_rc (*keeps)(void *db, char *fault);
};

#endif
