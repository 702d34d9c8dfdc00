/* state.c - whose keys are whose, what time it is, and what is counted and recorded in the store.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "state_inner.h"

#define BACK_MS    60000 /* a clock may be corrected by so much */
#define NOTE_MS    60000 /* reads remember the time so often */
#define CLOCK_SLOT "clock"

/* ---- keys: "tenant|key" ---- */

static bool scoped(const struct state *s, const char *key, char out[STATE_KEY_MAX + 130])
{
    return strlen(key) <= STATE_KEY_MAX &&
           snprintf(out, STATE_KEY_MAX + 130, "%s|%s", s->tenant, key) < STATE_KEY_MAX + 130;
}

#define BUCKETS_MAX STATE_MANY

/* The rows of AT with their keys scoped, in KEYS. */
static bool scope_all(const struct state *s, const char *const *at, size_t n,
                      char keys[][STATE_KEY_MAX + 130])
{
    for (size_t i = 0; i < n; i++)
        if (!scoped(s, at[i], keys[i]))
            return false;
    return n <= BUCKETS_MAX;
}

/* ---- time ---- */

/* Under the lock. A backend without an answer is found lost by the call that follows. */
static int64_t now_of(struct state *s)
{
    int64_t now = s->ops->now ? s->ops->now(s->db, s->fault) : 0;

    return now ? now : clock_unix_ms();
}

int64_t state_now(struct state *s)
{
    int64_t now;

    if (!s || !state_enter(s))
        return clock_unix_ms();
    now = now_of(s);
    state_leave(s, STATE_YES);
    return now;
}

/* Under the lock: remembers the time, unless it was later already: *LATEST. A second is fine enough, and
 * saves writes. */
static enum state_rc note_time(struct state *s, int64_t now, int64_t *latest)
{
    char text[32];
    struct state_record seen = { 0 };
    enum state_rc rc = s->ops->get(s->db, now, "host", CLOCK_SLOT, &seen, s->fault);

    *latest = rc == STATE_YES ? strtoll(seen.value, NULL, 10) : 0;
    free(seen.value);
    s->noted_ms = clock_ms();
    if (rc == STATE_LOST || now <= *latest + 1000)
        return rc;
    snprintf(text, sizeof text, "%lld", (long long)now);
    return s->ops->put(s->db, now, "host", CLOCK_SLOT, rc == STATE_YES ? seen.version : 0, text, strlen(text),
                       0, s->fault);
}

enum state_rc state_clock(struct state *s, char *why, size_t why_size)
{
    enum state_rc rc;
    int64_t now, latest;

    if (!s || !state_enter(s)) {
        state_why(s, why, why_size);
        return STATE_LOST;
    }
    now = now_of(s);
    rc = note_time(s, now, &latest);
    if (rc != STATE_LOST && latest - now > BACK_MS) {
        snprintf(
            why, why_size,
            "the clock was set back: it was %lld seconds later already, and limits, approvals and windows "
            "depend on it; set it right, or if it is right now, run kmcp state accept-clock",
            (long long)((latest - now) / 1000));
        return state_leave(s, STATE_NO);
    }
    if (rc == STATE_LOST)
        snprintf(why, why_size, "%s", s->fault);
    return state_leave(s, rc == STATE_LOST ? STATE_LOST : STATE_YES);
}

enum state_rc state_accept_clock(struct state *s)
{
    enum state_rc rc;

    if (!s || !state_enter(s))
        return STATE_LOST;
    rc = s->ops->drop(s->db, now_of(s), "host", CLOCK_SLOT, 0, s->fault);
    return state_leave(s, rc == STATE_LOST ? rc : STATE_YES);
}

/* ---- counting ---- */

enum state_rc state_take(struct state *s, const struct state_bucket *buckets, size_t n, int64_t *wait_ms,
                         int64_t *left)
{
    char keys[BUCKETS_MAX][STATE_KEY_MAX + 130];
    struct state_bucket mine[BUCKETS_MAX];
    const char *names[BUCKETS_MAX];
    int64_t now, latest;
    enum state_rc rc;

    for (size_t i = 0; i < n && i < BUCKETS_MAX; i++) {
        mine[i] = buckets[i];
        names[i] = buckets[i].key;
        mine[i].key = keys[i];
    }
    if (!s || n > BUCKETS_MAX || !scope_all(s, names, n, keys) || !state_enter(s))
        return STATE_LOST;
    now = now_of(s);
    rc = s->ops->take(s->db, now, mine, n, wait_ms, left, s->fault);
    if (rc != STATE_LOST && (!s->noted_ms || clock_ms() - s->noted_ms >= NOTE_MS) &&
        note_time(s, now, &latest) == STATE_LOST) /* whoever only reads tells the time as well */
        rc = STATE_LOST;
    return state_leave(s, rc);
}

