/* fakehost.c - a host for a plugin's tests: its memory, its options, its table, and what a test calls.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakehost_inner.h"

static const struct kmcp_host table;

void *fake_block(struct fakehost *h, void *block)
{
    if (h->n_blocks == h->cap_blocks) {
        h->cap_blocks = h->cap_blocks ? 2 * h->cap_blocks : 256;
        h->blocks = realloc(h->blocks, (size_t)h->cap_blocks * sizeof *h->blocks);
        if (!h->blocks)
            abort();
    }
    h->blocks[h->n_blocks++] = block;
    return block;
}

char *fake_vformat(struct fakehost *h, const char *fmt, va_list args)
{
    va_list again;
    char *text;
    int n;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    text = calloc(1, (size_t)n + 1);
    if (!text)
        abort();
    vsnprintf(text, (size_t)n + 1, fmt, args);
    return fake_block(h, text);
}

static void forget(struct fakehost *h)
{
    for (int i = 0; i < h->n_blocks; i++)
        free(h->blocks[i]);
    free(h->blocks);
    h->blocks = NULL;
    h->n_blocks = h->cap_blocks = h->n_requests = h->n_subjects = 0;
    h->n_facts = h->n_contents = h->n_asked = h->n_values = h->n_events = 0;
    fake_forget_nodes();
    h->sentence = h->text = h->result = h->failure = h->question = NULL;
    h->failure_rc = KMCP_OK;
}

/* ---- memory, diagnostics, options ---- */

void *fake_alloc(kmcp_ctx *ctx, size_t size)
{
    return fake_block(of(ctx), calloc(1, size ? size : 1));
}

char *fake_format(kmcp_ctx *ctx, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = fake_vformat(of(ctx), fmt, args);
    va_end(args);
    return text;
}

static void fake_log(kmcp_ctx *ctx, uint32_t level, const char *fmt, ...)
{
    (void)ctx;
    (void)level;
    (void)fmt;
}

kmcp_rc fake_fail(kmcp_ctx *ctx, kmcp_rc rc, const char *fmt, ...)
{
    struct fakehost *h = of(ctx);
    va_list args;

    va_start(args, fmt);
    if (!h->failure) {
        h->failure = fake_vformat(h, fmt, args);
        h->failure_rc = rc;
    }
    va_end(args);
    return rc;
}

static const char *option(kmcp_ctx *ctx, const char *key)
{
    const struct fakehost *h = of(ctx);

    for (int i = 0; i < h->n_options; i++)
        if (strcmp(h->options[i][0], key) == 0)
            return h->options[i][1];
    for (uint32_t i = 0; i < h->plugin->n_options; i++)
        if (strcmp(h->plugin->options[i].key, key) == 0)
            return h->plugin->options[i].dflt;
    return NULL;
}

static int64_t fake_opt_int(kmcp_ctx *ctx, const char *key)
{
    return option(ctx, key) ? strtoll(option(ctx, key), NULL, 10) : 0;
}

static int fake_opt_bool(kmcp_ctx *ctx, const char *key)
{
    return option(ctx, key) && strcmp(option(ctx, key), "yes") == 0;
}

static void *fake_state(kmcp_ctx *ctx)
{
    return of(ctx)->state;
}

static const struct kmcp_host table = {
    .struct_size = sizeof table,
    .abi_major = KMCP_ABI_MAJOR,
    .abi_minor = KMCP_ABI_MINOR,
    .version = "fake",
    .alloc = fake_alloc,
    .format = fake_format,
    .log = fake_log,
    .fail = fake_fail,
    .opt_str = option,
    .opt_int = fake_opt_int,
    .opt_bool = fake_opt_bool,
    .state = fake_state,
    .json_kind = fake_json_kind,
    .json_get = fake_json_get,
    .json_at = fake_json_at,
    .json_next = fake_json_next,
    .json_key = fake_json_key,
    .json_len = fake_json_len,
    .json_str = fake_json_str,
    .json_int = fake_json_int,
    .json_num = fake_json_num,
    .json_bool = fake_json_bool,
    .json_new = fake_json_new,
    .json_new_str = fake_json_new_str,
    .json_new_int = fake_json_new_int,
    .json_new_num = fake_json_new_num,
    .json_new_bool = fake_json_new_bool,
    .json_copy = fake_json_copy,
    .json_set = fake_json_set,
    .json_append = fake_json_append,
    .json_text = fake_json_text,
    .http = fake_http,
    .sweep = fake_sweep,
    .subject = fake_subject,
    .say = fake_say,
    .progress = fake_progress,
    .cancelled = fake_cancelled,
    .result_text = fake_result_text,
    .result_json = fake_result_json,
    .content = fake_content,
    .result_meta = fake_result_meta,
    .suggest = fake_suggest,
    .ask = fake_ask,
    .keep = fake_keep,
    .kept = fake_kept,
    .client_can = fake_client_can,
    .tell = fake_tell,
    .wait = fake_wait,
    .let_go = fake_let_go,
    .show = fake_show,
    .updated = fake_updated,
    .fact = fake_fact,
    .wants = fake_wants,
    .each = fake_each,
    .query = fake_query,
    .ahead = fake_ahead,
};

/* ---- for the test ---- */

