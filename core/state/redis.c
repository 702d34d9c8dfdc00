/* redis.c - the module kmcp-redis.so: state in Redis, for several machines that share a tenant. The only file
 * that sees hiredis.  SPDX-License-Identifier: Apache-2.0
 *
 * Every change is one Lua script, which Redis runs alone. The time is the server's. Keys: kmcp:b:KEY an
 * allowance (hash of head, closed, used), kmcp:w:KEY a window (sorted set of events by time),
 * kmcp:r:SPACE:KEY a record (hash of value, version, expires).
 */

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/allowance.h"
#include "state_ops.h"

#define NUMBER    32
#define PAGES_MAX 200000 /* of a SCAN; a cursor that never ends is no Redis's */

#define TEXT_OF_(n) #n
#define TEXT_OF(n)  TEXT_OF_(n)
#define SLOTS       TEXT_OF(ALLOWANCE_SLOTS)

struct db {
    redisContext *c;
    char where[600];
};

/* base/allowance.h in Lua; "used" is kept as numbers with commas, the latest first */
#define ALLOWANCE                                                                                            \
    "local N = " SLOTS " "                                                                                   \
    "local function settle(key, now, period)"                                                                \
    " local head, closed, text = unpack(redis.call('HMGET', key, 'head', 'closed', 'used'))"                 \
    " local width = math.ceil(period / N)"                                                                   \
    " local at = math.floor(now / width)"                                                                    \
    " head = tonumber(head or at) closed = tonumber(closed or 0)"                                            \
    " if closed > now + period then closed = now + period end"                                               \
    " local shift, old, used, sum = math.max(at - head, 0), {}, {}, 0"                                       \
    " for n in string.gmatch(text or '', '%d+') do old[#old + 1] = tonumber(n) end"                          \
    " for i = 1, N + 1 do used[i] = i > shift and old[i - shift] or 0 sum = sum + used[i] end"               \
    " if at > head or at < head - 1 then head = at end"                                                      \
    " return used, sum, head, closed, width end "                                                            \
    "local function store(key, used, head, closed, period)"                                                  \
    " redis.call('HSET', key, 'head', head, 'closed', closed, 'used', table.concat(used, ','))"              \
    " redis.call('PEXPIRE', key, 2 * period) end "

/* ARGV: now, then capacity, period, reserve, what is wanted for each key */
static const char take_lua[] = ALLOWANCE
    "local now, wait, all = tonumber(ARGV[1]), 0, {} "
    "for i, key in ipairs(KEYS) do "
    " local cap, period = tonumber(ARGV[4*i-2]), tonumber(ARGV[4*i-1])"
    " local reserve, want = tonumber(ARGV[4*i]), tonumber(ARGV[4*i+1])"
    " local used, sum, head, closed, width = settle(key, now, period)"
    " all[i] = {used, sum, head, closed, period, cap, want}"
    " local lacks, w, j = want + reserve - (cap - sum), 0, N + 1"
    " while j > 0 and lacks > 0 do lacks = lacks - used[j] w = (head - j + N + 2) * width - now j = j - 1 end"
    " wait = math.max(wait, w, closed - now) end "
    "local out = {} "
    "for i, key in ipairs(KEYS) do local a = all[i] "
    " if wait == 0 then a[1][1] = a[1][1] + a[7] a[2] = a[2] + a[7]"
    " store(key, a[1], a[3], a[4], a[5]) end"
    " out[i + 1] = string.format('%.0f', a[6] - a[2]) end "
    "out[1] = string.format('%.0f', wait) return out";

/* ARGV: now, capacity, period, at most, pause */
static const char learn_lua[] = ALLOWANCE
    "local now, cap, period = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) "
    "local most, pause = tonumber(ARGV[4]), tonumber(ARGV[5]) "
    "local used, sum, head, closed = settle(KEYS[1], now, period) "
    "local more = most >= 0 and cap - sum - most or 0 "
    "for i = 1, N + 1 do if more > 0 then local share = math.floor(more / (N + 2 - i)) "
    " used[i] = used[i] + share more = more - share end end "
    "if pause > 0 then closed = math.max(closed, now + pause) end "
    "store(KEYS[1], used, head, closed, period) return {'1'}";

