/* state.c - the store's front: where it is, when it is opened, whose keys are whose.
 * SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lazy.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/trust.h"
#include "state_ops.h"

#define BACK_MS    60000 /* a clock may be corrected by so much */
#define NOTE_MS    60000 /* reads remember the time so often */
#define REOPEN_MS  2000  /* a lost store is tried again after so long */
#define CLOCK_SLOT "clock"

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

/* REDIS is redis://HOST[:PORT][/NUMBER]; *HOST_LEN bytes of it are the host's. */
static bool is_url(const char *redis, size_t *host_len)
{
    const char *at = redis + 8;
    size_t n;

    if (strncmp(redis, "redis://", 8) != 0 || strlen(redis) > 500)
        return false;
    *host_len = strcspn(at, ":/");
    at += *host_len;
    if (*at == ':') {
        n = strspn(++at, "0123456789");
        if (!n || n > 5 || strtol(at, NULL, 10) > 65535)
            return false;
        at += n;
    }
    if (*at == '/') {
        n = strspn(++at, "0123456789");
        if (n > 5)
            return false;
        at += n;
    }
    return !*at && *host_len && *host_len < 256 && strcspn(redis + 8, "@?#%\\ ") >= *host_len;
}

/* What may be sent in clear: to this machine, or where the INI says so. */
static bool is_fit(struct config *c, const char *redis)
{
    bool plain = config_bool(c, "state", "redis_plain", false);
    int line = redis ? config_find(c, "state", "redis")->line : 0;
    size_t n;

    if (!redis || strncmp(redis, "unix:/", 6) == 0)
        return true;
    if (!is_url(redis, &n))
        return config_fail(c, line, "\"redis\" must be redis://HOST:PORT/NUMBER or unix:/PATH");
    if (!plain &&
        !(n == 9 && (memcmp(redis + 8, "127.0.0.1", n) == 0 || memcmp(redis + 8, "localhost", n) == 0)))
        return config_fail(
            c, line,
            "Redis on another machine is reached in clear; put a tunnel with TLS before it and name its "
            "local end, or set redis_plain = yes in [state]");
    return true;
}

struct state *state_new(struct config *c, const char *tenant)
{
    const char *folder = config_path(c, "state", "folder"), *redis = config_str(c, "state", "redis", NULL);
    int64_t seconds = config_int(c, "state", "timeout", 1, 60, 5);
    const char *password_file = config_path(c, "state", "redis_password_file");
    const char *user = config_str(c, "state", "redis_user", NULL);
    struct state *s = calloc(1, sizeof *s);

    if (!is_fit(c, redis) || c->error[0] || !s) {
        free(s);
        config_fail(c, 0, "out of memory");
        return NULL;
    }
    if (folder)
        snprintf(s->folder, sizeof s->folder, "%s", folder);
    else if (!config_state_folder(s->folder, sizeof s->folder))
        s->folder[0] = '\0';
    s->redis = redis != NULL;
    s->user = user;
    s->password_file = password_file;
    s->timeout_ms = (int)(1000 * seconds);
    if (redis)
        snprintf(s->path, sizeof s->path, "%s", redis);
    else if (s->folder[0])
        snprintf(s->path, sizeof s->path, "%s/state.db", s->folder);
    snprintf(s->tenant, sizeof s->tenant, "%s", tenant);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void state_free(struct state *s)
{
    if (!s)
        return;
    if (s->db)
        s->ops->close(s->db);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

const char *state_folder(const struct state *s)
{
    return s ? s->folder : "";
}

const char *state_place(const struct state *s)
{
    return s->path;
}

bool state_is_shared(const struct state *s)
{
    return s && s->redis;
}

bool state_exists(const struct state *s)
{
    return s && (s->redis || access(s->path, F_OK) == 0);
}

/* ---- opening ---- */

static bool make_folder(struct state *s)
{
    char path[520], above[400];
    struct stat st;

    snprintf(path, sizeof path, "%s/", s->folder);
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            snprintf(s->fault, sizeof s->fault,
                     "the state folder \"%s\" cannot be made (%s); make it, or set folder in [state]",
                     s->folder, strerror(errno));
            return false;
        }
        *p = '/';
    }
    if (stat(s->path, &st) == 0 && (st.st_uid != geteuid() || (st.st_mode & 077))) {
        snprintf(s->fault, sizeof s->fault,
                 "the state file \"%s\" belongs to somebody else or is open to others; chown it to the user "
                 "that runs kmcp and chmod 600 it",
                 s->path);
        return false;
    }
    if (!trust_above(s->path, above, sizeof above)) {
        snprintf(s->fault, sizeof s->fault,
                 "the state file \"%s\" could be replaced by others: %.200s; or set folder in [state]",
                 s->path, above);
        return false;
    }
    return true;
}

