/* redis.c - the module kmcp-redis.so: state in Redis, for several machines that share a tenant.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every change is one Lua script (redis_lua.c), which Redis runs alone. The time is the server's. Keys:
 * kmcp:b:KEY an allowance (hash of head, closed, used), kmcp:w:KEY a window (sorted set of events by time),
 * kmcp:r:SPACE:KEY a record (hash of value, version, expires).
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_inner.h"

static void close_db(void *arg)
{
    struct redis_db *db = arg;

    if (db->c)
        redisFree(db->c);
    free(db);
}

/* ---- connecting ---- */

/* "redis://host:port/db" or "unix:/path". */
static redisContext *dial(const char *url, struct timeval timeout, int *number)
{
    char host[256];
    int port = 6379, n = 0;

    *number = 0;
    if (strncmp(url, "unix:", 5) == 0)
        return redisConnectUnixWithTimeout(url + 5, timeout);
    if (sscanf(url, "redis://%255[^:/]%n", host, &n) != 1)
        return NULL;
    url += n;
    if (*url == ':')
        port = (int)strtol(url + 1, (char **)(uintptr_t)&url, 10);
    if (*url == '/')
        *number = (int)strtol(url + 1, NULL, 10);
    return redisConnectWithTimeout(host, port, timeout);
}

static bool is_ok(struct redis_db *db, redisReply *r, char *fault)
{
    bool ok = r && r->type == REDIS_REPLY_STATUS;

    if (!ok)
        redis_lost(db, r, fault);
    if (r)
        freeReplyObject(r);
    return ok;
}

static redisReply *login(struct redis_db *db, const struct state_place *place)
{
    return place->user ? redisCommand(db->c, "AUTH %s %s", place->user, place->password)
                       : redisCommand(db->c, "AUTH %s", place->password);
}

static void *open_db(const struct state_place *place, char *fault)
{
    struct timeval timeout = { place->timeout_ms / 1000, place->timeout_ms % 1000 * 1000 };
    struct redis_db *db = calloc(1, sizeof *db);
    int number;

    if (!db) {
        snprintf(fault, STATE_FAULT_MAX, "out of memory");
        return NULL;
    }
    snprintf(db->where, sizeof db->where, "%s", place->path);
    db->c = dial(place->path, timeout, &number);
    if (!db->c || db->c->err) {
        redis_lost(db, NULL, fault);
        close_db(db);
        return NULL;
    }
    redisSetTimeout(db->c, timeout);
    if ((place->password && !is_ok(db, login(db, place), fault)) ||
        (number && !is_ok(db, redisCommand(db->c, "SELECT %d", number), fault)) ||
        !is_ok(db, redisCommand(db->c, "PING"), fault)) {
        close_db(db);
        return NULL;
    }
    return db;
}

static int64_t now_db(void *arg, char *fault)
{
    struct redis_db *db = arg;
    redisReply *r = redisCommand(db->c, "TIME");
    int64_t now = redis_are_numbers(r, 2) ? 1000 * redis_int_at(r, 0) + redis_int_at(r, 1) / 1000 : 0;

    if (now <= 0)
        redis_lost(db, r, fault);
    if (r)
        freeReplyObject(r);
    return now > 0 ? now : 0;
}

/* ---- counting ---- */

static enum state_rc take(void *arg, int64_t now, const struct state_bucket *b, size_t n, int64_t *wait_ms,
                          int64_t *left, char *fault)
{
    struct redis_script *s = redis_script_new(redis_take_lua, (int)n, fault);
    redisReply *r;
    enum state_rc rc;

    for (size_t i = 0; s && i < n; i++)
        redis_arg_key(s, "b", "", b[i].key);
    if (s)
        redis_arg_int(s, now);
    for (size_t i = 0; s && i < n; i++) {
        redis_arg_int(s, b[i].capacity);
        redis_arg_int(s, b[i].period_ms);
        redis_arg_int(s, b[i].reserve);
        redis_arg_int(s, b[i].want);
    }
    r = s ? redis_run(arg, s, n + 1, fault) : NULL;
    if (!r)
        return STATE_LOST;
    *wait_ms = redis_int_at(r, 0);
    for (size_t i = 0; left && i < n; i++)
        left[i] = redis_int_at(r, i + 1);
    rc = *wait_ms < 0 ? redis_lost(arg, r, fault) : *wait_ms ? STATE_NO : STATE_YES;
    freeReplyObject(r);
    return rc;
}

