/* sqlite_counts.c - allowances and windows.  SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "base/allowance.h"
#include "sqlite_inner.h"

/* ---- buckets ---- */

static bool read_bucket(struct sqlite_db *db, int64_t now, const struct state_bucket *b,
                        struct allowance *out)
{
    sqlite3_stmt *st = db->stmt[BUCKET];
    int rc;

    *out = (struct allowance){ 0 };
    sqlite_bind_text(st, 1, b->key);
    rc = sqlite_step(st);
    if (rc == SQLITE_ROW) {
        const void *used = sqlite3_column_blob(st, 2);

        out->head = sqlite3_column_int64(st, 0);
        out->closed_until = sqlite3_column_int64(st, 1);
        if (used && sqlite3_column_bytes(st, 2) == (int)sizeof out->used)
            memcpy(out->used, used, sizeof out->used);
        sqlite_done(st);
    } else if (rc != SQLITE_DONE) {
        return false;
    }
    allowance_settle(out, now, b->period_ms);
    return true;
}

static bool write_bucket(struct sqlite_db *db, const char *key, const struct allowance *a)
{
    sqlite3_stmt *st = db->stmt[SET_BUCKET];

    sqlite_bind_text(st, 1, key);
    sqlite3_bind_int64(st, 2, a->head);
    sqlite3_bind_int64(st, 3, a->closed_until);
    sqlite3_bind_blob(st, 4, a->used, sizeof a->used, SQLITE_STATIC);
    return sqlite_step(st) == SQLITE_DONE;
}

enum state_rc sqlite_take(void *arg, int64_t now, const struct state_bucket *b, size_t n, int64_t *wait_ms,
                          int64_t *left, char *fault)
{
    struct sqlite_db *db = arg;
    struct allowance levels[STATE_MANY];
    enum state_rc rc = STATE_YES;

    *wait_ms = 0;
    if (!sqlite_begin(db, true))
        return sqlite_lost(db, fault);
    for (size_t i = 0; i < n && rc != STATE_LOST; i++) {
        int64_t wait;

        if (!read_bucket(db, now, &b[i], &levels[i])) {
            rc = STATE_LOST;
            break;
        }
        wait = allowance_wait(&levels[i], now, b[i].capacity, b[i].period_ms, b[i].reserve, b[i].want);
        if (wait > *wait_ms)
            *wait_ms = wait;
    }
    if (rc == STATE_YES && *wait_ms)
        rc = STATE_NO;
    for (size_t i = 0; i < n && rc == STATE_YES; i++) {
        levels[i].used[0] += (uint32_t)b[i].want;
        if (!write_bucket(db, b[i].key, &levels[i]))
            rc = STATE_LOST;
    }
    for (size_t i = 0; left && i < n && rc != STATE_LOST; i++)
        left[i] = allowance_left(&levels[i], b[i].capacity);
    return sqlite_end(db, rc, fault);
}

enum state_rc sqlite_learn(void *arg, int64_t now, const struct state_bucket *b, int64_t at_most,
                           int64_t pause_ms, char *fault)
{
    struct sqlite_db *db = arg;
    struct allowance l;
    bool ok;

    if (!sqlite_begin(db, true))
        return sqlite_lost(db, fault);
    ok = read_bucket(db, now, b, &l);
    if (at_most >= 0)
        allowance_at_most(&l, b->capacity, at_most);
    if (pause_ms > 0 && now + pause_ms > l.closed_until)
        l.closed_until = now + pause_ms;
    ok = ok && write_bucket(db, b->key, &l);
    return sqlite_end(db, ok ? STATE_YES : STATE_LOST, fault);
}

/* ---- windows ---- */

/* How many events there are; -1 if the store is lost. */
static int64_t in_window(struct sqlite_db *db, const char *key, int64_t after)
{
    sqlite3_stmt *st = db->stmt[IN_WINDOW];
    int64_t n = -1;

    sqlite_bind_text(st, 1, key);
    sqlite3_bind_int64(st, 2, after);
    if (sqlite_step(st) == SQLITE_ROW) {
        n = sqlite3_column_int64(st, 0);
        sqlite_done(st);
    }
    return n;
}

/* When the window has room again: when the event that is LIMIT from the end leaves it. */
static int64_t room_in(struct sqlite_db *db, const struct state_window *w, int64_t now, int64_t events)
{
    sqlite3_stmt *st = db->stmt[OLDEST];
    int64_t wait = w->period_ms;

    if (w->limit < 1)
        return wait;
    sqlite_bind_text(st, 1, w->key);
    sqlite3_bind_int64(st, 2, now - w->period_ms);
    sqlite3_bind_int64(st, 3, events - w->limit);
    if (sqlite_step(st) == SQLITE_ROW) {
        wait = sqlite3_column_int64(st, 0) + w->period_ms - now;
        sqlite_done(st);
    }
    return wait;
}

static bool add_event(struct sqlite_db *db, const struct state_window *w, int64_t now)
{
    sqlite3_stmt *drop = db->stmt[DROP_EVENTS], *add = db->stmt[ADD_EVENT];

    sqlite_bind_text(drop, 1, w->key);
    sqlite3_bind_int64(drop, 2, now - w->period_ms);
    if (sqlite_step(drop) != SQLITE_DONE)
        return false;
    sqlite_bind_text(add, 1, w->key);
    sqlite3_bind_int64(add, 2, now);
    return sqlite_step(add) == SQLITE_DONE;
}

enum state_rc sqlite_count(void *arg, int64_t now, const struct state_window *w, size_t n, bool commit,
                           size_t *full, int64_t *wait_ms, char *fault)
{
    struct sqlite_db *db = arg;
    enum state_rc rc = STATE_YES;

    *wait_ms = 0;
    if (!sqlite_begin(db, false))
        return sqlite_lost(db, fault);
    for (size_t i = 0; i < n && rc == STATE_YES; i++) {
        int64_t events = in_window(db, w[i].key, now - w[i].period_ms);

        if (events < 0) {
            rc = STATE_LOST;
        } else if (events >= w[i].limit) {
            *full = i;
            *wait_ms = room_in(db, &w[i], now, events);
            rc = STATE_NO;
        }
    }
    for (size_t i = 0; i < n && rc == STATE_YES && commit; i++)
        if (!add_event(db, &w[i], now))
            rc = STATE_LOST;
    return sqlite_end(db, rc, fault);
}