/* ARGV: now, commit, then limit and period for each key */
static const char count_lua[] =
    "local now = tonumber(ARGV[1]) "
    "for i, key in ipairs(KEYS) do "
    " local limit, period = tonumber(ARGV[2*i+1]), tonumber(ARGV[2*i+2])"
    " redis.call('ZREMRANGEBYSCORE', key, '-inf', now - period)"
    " local n = redis.call('ZCARD', key)"
    " if n >= limit then "
    "  local wait = period"
    "  if limit > 0 then local o = redis.call('ZRANGE', key, n - limit, n - "
    "limit, 'WITHSCORES') wait = tonumber(o[2]) + "
    "period - now end"
    "  return {'0', tostring(i - 1), tostring(wait)} end end "
    "if ARGV[2] == '1' then for i, key in ipairs(KEYS) do "
    " redis.call('ZADD', key, now, redis.call('INCR', 'kmcp:events')) redis.call('PEXPIRE', "
    "key, 2 * tonumber(ARGV[2*i+2])) end end "
    "return {'1', '0', '0'}";

/* ARGV: now, version, value, expires */
static const char put_lua[] =
    "local now, want, expires = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4]) "
    "local ver, exp = unpack(redis.call('HMGET', KEYS[1], 'version', 'expires')) "
    "ver = tonumber(ver or 0) exp = tonumber(exp or 0) "
    "if exp ~= 0 and exp <= now then ver = 0 end "
    "if ver ~= want then return {'0'} end "
    "redis.call('DEL', KEYS[1]) "
    "redis.call('HSET', KEYS[1], 'value', ARGV[3], 'version', want + 1, 'expires', ARGV[4]) "
    "if expires ~= 0 then redis.call('PEXPIREAT', KEYS[1], expires) end return {'1'}";

/* ARGV: version */
static const char drop_lua[] = "local ver = redis.call('HGET', KEYS[1], 'version') "
                               "if not ver or (ARGV[1] ~= '0' and ver ~= ARGV[1]) then return {'0'} end "
                               "redis.call('DEL', KEYS[1]) return {'1'}";

/* ARGV: a value for each key */
static const char add_lua[] =
    "for i, key in ipairs(KEYS) do if redis.call('EXISTS', key) == 0 then "
    "redis.call('HSET', key, 'value', ARGV[i], 'version', 1, 'expires', 0) end end return {'1'}";

static enum state_rc lost(const struct db *db, const redisReply *r, char *fault)
{
    const char *what = r && r->type == REDIS_REPLY_ERROR && r->str ? r->str
                       : db->c && db->c->err                       ? db->c->errstr
                       : r                                         ? "it does not answer as Redis does"
                                                                   : "no answer";
    const char *remedy =
        strncmp(what, "NOAUTH", 6) == 0 || strncmp(what, "WRONGPASS", 9) == 0 ||
                strncmp(what, "ERR AUTH", 8) == 0
            ? "set redis_password_file, and redis_user if it is a user of its ACL, in [state]"
        : strncmp(what, "NOPERM", 6) == 0  ? "docs/state.md says what the user must be allowed"
        : strncmp(what, "OOM", 3) == 0     ? "give Redis more memory; it must not evict keys (noeviction)"
        : strncmp(what, "MISCONF", 7) == 0 ? "Redis cannot write to its disk; make room"
                                           : "start it, or look at its log";

    snprintf(fault, STATE_FAULT_MAX, "the state in Redis (%.150s) cannot be used (%.120s); %s", db->where,
             what, remedy);
    return STATE_LOST;
}