enum state_rc state_learn(struct state *s, const struct state_bucket *bucket, int64_t at_most,
                          int64_t pause_ms)
{
    char key[STATE_KEY_MAX + 130];
    struct state_bucket mine = *bucket;

    mine.key = key;
    if (!s || !scoped(s, bucket->key, key) || !state_enter(s))
        return STATE_LOST;
    return state_leave(s, s->ops->learn(s->db, now_of(s), &mine, at_most, pause_ms, s->fault));
}

enum state_rc state_count(struct state *s, const struct state_window *windows, size_t n, bool commit,
                          size_t *full, int64_t *wait_ms)
{
    char keys[BUCKETS_MAX][STATE_KEY_MAX + 130];
    struct state_window mine[BUCKETS_MAX];
    const char *names[BUCKETS_MAX];

    for (size_t i = 0; i < n && i < BUCKETS_MAX; i++) {
        mine[i] = windows[i];
        names[i] = windows[i].key;
        mine[i].key = keys[i];
    }
    if (!n)
        return STATE_YES;
    if (!s || n > BUCKETS_MAX || !scope_all(s, names, n, keys) || !state_enter(s))
        return STATE_LOST;
    return state_leave(s, s->ops->count(s->db, now_of(s), mine, n, commit, full, wait_ms, s->fault));
}

/* ---- records ---- */

enum state_rc state_get(struct state *s, const char *space, const char *key, struct state_record *out)
{
    char mine[STATE_KEY_MAX + 130];

    *out = (struct state_record){ 0 };
    if (!s || !scoped(s, key, mine) || !state_enter(s))
        return STATE_LOST;
    return state_leave(s, s->ops->get(s->db, now_of(s), space, mine, out, s->fault));
}

enum state_rc state_put(struct state *s, const char *space, const char *key, int64_t version,
                        const void *value, size_t len, int64_t expires_ms)
{
    char mine[STATE_KEY_MAX + 130];

    if (!s || len > STATE_VALUE_MAX || !scoped(s, key, mine) || !state_enter(s))
        return STATE_LOST;
    return state_leave(s,
                       s->ops->put(s->db, now_of(s), space, mine, version, value, len, expires_ms, s->fault));
}

enum state_rc state_add(struct state *s, const char *space, const struct state_new *rows, size_t n)
{
    char prefix[STATE_KEY_MAX + 130];

    for (size_t i = 0; i < n; i++)
        if (strlen(rows[i].key) > STATE_KEY_MAX || rows[i].len > STATE_VALUE_MAX)
            return STATE_LOST;
    if (!s || !scoped(s, "", prefix) || !state_enter(s))
        return STATE_LOST;
    return state_leave(s, s->ops->add(s->db, space, prefix, rows, n, s->fault));
}

enum state_rc state_drop(struct state *s, const char *space, const char *key, int64_t version)
{
    char mine[STATE_KEY_MAX + 130];

    if (!s || !scoped(s, key, mine) || !state_enter(s))
        return STATE_LOST;
    return state_leave(s, s->ops->drop(s->db, now_of(s), space, mine, version, s->fault));
}

/* Takes the tenant off the key again. */
struct unscope {
    size_t skip;
    state_each_fn each;
    void *arg;
};

static bool unscoped(void *arg, const char *key, const struct state_record *record)
{
    const struct unscope *u = arg;

    return u->each(u->arg, key + u->skip, record);
}

enum state_rc state_each(struct state *s, const char *space, state_each_fn each, void *arg)
{
    struct unscope u = { .each = each, .arg = arg };
    char prefix[STATE_KEY_MAX + 130];

    if (!s || !scoped(s, "", prefix) || !state_enter(s))
        return STATE_LOST;
    u.skip = strlen(prefix);
    return state_leave(s, s->ops->each(s->db, now_of(s), space, prefix, unscoped, &u, s->fault));
}
