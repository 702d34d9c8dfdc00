/* redis_script.c - a script with its keys and arguments is sent, and what comes back is looked at: anything
 * but what our scripts answer is a lost store. Part of the module kmcp-redis.so.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_inner.h"

enum state_rc redis_lost(const struct redis_db *db, const redisReply *r, char *fault)
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

void redis_arg_bytes(struct redis_script *s, const void *bytes, size_t len)
{
    s->argv[s->n] = bytes;
    s->len[s->n++] = len;
}

void redis_arg_text(struct redis_script *s, const char *text)
{
    redis_arg_bytes(s, text, strlen(text));
}

void redis_arg_int(struct redis_script *s, int64_t n)
{
    char *out = s->numbers[s->n_numbers++];

    snprintf(out, NUMBER, "%lld", (long long)n);
    redis_arg_text(s, out);
}

struct redis_script *redis_script_new(const char *lua, int n_keys, char *fault)
{
    struct redis_script *s = calloc(1, sizeof *s);

    if (!s) {
        snprintf(fault, STATE_FAULT_MAX, "out of memory");
        return NULL;
    }
    redis_arg_text(s, "EVAL");
    redis_arg_text(s, lua);
    redis_arg_int(s, n_keys);
    return s;
}

void redis_arg_key(struct redis_script *s, const char *kind, const char *space, const char *key)
{
    char *out = s->keys[s->n_keys++];

    snprintf(out, sizeof *s->keys, "kmcp:%s:%s%s%s", kind, space, *space ? ":" : "", key);
    redis_arg_text(s, out);
}

bool redis_is_number(const redisReply *r)
{
    size_t n = r->type == REDIS_REPLY_STRING ? r->len : 0, sign = n > 1 && r->str[0] == '-';

    return n > sign && n - sign < 16 &&
           /* so that milliseconds of it fit */ strspn(r->str + sign, "0123456789") == n - sign;
}

bool redis_are_numbers(const redisReply *r, size_t n)
{
    bool ok = r && r->type == REDIS_REPLY_ARRAY && r->elements == n;

    for (size_t i = 0; ok && i < n; i++)
        ok = redis_is_number(r->element[i]);
    return ok;
}

redisReply *redis_run(struct redis_db *db, struct redis_script *s, size_t want, char *fault)
{
    redisReply *r = redisCommandArgv(db->c, s->n, s->argv, s->len);

    free(s);
    if (redis_are_numbers(r, want))
        return r;
    redis_lost(db, r, fault);
    if (r)
        freeReplyObject(r);
    return NULL;
}

int64_t redis_int_at(const redisReply *r, size_t i)
{
    return strtoll(r->element[i]->str, NULL, 10);
}

enum state_rc redis_verdict(struct redis_db *db, struct redis_script *s, char *fault)
{
    redisReply *r = redis_run(db, s, 1, fault);
    enum state_rc rc;

    if (!r)
        return STATE_LOST;
    rc = redis_int_at(r, 0) == 1 ? STATE_YES : redis_int_at(r, 0) == 0 ? STATE_NO : redis_lost(db, r, fault);
    freeReplyObject(r);
    return rc;
}
