/* sqlite_inner.h - what the files of kmcp-sqlite.so share; the only one that sees SQLite.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_SQLITE_INNER_H
#define KMCP_SQLITE_INNER_H

#include <sqlite3.h>
#include "state_ops.h"

/* The statements, prepared (sqlite.c). */
enum {
    BEGIN_NOW,
    COMMIT,
    GET,
    PUT_NEW,
    PUT_NEXT,
    DROP,
    ADD,
    EACH,
    SWEEP,
    BUCKET,
    SET_BUCKET,
    IN_WINDOW,
    OLDEST,
    ADD_EVENT,
    DROP_EVENTS,
    N_SQL
};

struct sqlite_db {
    sqlite3 *handle;
    sqlite3_stmt *stmt[N_SQL];
    char path[600];
    bool lazy; /* synchronous = NORMAL now */
    int turn;  /* FILE.lock; -1: none */
    int timeout_ms;
};

/* ---- sqlite_transaction.c ---- */

/* LOST, with what SQLite says and what to do in FAULT. */
enum state_rc sqlite_lost(struct sqlite_db *db, char *fault);
bool sqlite_run(struct sqlite_db *db, const char *text);
/* TEXT must stay until the statement is reset. */
void sqlite_bind_text(sqlite3_stmt *st, int i, const char *text);
/* Resets ST unless it has a row; then sqlite_done does. */
int sqlite_step(sqlite3_stmt *st);
void sqlite_done(sqlite3_stmt *st);
/* A transaction that writes, in its turn; LAZY: what it changed may be lost in a power cut. */
bool sqlite_begin(struct sqlite_db *db, bool lazy);
/* Its end: commits unless RC is LOST. RC, or LOST with the fault. */
enum state_rc sqlite_end(struct sqlite_db *db, enum state_rc rc, char *fault);

/* ---- sqlite_counts.c: of struct state_ops ---- */
enum state_rc sqlite_take(void *arg, int64_t now, const struct state_bucket *b, size_t n, int64_t *wait_ms,
                          int64_t *left, char *fault);
enum state_rc sqlite_learn(void *arg, int64_t now, const struct state_bucket *b, int64_t at_most,
                           int64_t pause_ms, char *fault);
enum state_rc sqlite_count(void *arg, int64_t now, const struct state_window *w, size_t n, bool commit,
                           size_t *full, int64_t *wait_ms, char *fault);

/* ---- sqlite_records.c: of struct state_ops ---- */
enum state_rc sqlite_get(void *arg, int64_t now, const char *space, const char *key, struct state_record *out,
                         char *fault);
enum state_rc sqlite_put(void *arg, int64_t now, const char *space, const char *key, int64_t version,
                         const void *value, size_t len, int64_t expires_ms, char *fault);
enum state_rc sqlite_add(void *arg, const char *space, const char *prefix, const struct state_new *rows,
                         size_t n, char *fault);
enum state_rc sqlite_drop(void *arg, int64_t now, const char *space, const char *key, int64_t version,
                          char *fault);
enum state_rc sqlite_each(void *arg, int64_t now, const char *space, const char *prefix, state_each_fn fn,
                          void *fn_arg, char *fault);

#endif
