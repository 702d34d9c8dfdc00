/* api_inner.h - what the files of the host table share.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_API_INNER_H
#define KMCP_API_INNER_H

#include "api.h"
#include "call.h"

/* P, after a sentence in the call's failure if it is NULL. */
void *api_memory(struct call *c, void *p);
kmcp_rc api_out_of_memory(kmcp_ctx *ctx);
/* KMCP_E_BUG, with the sentence: plugin "x" WHAT; this is a fault of the plugin. */
kmcp_rc api_bug(kmcp_ctx *ctx, const char *what);
/* A text of the plugin's, as clients may see it; NULL stays NULL. OK turns false when out of memory. */
const char *api_clean(struct call *c, const char *text, bool *ok);

/* THEIRS, whatever its minor, as one of ours; a route must be the plugin's own. */
kmcp_rc api_take_request(kmcp_ctx *ctx, const struct kmcp_request *theirs, struct kmcp_request *ours);

/* The rows of the table. */
void *api_alloc(kmcp_ctx *ctx, size_t size);
kmcp_rc api_fail(kmcp_ctx *ctx, kmcp_rc rc, const char *fmt, ...) KMCP_PRINTF(3, 4);
int api_cancelled(kmcp_ctx *ctx);
kmcp_rc api_result_text(kmcp_ctx *ctx, const char *fmt, ...) KMCP_PRINTF(2, 3);
kmcp_rc api_result_json(kmcp_ctx *ctx, const kmcp_json *value);
kmcp_rc api_content(kmcp_ctx *ctx, const struct kmcp_content *content);
kmcp_rc api_result_meta(kmcp_ctx *ctx, const char *key, const kmcp_json *value);
kmcp_rc api_suggest(kmcp_ctx *ctx, const char *value);
kmcp_rc api_ask(kmcp_ctx *ctx, const struct kmcp_ask *question, const kmcp_json **answer);
kmcp_rc api_keep(kmcp_ctx *ctx, const char *key, const kmcp_json *value);
const kmcp_json *api_kept(kmcp_ctx *ctx, const char *key);
uint32_t api_client_can(kmcp_ctx *ctx);
void api_tell(kmcp_ctx *ctx, uint32_t level, const char *fmt, ...) KMCP_PRINTF(3, 4);
kmcp_rc api_wait(kmcp_ctx *ctx, uint32_t ms);
void api_let_go(kmcp_ctx *ctx, uint32_t retry_ms);
kmcp_rc api_show(kmcp_ctx *ctx, uint32_t list, const char *name, int shown);
kmcp_rc api_updated(kmcp_ctx *ctx, const char *uri);
kmcp_rc api_http(kmcp_ctx *ctx, const struct kmcp_request *theirs, struct kmcp_reply *reply);
void api_ahead(kmcp_ctx *ctx, const struct kmcp_request *theirs);
kmcp_rc api_sweep(kmcp_ctx *ctx, const struct kmcp_request *theirs, kmcp_page_fn page, void *arg,
                  struct kmcp_coverage *coverage);
kmcp_rc api_each(kmcp_ctx *ctx, const struct kmcp_request *theirs, const char *param,
                 const char *const *values, size_t n, kmcp_each_fn fn, void *arg,
                 struct kmcp_coverage *coverage);
kmcp_rc api_query(kmcp_ctx *ctx, const struct kmcp_query *query, const kmcp_json *args);

#endif