void fakehost_init(struct fakehost *h, const struct kmcp_plugin *plugin)
{
    memset(h, 0, sizeof *h);
    h->ctx.host = &table;
    h->plugin = plugin;
    h->can = KMCP_CAN_FORM | KMCP_CAN_URL | KMCP_CAN_SAMPLE | KMCP_CAN_SAMPLE_TOOLS | KMCP_CAN_ROOTS |
             KMCP_CAN_TASKS;
}

void fakehost_free(struct fakehost *h)
{
    forget(h);
    free(h->kept);
    h->kept = NULL;
    for (int i = 0; i < h->n_answers; i++) {
        free(h->answers[i].method);
        free(h->answers[i].path);
        free(h->answers[i].body);
    }
    h->n_answers = 0;
}

static char *copy(const char *text)
{
    char *made = malloc(strlen(text) + 1);

    if (!made)
        abort();
    memcpy(made, text, strlen(text) + 1);
    return made;
}

void fakehost_answer(struct fakehost *h, const char *method, const char *path, int status, const char *body)
{
    if (h->n_answers == FAKEHOST_MAX)
        abort();
    h->answers[h->n_answers++] = (struct fakehost_answer){ copy(method), copy(path), copy(body), status, 0 };
}

void fakehost_option(struct fakehost *h, const char *key, const char *value)
{
    if (h->n_options == FAKEHOST_MAX)
        abort();
    h->options[h->n_options][0] = key;
    h->options[h->n_options++][1] = value;
}

static void choose(struct fakehost *h, const char *tool, int planning)
{
    forget(h);
    h->tool = NULL;
    for (uint32_t i = 0; i < h->plugin->n_tools; i++)
        if (strcmp(h->plugin->tools[i].name, tool) == 0)
            h->tool = &h->plugin->tools[i];
    if (!h->tool || (planning && !h->tool->plan))
        abort(); /* the test names no such tool, or one without a plan */
    h->planning = planning;
    h->resolving = 0;
}

static kmcp_rc call(struct fakehost *h, const char *tool, const char *args, int planning)
{
    kmcp_json *value;

    choose(h, tool, planning);
    value = fake_json_new(&h->ctx, args);
    return (planning ? h->tool->plan : h->tool->run)(&h->ctx, value);
}

kmcp_rc fakehost_plan(struct fakehost *h, const char *tool, const char *args)
{
    return call(h, tool, args, 1);
}

kmcp_rc fakehost_run(struct fakehost *h, const char *tool, const char *args)
{
    return call(h, tool, args, 0);
}

kmcp_rc fakehost_resolve(struct fakehost *h, const char *tool, const char *args, int64_t since_ms)
{
    choose(h, tool, 0);
    if (!h->tool->resolve)
        abort(); /* it has none */
    h->resolving = 1;
    return h->tool->resolve(&h->ctx, fake_json_new(&h->ctx, args), since_ms);
}

void fakehost_reply(struct fakehost *h, const char *key, const char *json)
{
    if (h->n_replies == FAKEHOST_MAX)
        abort();
    h->replies[h->n_replies][0] = key;
    h->replies[h->n_replies++][1] = json;
}

kmcp_rc fakehost_get(struct fakehost *h, const char *prompt, const char *args)
{
    kmcp_rc rc = KMCP_E_NOTFOUND;

    forget(h);
    h->tool = NULL;
    h->planning = 0;
    h->prompting = 1;
    for (uint32_t i = 0; i < h->plugin->n_prompts; i++)
        if (strcmp(h->plugin->prompts[i].name, prompt) == 0)
            rc = h->plugin->prompts[i].get(&h->ctx, fake_json_new(&h->ctx, args));
    h->prompting = 0;
    return rc;
}

kmcp_rc fakehost_read(struct fakehost *h, const char *declared, const char *uri, const char *vars)
{
    forget(h);
    h->tool = NULL;
    h->planning = 0;
    for (uint32_t i = 0; i < h->plugin->n_resources; i++)
        if (strcmp(h->plugin->resources[i].uri, declared) == 0)
            return h->plugin->resources[i].read(&h->ctx, uri, fake_json_new(&h->ctx, vars));
    return KMCP_E_NOTFOUND;
}

kmcp_rc fakehost_complete(struct fakehost *h, const char *name, const char *argument, const char *value)
{
    forget(h);
    h->tool = NULL;
    h->planning = 0;
    for (uint32_t i = 0; i < h->plugin->n_prompts; i++)
        if (strcmp(h->plugin->prompts[i].name, name) == 0 && h->plugin->prompts[i].complete)
            return h->plugin->prompts[i].complete(&h->ctx, argument, value, NULL);
    for (uint32_t i = 0; i < h->plugin->n_resources; i++)
        if (strcmp(h->plugin->resources[i].uri, name) == 0 && h->plugin->resources[i].complete)
            return h->plugin->resources[i].complete(&h->ctx, argument, value, NULL);
    return KMCP_E_NOTFOUND;
}

int fakehost_sent(const struct fakehost *h, const char *text)
{
    for (int i = 0; i < h->n_requests; i++)
        if (strncmp(h->requests[i], text, strlen(text)) == 0)
            return 1;
    return 0;
}