static bool open_store(struct state *s)
{
    struct state_place place = { .path = s->path, .timeout_ms = s->timeout_ms };
    struct secret password = { 0 };

    if (!s->path[0]) {
        snprintf(s->fault, sizeof s->fault,
                 "there is no place for the state (no HOME); set folder in [state] to a full path");
        return false;
    }
    if (!s->ops)
        s->ops = s->redis ? lazy_load("redis", "kmcp_redis_v1", s->fault, sizeof s->fault)
                          : lazy_load("sqlite", "kmcp_sqlite_v1", s->fault, sizeof s->fault);
    if (!s->ops || (!s->redis && !make_folder(s)))
        return false;
    if (s->redis && s->password_file &&
        !secret_from_file(&password, s->password_file, s->fault, sizeof s->fault))
        return false;
    place.password = !s->redis ? NULL : password.text ? password.text : getenv("KMCP_REDIS_PASSWORD");
    place.user = s->user;
    if (s->redis && s->user && !place.password)
        snprintf(s->fault, sizeof s->fault,
                 "redis_user is set, but there is no password for it; set redis_password_file in [state]");
    else
        s->db = s->ops->open(&place, s->fault);
    secret_free(&password);
    return s->db != NULL;
}

/* Under the lock: is it open, now? */
static bool opened(struct state *s)
{
    if (s->db)
        return true;
    if (s->tried_ms && clock_ms() - s->tried_ms < REOPEN_MS)
        return false;
    if (open_store(s)) {
        s->tried_ms = 0;
        return true;
    }
    if (!s->tried_ms)
        log_line(KMCP_LOG_ERROR, "state", "%s", s->fault);
    s->tried_ms = clock_ms();
    return false;
}

/* Under the lock: after STATE_LOST the store is closed, so that the next one opens it afresh. */
static enum state_rc settle(struct state *s, enum state_rc rc)
{
    if (rc == STATE_LOST) {
        log_line(KMCP_LOG_ERROR, "state", "%s", s->fault);
        s->ops->close(s->db);
        s->db = NULL;
        s->tried_ms = clock_ms();
    }
    return rc;
}

/* Under the lock. A backend without an answer is found lost by the call that follows. */
static int64_t now_of(struct state *s)
{
    int64_t now = s->ops->now ? s->ops->now(s->db, s->fault) : 0;

    return now ? now : clock_unix_ms();
}

static bool enter(struct state *s)
{
    pthread_mutex_lock(&s->lock);
    if (opened(s))
        return true;
    pthread_mutex_unlock(&s->lock);
    return false;
}

static enum state_rc leave(struct state *s, enum state_rc rc)
{
    rc = settle(s, rc);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

bool state_ready(struct state *s, char *why, size_t why_size)
{
    if (!s || !enter(s)) {
        state_why(s, why, why_size);
        return false;
    }
    return leave(s, STATE_YES) == STATE_YES;
}

void state_why(struct state *s, char *why, size_t why_size)
{
    if (!s) {
        snprintf(why, why_size, "there is no state");
        return;
    }
    pthread_mutex_lock(&s->lock);
    snprintf(why, why_size, "%s", s->fault[0] ? s->fault : "the state cannot be used");
    pthread_mutex_unlock(&s->lock);
}

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

int64_t state_now(struct state *s)
{
    int64_t now;

    if (!s || !enter(s))
        return clock_unix_ms();
    now = now_of(s);
    leave(s, STATE_YES);
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

    if (!s || !enter(s)) {
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
        return leave(s, STATE_NO);
    }
    if (rc == STATE_LOST)
        snprintf(why, why_size, "%s", s->fault);
    return leave(s, rc == STATE_LOST ? STATE_LOST : STATE_YES);
}

enum state_rc state_accept_clock(struct state *s)
{
    enum state_rc rc;