static void close_db(void *arg)
{
    struct db *db = arg;

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

static bool is_ok(struct db *db, redisReply *r, char *fault)
{
    bool ok = r && r->type == REDIS_REPLY_STATUS;

    if (!ok)
        lost(db, r, fault);
    if (r)
        freeReplyObject(r);
    return ok;
}

static redisReply *login(struct db *db, const struct state_place *place)
{
    return place->user ? redisCommand(db->c, "AUTH %s %s", place->user, place->password)
                       : redisCommand(db->c, "AUTH %s", place->password);
}

static void *open_db(const struct state_place *place, char *fault)
{
    struct timeval timeout = { place->timeout_ms / 1000, place->timeout_ms % 1000 * 1000 };
    struct db *db = calloc(1, sizeof *db);
    int number;

    if (!db) {
        snprintf(fault, STATE_FAULT_MAX, "out of memory");
        return NULL;
    }
    snprintf(db->where, sizeof db->where, "%s", place->path);
    db->c = dial(place->path, timeout, &number);
    if (!db->c || db->c->err) {
        lost(db, NULL, fault);
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

/* ---- scripts ---- */

#define ARGS_MAX (4 + 4 * 128)

struct script {
    const char *argv[ARGS_MAX];
    size_t len[ARGS_MAX];
    char numbers[ARGS_MAX / 2][NUMBER];
    char keys[130][2 * STATE_KEY_MAX];
    int n, n_keys, n_numbers;
};

static void arg_bytes(struct script *s, const void *bytes, size_t len)
{
    s->argv[s->n] = bytes;
    s->len[s->n++] = len;
}

static void arg_text(struct script *s, const char *text)
{
    arg_bytes(s, text, strlen(text));
}

static void arg_int(struct script *s, int64_t n)
{
    char *out = s->numbers[s->n_numbers++];

    snprintf(out, NUMBER, "%lld", (long long)n);
    arg_text(s, out);
}

static struct script *script_new(const char *lua, int n_keys, char *fault)
{
    struct script *s = calloc(1, sizeof *s);

    if (!s) {
        snprintf(fault, STATE_FAULT_MAX, "out of memory");
        return NULL;
    }
    arg_text(s, "EVAL");
    arg_text(s, lua);
    arg_int(s, n_keys);
    return s;
}

static void arg_key(struct script *s, const char *kind, const char *space, const char *key)
{
    char *out = s->keys[s->n_keys++];

    snprintf(out, sizeof *s->keys, "kmcp:%s:%s%s%s", kind, space, *space ? ":" : "", key);
    arg_text(s, out);
}

static bool is_number(const redisReply *r)
{
    size_t n = r->type == REDIS_REPLY_STRING ? r->len : 0, sign = n > 1 && r->str[0] == '-';

    return n > sign && n - sign < 16 &&
           /* so that milliseconds of it fit */ strspn(r->str + sign, "0123456789") == n - sign;
}

static bool are_numbers(const redisReply *r, size_t n)
{
    bool ok = r && r->type == REDIS_REPLY_ARRAY && r->elements == n;

    for (size_t i = 0; ok && i < n; i++)
        ok = is_number(r->element[i]);
    return ok;
}

/* Runs and frees S. WANT numbers, as all scripts answer, or NULL with the fault. */
static redisReply *run(struct db *db, struct script *s, size_t want, char *fault)
{
    redisReply *r = redisCommandArgv(db->c, s->n, s->argv, s->len);

    free(s);
    if (are_numbers(r, want))
        return r;
    lost(db, r, fault);
    if (r)
        freeReplyObject(r);
    return NULL;
}

static int64_t int_at(const redisReply *r, size_t i)
{
    return strtoll(r->element[i]->str, NULL, 10);
}

/* Runs and frees S, which answers 1 or 0. */
static enum state_rc verdict(struct db *db, struct script *s, char *fault)
{
    redisReply *r = run(db, s, 1, fault);
    enum state_rc rc;

    if (!r)
        return STATE_LOST;
    rc = int_at(r, 0) == 1 ? STATE_YES : int_at(r, 0) == 0 ? STATE_NO : lost(db, r, fault);
    freeReplyObject(r);
    return rc;
}

static int64_t now_db(void *arg, char *fault)
{
    struct db *db = arg;
    redisReply *r = redisCommand(db->c, "TIME");
    int64_t now = are_numbers(r, 2) ? 1000 * int_at(r, 0) + int_at(r, 1) / 1000 : 0;

    if (now <= 0)
        lost(db, r, fault);
    if (r)
        freeReplyObject(r);
    return now > 0 ? now : 0;
}

/* ---- the table ---- */

static enum state_rc take(void *arg, int64_t now, const struct state_bucket *b, size_t n, int64_t *wait_ms,
                          int64_t *left, char *fault)
{
    struct script *s = script_new(take_lua, (int)n, fault);
    redisReply *r;
    enum state_rc rc;

    for (size_t i = 0; s && i < n; i++)
        arg_key(s, "b", "", b[i].key);
    if (s)
        arg_int(s, now);
    for (size_t i = 0; s && i < n; i++) {
        arg_int(s, b[i].capacity);
        arg_int(s, b[i].period_ms);
        arg_int(s, b[i].reserve);
        arg_int(s, b[i].want);
    }
    r = s ? run(arg, s, n + 1, fault) : NULL;
    if (!r)
        return STATE_LOST;
    *wait_ms = int_at(r, 0);
    for (size_t i = 0; left && i < n; i++)
        left[i] = int_at(r, i + 1);
    rc = *wait_ms < 0 ? lost(arg, r, fault) : *wait_ms ? STATE_NO : STATE_YES;
    freeReplyObject(r);
    return rc;
}

static enum state_rc learn(void *arg, int64_t now, const struct state_bucket *b, int64_t at_most,
                           int64_t pause_ms, char *fault)
{
    struct script *s = script_new(learn_lua, 1, fault);

    if (!s)
        return STATE_LOST;
    arg_key(s, "b", "", b->key);
    arg_int(s, now);
    arg_int(s, b->capacity);
    arg_int(s, b->period_ms);
    arg_int(s, at_most);
    arg_int(s, pause_ms);
    return verdict(arg, s, fault);
}

static enum state_rc count(void *arg, int64_t now, const struct state_window *w, size_t n, bool commit,
                           size_t *full, int64_t *wait_ms, char *fault)
{
    struct script *s = script_new(count_lua, (int)n, fault);
    redisReply *r;
    enum state_rc rc;

    if (!s)
        return STATE_LOST;
    for (size_t i = 0; i < n; i++)
        arg_key(s, "w", "", w[i].key);
    arg_int(s, now);
    arg_text(s, commit ? "1" : "0");
    for (size_t i = 0; i < n; i++) {
        arg_int(s, w[i].limit);
        arg_int(s, w[i].period_ms);
    }
    r = run(arg, s, 3, fault);
    if (!r)
        return STATE_LOST;
    rc = int_at(r, 0) == 1                                                     ? STATE_YES
         : int_at(r, 0) == 0 && int_at(r, 1) >= 0 && int_at(r, 1) < (int64_t)n ? STATE_NO
                                                                               : lost(arg, r, fault);
    if (rc != STATE_LOST) {
        *full = (size_t)int_at(r, 1);
        *wait_ms = int_at(r, 2);
    }
    freeReplyObject(r);
    return rc;
}

static bool is_nil(const redisReply *r)
{
    return r->type == REDIS_REPLY_NIL;
}

/* A record out of {value, version, expires}; three nils: there is none. */
static enum state_rc take_record(struct db *db, const redisReply *r, int64_t now, struct state_record *out,
                                 char *fault)
{
    bool three = r && r->type == REDIS_REPLY_ARRAY && r->elements == 3;
    redisReply *const *at = three ? r->element : NULL;

    if (three && is_nil(at[0]) && is_nil(at[1]) && is_nil(at[2]))
        return STATE_NO;
    if (!three || at[0]->type != REDIS_REPLY_STRING || !is_number(at[1]) || !is_number(at[2]))
        return lost(db, r, fault);
    out->version = int_at(r, 1);
    out->expires_ms = int_at(r, 2);
    if (out->version < 1 || out->expires_ms < 0)
        return lost(db, r, fault);
    if (out->expires_ms && out->expires_ms <= now)
        return STATE_NO;
    out->len = (size_t)at[0]->len;
    out->value = malloc(out->len + 1);
    if (!out->value)
        return lost(db, NULL, fault);
    memcpy(out->value, at[0]->str, out->len);
    out->value[out->len] = '\0';
    return STATE_YES;
}

static enum state_rc get_at(struct db *db, int64_t now, const char *name, struct state_record *out,
                            char *fault)
{
    redisReply *r = redisCommand(db->c, "HMGET %s value version expires", name);
    enum state_rc rc = take_record(db, r, now, out, fault);

    if (r)
        freeReplyObject(r);
    return rc;
}

static enum state_rc get(void *arg, int64_t now, const char *space, const char *key, struct state_record *out,
                         char *fault)
{
    char name[2 * STATE_KEY_MAX];

    snprintf(name, sizeof name, "kmcp:r:%s:%s", space, key);
    return get_at(arg, now, name, out, fault);
}

static enum state_rc put(void *arg, int64_t now, const char *space, const char *key, int64_t version,
                         const void *value, size_t len, int64_t expires_ms, char *fault)
{
    struct script *s = script_new(put_lua, 1, fault);

    if (!s)
        return STATE_LOST;
    arg_key(s, "r", space, key);
    arg_int(s, now);
    arg_int(s, version);
    arg_bytes(s, len ? value : "", len);
    arg_int(s, expires_ms);
    return verdict(arg, s, fault);
}

static enum state_rc add(void *arg, const char *space, const char *prefix, const struct state_new *rows,
                         size_t n, char *fault)
{
    for (size_t from = 0; from < n; from += 100) {
        size_t some = n - from > 100 ? 100 : n - from;
        struct script *s = script_new(add_lua, (int)some, fault);
        char key[2 * STATE_KEY_MAX];

        if (!s)
            return STATE_LOST;
        for (size_t i = 0; i < some; i++) {
            snprintf(key, sizeof key, "%s%s", prefix, rows[from + i].key);
            arg_key(s, "r", space, key);
        }
        for (size_t i = 0; i < some; i++)
            arg_bytes(s, rows[from + i].len ? rows[from + i].value : "", rows[from + i].len);
        switch (verdict(arg, s, fault)) {
        case STATE_YES:
            break;
        case STATE_NO: /* the script never says so */
            return lost(arg, NULL, fault);
        case STATE_LOST:
            return STATE_LOST;
        }
    }
    return STATE_YES;
}

static enum state_rc drop(void *arg, int64_t now, const char *space, const char *key, int64_t version,
                          char *fault)
{
    struct script *s = script_new(drop_lua, 1, fault);

    (void)now;
    if (!s)
        return STATE_LOST;
    arg_key(s, "r", space, key);
    arg_int(s, version);
    return verdict(arg, s, fault);
}

/* ---- going through a space ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
    char **list;
    size_t n, cap;
};

static bool keep_names(struct names *all, const redisReply *page)
{
    if (page->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < page->elements; i++) {
        if (all->n == all->cap) {
            size_t cap = all->cap ? 2 * all->cap : 64;
            char **grown = realloc(all->list, cap * sizeof *grown);

            if (!grown)
                return false;
            all->list = grown;
            all->cap = cap;
        }
        if (page->element[i]->type != REDIS_REPLY_STRING ||
            !(all->list[all->n] = strdup(page->element[i]->str)))
            return false;
        all->n++;
    }
    return true;
}

/* The names that begin with PREFIX; * ? [ ] and \ in it stand for themselves. */
static bool scan(struct db *db, const char *prefix, struct names *all, char *fault)
{
    char pattern[4 * STATE_KEY_MAX + 2], cursor[32] = "0";
    size_t n = 0, pages = 0;

    for (; *prefix && n + 3 < sizeof pattern; prefix++) {
        if (strchr("*?[]\\", *prefix))
            pattern[n++] = '\\';
        pattern[n++] = *prefix;
    }
    memcpy(pattern + n, "*", 2);
    do {
        redisReply *r = redisCommand(db->c, "SCAN %s MATCH %s COUNT 500", cursor, pattern);
        bool ok = r && r->type == REDIS_REPLY_ARRAY && r->elements == 2 && is_number(r->element[0]) &&
                  ++pages <= PAGES_MAX && keep_names(all, r->element[1]);

        if (!ok)
            lost(db, r, fault);
        else
            snprintf(cursor, sizeof cursor, "%s", r->element[0]->str);
        if (r)
            freeReplyObject(r);
        if (!ok)
            return false;
    } while (strcmp(cursor, "0") != 0);
    return true;
}

static enum state_rc each(void *arg, int64_t now, const char *space, const char *prefix, state_each_fn fn,
                          void *fn_arg, char *fault)
{
    char whole[2 * STATE_KEY_MAX];
    struct names all = { 0 };
    enum state_rc rc = STATE_YES;
    bool going = true;
    size_t skip = (size_t)snprintf(whole, sizeof whole, "kmcp:r:%s:", space);

    snprintf(whole + skip, sizeof whole - skip, "%s", prefix);
    if (!scan(arg, whole, &all, fault))
        rc = STATE_LOST;
    if (all.n)
        qsort(all.list, all.n, sizeof *all.list, by_name);
    for (size_t i = 0; i < all.n && rc != STATE_LOST && going; i++) {
        struct state_record record = { 0 };

        if (i && strcmp(all.list[i], all.list[i - 1]) == 0)
            continue; /* SCAN may say a name twice */
        if (strncmp(all.list[i], whole, strlen(whole)) != 0)
            continue;
        rc = get_at(arg, now, all.list[i], &record, fault);
        if (rc == STATE_YES)
            going = fn(fn_arg, all.list[i] + skip, &record);
        free(record.value);
    }
    for (size_t i = 0; i < all.n; i++)
        free(all.list[i]);
    free(all.list);
    return rc == STATE_LOST ? rc : STATE_YES;
}

/* ---- is it set up to keep things ---- */

/* Is its SETTING one of the words in FINE? LOST: it does not say. */
static enum state_rc is_set(struct db *db, const char *setting, const char *fine, char *fault)
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
                                         .get = get,
                                         .put = put,
                                         .add = add,
                                         .drop = drop,
                                         .each = each,
                                         .keeps = keeps };