static enum state_rc learn(void *arg, int64_t now, const struct state_bucket *b, int64_t at_most,
                           int64_t pause_ms, char *fault)
{
    struct redis_script *s = redis_script_new(redis_learn_lua, 1, fault);

    if (!s)
        return STATE_LOST;
    redis_arg_key(s, "b", "", b->key);
    redis_arg_int(s, now);
    redis_arg_int(s, b->capacity);
    redis_arg_int(s, b->period_ms);
    redis_arg_int(s, at_most);
    redis_arg_int(s, pause_ms);
    return redis_verdict(arg, s, fault);
}

static enum state_rc count(void *arg, int64_t now, const struct state_window *w, size_t n, bool commit,
                           size_t *full, int64_t *wait_ms, char *fault)
{
    struct redis_script *s = redis_script_new(redis_count_lua, (int)n, fault);
    redisReply *r;
    enum state_rc rc;

    if (!s)
        return STATE_LOST;
    for (size_t i = 0; i < n; i++)
        redis_arg_key(s, "w", "", w[i].key);
    redis_arg_int(s, now);
    redis_arg_text(s, commit ? "1" : "0");
    for (size_t i = 0; i < n; i++) {
        redis_arg_int(s, w[i].limit);
        redis_arg_int(s, w[i].period_ms);
    }
    r = redis_run(arg, s, 3, fault);
    if (!r)
        return STATE_LOST;
    rc = redis_int_at(r, 0) == 1 ? STATE_YES
         : redis_int_at(r, 0) == 0 && redis_int_at(r, 1) >= 0 && redis_int_at(r, 1) < (int64_t)n
             ? STATE_NO
             : redis_lost(arg, r, fault);
    if (rc != STATE_LOST) {
        *full = (size_t)redis_int_at(r, 1);
        *wait_ms = redis_int_at(r, 2);
    }
    freeReplyObject(r);
    return rc;
}

/* ---- is it set up to keep things ---- */

/* Is its SETTING one of the words in FINE? LOST: it does not say. */
static enum state_rc is_set(struct redis_db *db, const char *setting, const char *fine, char *fault)
{
    redisReply *r = redisCommand(db->c, "CONFIG GET %s", setting);
    enum state_rc rc = STATE_LOST;

    if (r && r->type == REDIS_REPLY_ARRAY && r->elements == 2 && r->element[1]->type == REDIS_REPLY_STRING) {
        rc = strcmp(r->element[1]->str, fine) == 0 ? STATE_YES : STATE_NO;
        snprintf(fault, STATE_FAULT_MAX, "%s is %.40s and should be %s", setting, r->element[1]->str, fine);
    }
    if (r)
        freeReplyObject(r);
    return rc;
}

static enum state_rc keeps(void *arg, char *fault)
{
    enum state_rc rc = is_set(arg, "appendonly", "yes", fault);

    if (rc == STATE_YES)
        rc = is_set(arg, "appendfsync", "always", fault);
    return rc == STATE_YES ? is_set(arg, "maxmemory-policy", "noeviction", fault) : rc;
}

extern __attribute__((visibility("default"))) const struct state_ops kmcp_redis_v1;
const struct state_ops kmcp_redis_v1 = { .open = open_db,
                                         .close = close_db,
                                         .now = now_db,
                                         .take = take,
                                         .learn = learn,
                                         .count = count,
                                         .get = redis_get,
                                         .put = redis_put,
                                         .add = redis_add,
                                         .drop = redis_drop,
                                         .each = redis_each,
                                         .keeps = keeps };
