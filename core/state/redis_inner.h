/* redis_inner.h - what the files of kmcp-redis.so share; the only one that sees hiredis.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_REDIS_INNER_H
#define KMCP_REDIS_INNER_H

#include <hiredis/hiredis.h>
#include "state_ops.h"

struct redis_db {
    redisContext *c;
    char where[600];
};

/* ---- redis_lua.c: the arguments of each are said there ---- */
extern const char redis_take_lua[], redis_learn_lua[], redis_count_lua[], redis_put_lua[], redis_drop_lua[],
    redis_add_lua[];

/* ---- redis_script.c ---- */
#define NUMBER 32

#define ARGS_MAX (4 + 4 * 128)

struct redis_script {
    const char *argv[ARGS_MAX];
    size_t len[ARGS_MAX];
    char numbers[ARGS_MAX / 2][NUMBER];
    char keys[130][2 * STATE_KEY_MAX];
    int n, n_keys, n_numbers;
};

/* A call of LUA, with N_KEYS keys to be added first. NULL with the fault. */
struct redis_script *redis_script_new(const char *lua, int n_keys, char *fault);
/* KIND is "b", "w" or "r"; SPACE "" but for records. */
void redis_arg_key(struct redis_script *s, const char *kind, const char *space, const char *key);
/* The bytes and the text must stay until it runs. */
void redis_arg_bytes(struct redis_script *s, const void *bytes, size_t len);
void redis_arg_text(struct redis_script *s, const char *text);
void redis_arg_int(struct redis_script *s, int64_t n);
/* Runs and frees S. WANT numbers, as all scripts answer, or NULL with the fault. */
redisReply *redis_run(struct redis_db *db, struct redis_script *s, size_t want, char *fault);
/* Runs and frees S, which answers 1 or 0. */
enum state_rc redis_verdict(struct redis_db *db, struct redis_script *s, char *fault);
bool redis_is_number(const redisReply *r);
bool redis_are_numbers(const redisReply *r, size_t n);
/* Number I of an answer that was looked at. */
int64_t redis_int_at(const redisReply *r, size_t i);
/* LOST, with what R (NULL: nothing came) or the connection says, and what to do, in FAULT. */
enum state_rc redis_lost(const struct redis_db *db, const redisReply *r, char *fault);

/* ---- redis_records.c: of struct state_ops ---- */
enum state_rc redis_get(void *arg, int64_t now, const char *space, const char *key, struct state_record *out,
                        char *fault);
enum state_rc redis_put(void *arg, int64_t now, const char *space, const char *key, int64_t version,
                        const void *value, size_t len, int64_t expires_ms, char *fault);
enum state_rc redis_add(void *arg, const char *space, const char *prefix, const struct state_new *rows,
                        size_t n, char *fault);
enum state_rc redis_drop(void *arg, int64_t now, const char *space, const char *key, int64_t version,
                         char *fault);
enum state_rc redis_each(void *arg, int64_t now, const char *space, const char *prefix, state_each_fn fn,
                         void *fn_arg, char *fault);

#endif
