/* fakehost_inner.h - what the files of the fake host share; a test needs none of it. SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_FAKEHOST_INNER_H
#define KMCP_FAKEHOST_INNER_H

#include <cjson/cJSON.h>
#include <stdarg.h>

#include "fakehost.h"

static inline struct fakehost *of(kmcp_ctx *ctx)
{
    return (struct fakehost *)ctx;
}

static inline const cJSON *in(const kmcp_json *value)
{
    return (const cJSON *)value;
}

/* BLOCK is freed when the next call begins; returns it. */
void *fake_block(struct fakehost *h, void *block);
char *fake_vformat(struct fakehost *h, const char *fmt, va_list args);
/* VALUE is freed when the next call begins; returns it. */
cJSON *fake_node(cJSON *value);
void fake_forget_nodes(void);
/* The value of FIELD ("a|b.c") in ROW, or NULL. */
const cJSON *fake_pick(const cJSON *row, const char *field);
int fake_meets(const cJSON *row, const struct kmcp_where *w);

/* ---- of struct kmcp_host, documented in kmcp/plugin.h ---- */

/* fakehost.c */
void *fake_alloc(kmcp_ctx *ctx, size_t size);
char *fake_format(kmcp_ctx *ctx, const char *fmt, ...) KMCP_PRINTF(2, 3);
kmcp_rc fake_fail(kmcp_ctx *ctx, kmcp_rc rc, const char *fmt, ...) KMCP_PRINTF(3, 4);

/* fakehost_json.c */
uint32_t fake_json_kind(const kmcp_json *value);
const kmcp_json *fake_json_get(const kmcp_json *value, const char *key);
const kmcp_json *fake_json_at(const kmcp_json *value, size_t i);
const kmcp_json *fake_json_next(const kmcp_json *value);
const char *fake_json_key(const kmcp_json *value);
size_t fake_json_len(const kmcp_json *value);
const char *fake_json_str(const kmcp_json *value);
int fake_json_num(const kmcp_json *value, double *out);
int fake_json_int(const kmcp_json *value, int64_t *out);
int fake_json_bool(const kmcp_json *value, int *out);
kmcp_json *fake_json_new(kmcp_ctx *ctx, const char *text);
kmcp_json *fake_json_new_str(kmcp_ctx *ctx, const char *text);
kmcp_json *fake_json_new_num(kmcp_ctx *ctx, double value);
kmcp_json *fake_json_new_int(kmcp_ctx *ctx, int64_t value);
kmcp_json *fake_json_new_bool(kmcp_ctx *ctx, int value);
kmcp_json *fake_json_copy(kmcp_ctx *ctx, const kmcp_json *value);
kmcp_rc fake_json_set(kmcp_ctx *ctx, kmcp_json *object, const char *key, const kmcp_json *value);
kmcp_rc fake_json_append(kmcp_ctx *ctx, kmcp_json *array, const kmcp_json *value);
const char *fake_json_text(kmcp_ctx *ctx, const kmcp_json *value);

/* fakehost_api.c */
void fake_ahead(kmcp_ctx *ctx, const struct kmcp_request *rq);
kmcp_rc fake_http(kmcp_ctx *ctx, const struct kmcp_request *rq, struct kmcp_reply *reply);
kmcp_rc fake_sweep(kmcp_ctx *ctx, const struct kmcp_request *rq, kmcp_page_fn page, void *arg,
                   struct kmcp_coverage *coverage);
kmcp_rc fake_each(kmcp_ctx *ctx, const struct kmcp_request *rq, const char *param, const char *const *values,
                  size_t n, kmcp_each_fn fn, void *arg, struct kmcp_coverage *coverage);

/* fakehost_query.c */
kmcp_rc fake_query(kmcp_ctx *ctx, const struct kmcp_query *query, const kmcp_json *args);

/* fakehost_call.c */
kmcp_rc fake_subject(kmcp_ctx *ctx, const char *kind, const char *id, const char *label);
kmcp_rc fake_fact(kmcp_ctx *ctx, const char *name, const char *value);
int fake_wants(kmcp_ctx *ctx, const char *name);
kmcp_rc fake_say(kmcp_ctx *ctx, const char *fmt, ...) KMCP_PRINTF(2, 3);
void fake_progress(kmcp_ctx *ctx, double done, double total, const char *message);
int fake_cancelled(kmcp_ctx *ctx);
kmcp_rc fake_result_text(kmcp_ctx *ctx, const char *fmt, ...) KMCP_PRINTF(2, 3);
kmcp_rc fake_result_json(kmcp_ctx *ctx, const kmcp_json *value);
kmcp_rc fake_content(kmcp_ctx *ctx, const struct kmcp_content *c);
kmcp_rc fake_result_meta(kmcp_ctx *ctx, const char *key, const kmcp_json *value);
kmcp_rc fake_suggest(kmcp_ctx *ctx, const char *value);
kmcp_rc fake_ask(kmcp_ctx *ctx, const struct kmcp_ask *q, const kmcp_json **answer);
kmcp_rc fake_keep(kmcp_ctx *ctx, const char *key, const kmcp_json *value);
const kmcp_json *fake_kept(kmcp_ctx *ctx, const char *key);
uint32_t fake_client_can(kmcp_ctx *ctx);
void fake_tell(kmcp_ctx *ctx, uint32_t level, const char *fmt, ...) KMCP_PRINTF(3, 4);
kmcp_rc fake_wait(kmcp_ctx *ctx, uint32_t ms);
void fake_let_go(kmcp_ctx *ctx, uint32_t retry_ms);
kmcp_rc fake_show(kmcp_ctx *ctx, uint32_t list, const char *name, int shown);
kmcp_rc fake_updated(kmcp_ctx *ctx, const char *uri);

#endif
