/* redis_records.c - records in Redis: read, written, gone through. Part of the module kmcp-redis.so.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_inner.h"

#define PAGES_MAX 200000 /* of a SCAN; a cursor that never ends is no Redis's */

static bool is_nil(const redisReply *r)
{
    return r->type == REDIS_REPLY_NIL;
}

/* A record out of {value, version, expires}; three nils: there is none. */
static enum state_rc take_record(struct redis_db *db, const redisReply *r, int64_t now,
                                 struct state_record *out, char *fault)
{
    bool three = r && r->type == REDIS_REPLY_ARRAY && r->elements == 3;
    redisReply *const *at = three ? r->element : NULL;

    if (three && is_nil(at[0]) && is_nil(at[1]) && is_nil(at[2]))
        return STATE_NO;
    if (!three || at[0]->type != REDIS_REPLY_STRING || !redis_is_number(at[1]) || !redis_is_number(at[2]))
        return redis_lost(db, r, fault);
    out->version = redis_int_at(r, 1);
    out->expires_ms = redis_int_at(r, 2);
    if (out->version < 1 || out->expires_ms < 0)
        return redis_lost(db, r, fault);
    if (out->expires_ms && out->expires_ms <= now)
        return STATE_NO;
    out->len = (size_t)at[0]->len;
    out->value = malloc(out->len + 1);
    if (!out->value)
        return redis_lost(db, NULL, fault);
    memcpy(out->value, at[0]->str, out->len);
    out->value[out->len] = '\0';
    return STATE_YES;
}

static enum state_rc get_at(struct redis_db *db, int64_t now, const char *name, struct state_record *out,
                            char *fault)
{
    redisReply *r = redisCommand(db->c, "HMGET %s value version expires", name);
    enum state_rc rc = take_record(db, r, now, out, fault);

    if (r)
        freeReplyObject(r);
    return rc;
}

enum state_rc redis_get(void *arg, int64_t now, const char *space, const char *key, struct state_record *out,
                        char *fault)
{
    char name[2 * STATE_KEY_MAX];

    snprintf(name, sizeof name, "kmcp:r:%s:%s", space, key);
    return get_at(arg, now, name, out, fault);
}

enum state_rc redis_put(void *arg, int64_t now, const char *space, const char *key, int64_t version,
                        const void *value, size_t len, int64_t expires_ms, char *fault)
{
    struct redis_script *s = redis_script_new(redis_put_lua, 1, fault);

    if (!s)
        return STATE_LOST;
    redis_arg_key(s, "r", space, key);
    redis_arg_int(s, now);
    redis_arg_int(s, version);
    redis_arg_bytes(s, len ? value : "", len);
    redis_arg_int(s, expires_ms);
    return redis_verdict(arg, s, fault);
}

enum state_rc redis_add(void *arg, const char *space, const char *prefix, const struct state_new *rows,
                        size_t n, char *fault)
{
    for (size_t from = 0; from < n; from += 100) {
        size_t some = n - from > 100 ? 100 : n - from;
        struct redis_script *s = redis_script_new(redis_add_lua, (int)some, fault);
        char key[2 * STATE_KEY_MAX];

        if (!s)
            return STATE_LOST;
        for (size_t i = 0; i < some; i++) {
            snprintf(key, sizeof key, "%s%s", prefix, rows[from + i].key);
            redis_arg_key(s, "r", space, key);
        }
        for (size_t i = 0; i < some; i++)
            redis_arg_bytes(s, rows[from + i].len ? rows[from + i].value : "", rows[from + i].len);
        switch (redis_verdict(arg, s, fault)) {
        case STATE_YES:
            break;
        case STATE_NO: /* the script never says so */
            return redis_lost(arg, NULL, fault);
        case STATE_LOST:
            return STATE_LOST;
        }
    }
    return STATE_YES;
}

enum state_rc redis_drop(void *arg, int64_t now, const char *space, const char *key, int64_t version,
                         char *fault)
{
    struct redis_script *s = redis_script_new(redis_drop_lua, 1, fault);

    (void)now;
    if (!s)
        return STATE_LOST;
    redis_arg_key(s, "r", space, key);
    redis_arg_int(s, version);
    return redis_verdict(arg, s, fault);
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
static bool scan(struct redis_db *db, const char *prefix, struct names *all, char *fault)
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
        bool ok = r && r->type == REDIS_REPLY_ARRAY && r->elements == 2 && redis_is_number(r->element[0]) &&
                  ++pages <= PAGES_MAX && keep_names(all, r->element[1]);

        if (!ok)
            redis_lost(db, r, fault);
        else
            snprintf(cursor, sizeof cursor, "%s", r->element[0]->str);
        if (r)
            freeReplyObject(r);
        if (!ok)
            return false;
    } while (strcmp(cursor, "0") != 0);
    return true;
}

enum state_rc redis_each(void *arg, int64_t now, const char *space, const char *prefix, state_each_fn fn,
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
