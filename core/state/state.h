/* state.h - what must outlive a process and be shared between processes: the request budget, caps, spent
 * approvals, pending requests, the ledger of acts, sealed secrets.  SPDX-License-Identifier: Apache-2.0
 *
 * Two kinds of things: buckets and windows, which are counted atomically, and records (a value of at most
 * STATE_VALUE_MAX bytes under a space and a key), which are changed only by who has seen their latest
 * version. One backend holds all of it: SQLite for the processes of one machine, Redis for several machines.
 * Every function may be called from any thread. Nothing is opened before the first call. A store that cannot
 * be used answers STATE_LOST, with a sentence to be had from state_why(): acts are then refused, reads go on.
 */
#ifndef KMCP_STATE_H
#define KMCP_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/config.h"

#define STATE_VALUE_MAX ((size_t)256 << 10)
#define STATE_KEY_MAX   200
#define STATE_SCHEMA    2
#define STATE_MANY      16 /* buckets or windows in one call */

enum state_rc {
    STATE_LOST = -1, /* the store cannot be used: nothing is known, nothing was changed          */
    STATE_NO = 0,    /* there is no such record, it was changed meanwhile, or there is no room    */
    STATE_YES = 1
};

/* An allowance: at most CAPACITY in any PERIOD_MS, counted in slots (base/allowance.h). RESERVE of them are
 * not for this taker, who takes WANT. */
struct state_bucket {
    const char *key;
    int64_t capacity, period_ms, reserve, want;
};

/* A sliding window: at most LIMIT events in any PERIOD_MS. */
struct state_window {
    const char *key;
    int64_t limit, period_ms;
};

/* A record, as read. VALUE is the caller's to free. */
struct state_record {
    char *value; /* LEN bytes and a NUL */
    size_t len;
    int64_t version; /* 1 and up */
    int64_t expires_ms;
};

typedef bool (*state_each_fn)(void *arg, const char *key, const struct state_record *record);

struct state;

/* Reads [state] (conf/kmcp.ini). TENANT scopes every key. NULL with the config's error. */
struct state *state_new(struct config *c, const char *tenant);
void state_free(struct state *s);
/* The folder in which the state, and the keys beside it, are kept: a full path. "" if there is none. */
const char *state_folder(const struct state *s);
/* The file or URL, for people. */
const char *state_place(const struct state *s);
/* Do other machines use it too? */
bool state_is_shared(const struct state *s);
/* May there be something in it? Opens nothing: false only if the file is not there. */
bool state_exists(const struct state *s);
/* Opens it if need be. False with a sentence in WHY. */
bool state_ready(struct state *s, char *why, size_t why_size);
/* Why the store was lost, for people; the latest sentence. */
void state_why(struct state *s, char *why, size_t why_size);

/* Does it keep what it was told through a restart, and never give it up for want of memory? NO: WHY says what
 * of its settings is against that. LOST: it does not say. */
enum state_rc state_keeps(struct state *s, char *why, size_t why_size);

/* Unix milliseconds as the store knows them (Redis: its server's clock). */
int64_t state_now(struct state *s);
/* The clock has not been set back since the store last saw it (by more than a minute); remembers the time.
 * NO: it was, WHY says by how much and what to do. */
enum state_rc state_clock(struct state *s, char *why, size_t why_size);
/* Takes the present time for right, whatever was seen before. */
enum state_rc state_accept_clock(struct state *s);

/* Takes what is wanted from each of N allowances, or nothing from any: YES and *WAIT_MS 0, or NO and how long
 * to wait. LEFT (may be NULL; N of them) gets what is left in each afterwards. */
enum state_rc state_take(struct state *s, const struct state_bucket *buckets, size_t n, int64_t *wait_ms,
                         int64_t *left);
/* What the service said of a bucket: it holds at most AT_MOST (-1: not said) and gives nothing for PAUSE_MS.
 */
enum state_rc state_learn(struct state *s, const struct state_bucket *bucket, int64_t at_most,
                          int64_t pause_ms);
/* Counts one event in each of N windows if none of them is full, and otherwise none. COMMIT false: only
 * looks. NO: *FULL gets the index of one that is, *WAIT_MS when it has room again. */
enum state_rc state_count(struct state *s, const struct state_window *windows, size_t n, bool commit,
                          size_t *full, int64_t *wait_ms);
/* Reads a record that has not expired. */
enum state_rc state_get(struct state *s, const char *space, const char *key, struct state_record *out);
/* Writes a record whose version is VERSION (0: that is not there, or has expired; it is 1 then), durably.
 * EXPIRES_MS: Unix milliseconds, 0 never. NO: somebody else was faster. */
enum state_rc state_put(struct state *s, const char *space, const char *key, int64_t version,
                        const void *value, size_t len, int64_t expires_ms);
/* Adds those of N records that are not there yet, for ever, together; after a power cut the latest may be
 * lost. */
struct state_new {
    const char *key;
    const void *value;
    size_t len;
};
enum state_rc state_add(struct state *s, const char *space, const struct state_new *rows, size_t n);
/* Removes a record whose version is VERSION (0: whichever), overwriting its bytes. */
enum state_rc state_drop(struct state *s, const char *space, const char *key, int64_t version);
/* Calls EACH for every record of SPACE that has not expired, by key, until it says false. EACH must not call
 * state functions. */
enum state_rc state_each(struct state *s, const char *space, state_each_fn each, void *arg);

#endif