    if (!s || !enter(s))
        return STATE_LOST;
    rc = s->ops->drop(s->db, now_of(s), "host", CLOCK_SLOT, 0, s->fault);
    return leave(s, rc == STATE_LOST ? rc : STATE_YES);
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
    if (!s || n > BUCKETS_MAX || !scope_all(s, names, n, keys) || !enter(s))
        return STATE_LOST;
    now = now_of(s);
    rc = s->ops->take(s->db, now, mine, n, wait_ms, left, s->fault);
    if (rc != STATE_LOST && (!s->noted_ms || clock_ms() - s->noted_ms >= NOTE_MS) &&
        note_time(s, now, &latest) == STATE_LOST) /* whoever only reads tells the time as well */
        rc = STATE_LOST;
    return leave(s, rc);
}

enum state_rc state_learn(struct state *s, const struct state_bucket *bucket, int64_t at_most,
                          int64_t pause_ms)
{
    char key[STATE_KEY_MAX + 130];
    struct state_bucket mine = *bucket;

    mine.key = key;
    if (!s || !scoped(s, bucket->key, key) || !enter(s))
        return STATE_LOST;
    return leave(s, s->ops->learn(s->db, now_of(s), &mine, at_most, pause_ms, s->fault));
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
    if (!s || n > BUCKETS_MAX || !scope_all(s, names, n, keys) || !enter(s))
        return STATE_LOST;
    return leave(s, s->ops->count(s->db, now_of(s), mine, n, commit, full, wait_ms, s->fault));
}

/* ---- records ---- */

enum state_rc state_get(struct state *s, const char *space, const char *key, struct state_record *out)
{
    char mine[STATE_KEY_MAX + 130];

    *out = (struct state_record){ 0 };
    if (!s || !scoped(s, key, mine) || !enter(s))
        return STATE_LOST;
    return leave(s, s->ops->get(s->db, now_of(s), space, mine, out, s->fault));
}

enum state_rc state_put(struct state *s, const char *space, const char *key, int64_t version,
                        const void *value, size_t len, int64_t expires_ms)
{
    char mine[STATE_KEY_MAX + 130];

    if (!s || len > STATE_VALUE_MAX || !scoped(s, key, mine) || !enter(s))
        return STATE_LOST;
    return leave(s, s->ops->put(s->db, now_of(s), space, mine, version, value, len, expires_ms, s->fault));
}

enum state_rc state_add(struct state *s, const char *space, const struct state_new *rows, size_t n)
{
    char prefix[STATE_KEY_MAX + 130];

    for (size_t i = 0; i < n; i++)
        if (strlen(rows[i].key) > STATE_KEY_MAX || rows[i].len > STATE_VALUE_MAX)
            return STATE_LOST;
    if (!s || !scoped(s, "", prefix) || !enter(s))
        return STATE_LOST;
    return leave(s, s->ops->add(s->db, space, prefix, rows, n, s->fault));
}

enum state_rc state_drop(struct state *s, const char *space, const char *key, int64_t version)
{
    char mine[STATE_KEY_MAX + 130];

    if (!s || !scoped(s, key, mine) || !enter(s))
        return STATE_LOST;
    return leave(s, s->ops->drop(s->db, now_of(s), space, mine, version, s->fault));
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

    if (!s || !scoped(s, "", prefix) || !enter(s))
        return STATE_LOST;
    u.skip = strlen(prefix);
    return leave(s, s->ops->each(s->db, now_of(s), space, prefix, unscoped, &u, s->fault));
}

enum state_rc state_keeps(struct state *s, char *why, size_t why_size)
{
    char fault[STATE_FAULT_MAX] = "";
    enum state_rc rc;

    if (!s || !enter(s))
        return STATE_LOST;
    rc = s->ops->keeps ? s->ops->keeps(s->db, fault) : STATE_YES;
    leave(s, STATE_YES); /* one that does not say is not lost */
    snprintf(why, why_size, "%s", fault);
    return rc;
}
