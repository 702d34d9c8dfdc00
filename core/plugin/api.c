/* api.c - the host table, at the end: everything a plugin can do. api_network.c, api_query.c, api_result.c
 * and api_client.c have the rest of it. What each function promises: kmcp/plugin.h. SPDX-License-Identifier:
 * Apache-2.0 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "api_inner.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "call.h"

#define PROGRESS_EVERY_MS 20

/* ---- memory ---- */

void *api_memory(struct call *c, void *p)
{
    if (!p)
        failure_set(&c->failure, KMCP_E_NOMEM, "the call needs more memory than [limits] call_bytes allows");
    return p;
}

void *api_alloc(kmcp_ctx *ctx, size_t size)
{
    return api_memory(call_of(ctx), arena_alloc(&call_of(ctx)->arena, size));
}

static char *api_format(kmcp_ctx *ctx, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = arena_vformat(&call_of(ctx)->arena, fmt, args);
    va_end(args);
    return api_memory(call_of(ctx), text);
}

/* ---- diagnostics ---- */

/* Any thread: touches no call memory. The buffer is formatted and scrubbed here, because the call's arena is
 * not ours. */
static void api_log(kmcp_ctx *ctx, uint32_t level, const char *fmt, ...)
{
    const struct call *c = call_of(ctx);
    va_list args;

    va_start(args, fmt);
    if (c->client.redact && c->phase != CALL_OPENING) {
        struct arena scratch;
        char *text;

        arena_init(&scratch, 1 << 20);
        text = arena_vformat(&scratch, fmt, args);
        log_line(level, c->plugin->decl.name, "%s",
                 text ? mask_scrub(&scratch, &c->client.seen, text) : "(too long)");
        arena_release(&scratch, 0);
    } else {
        log_vline(level, c->plugin->decl.name, fmt, args);
    }
    va_end(args);
}

kmcp_rc api_fail(kmcp_ctx *ctx, kmcp_rc rc, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    failure_vset(&call_of(ctx)->failure, rc, fmt, args);
    va_end(args);
    return rc;
}

kmcp_rc api_bug(kmcp_ctx *ctx, const char *what)
{
    return api_fail(ctx, KMCP_E_BUG, "plugin \"%s\" %s; this is a fault of the plugin",
                    call_of(ctx)->plugin->decl.name, what);
}

/* ---- options and state ---- */

static const char *option(kmcp_ctx *ctx, const char *key, const char *type)
{
    const struct plugin *p = call_of(ctx)->plugin;

    for (size_t i = 0; i < p->n_options; i++)
        if (strcmp(p->options[i].key, key) == 0)
            return strcmp(p->options[i].type, type) == 0 ? p->option_values[i] : NULL;
    return NULL;
}

static const char *api_opt_str(kmcp_ctx *ctx, const char *key)
{
    return option(ctx, key, "string");
}

static int64_t api_opt_int(kmcp_ctx *ctx, const char *key)
{
    const char *value = option(ctx, key, "int");

    return value ? strtoll(value, NULL, 10) : 0; /* registry.c checked it */
}

static int api_opt_bool(kmcp_ctx *ctx, const char *key)
{
    const char *value = option(ctx, key, "bool");

    return value && strcmp(value, "yes") == 0; /* registry.c wrote "yes" or "no" */
}

static void *api_state(kmcp_ctx *ctx)
{
    return call_of(ctx)->plugin->state;
}

/* ---- JSON ---- */

static int api_json_bool(const kmcp_json *value, int *out)
{
    bool is = false;

    if (!json_bool(value, &is))
        return 0;
    *out = is;
    return 1;
}

static int api_json_int(const kmcp_json *value, int64_t *out)
{
    return json_int(value, out);
}

static int api_json_num(const kmcp_json *value, double *out)
{
    return json_num(value, out);
}

static kmcp_json *api_json_new(kmcp_ctx *ctx, const char *text)
{
    struct json_error error;
    kmcp_json *value = json_parse(&call_of(ctx)->arena, text, strlen(text), JSON_UNIQUE, &error);

    if (!value)
        failure_set(&call_of(ctx)->failure, KMCP_E_BUG,
                    "plugin \"%s\" asked for JSON that is none (%s at byte %zu)",
                    call_of(ctx)->plugin->decl.name, error.what, error.offset);
    return value;
}

static kmcp_json *api_json_new_str(kmcp_ctx *ctx, const char *text)
{
    return api_memory(call_of(ctx), json_string(&call_of(ctx)->arena, text));
}

static kmcp_json *api_json_new_int(kmcp_ctx *ctx, int64_t value)
{
    return api_memory(call_of(ctx), json_integer(&call_of(ctx)->arena, value));
}

static kmcp_json *api_json_new_num(kmcp_ctx *ctx, double value)
{
    return api_memory(call_of(ctx), json_number(&call_of(ctx)->arena, value));
}

static kmcp_json *api_json_new_bool(kmcp_ctx *ctx, int value)
{
    return api_memory(call_of(ctx), json_boolean(&call_of(ctx)->arena, value != 0));
}

static kmcp_json *api_json_copy(kmcp_ctx *ctx, const kmcp_json *value)
{
    return api_memory(call_of(ctx), json_copy(&call_of(ctx)->arena, value));
}

kmcp_rc api_out_of_memory(kmcp_ctx *ctx)
{
    api_memory(call_of(ctx), NULL);
    return KMCP_E_NOMEM;
}

static kmcp_rc api_json_set(kmcp_ctx *ctx, kmcp_json *object, const char *key, const kmcp_json *value)
{
    return json_set(&call_of(ctx)->arena, object, key, value) ? KMCP_OK : api_out_of_memory(ctx);
}

static kmcp_rc api_json_append(kmcp_ctx *ctx, kmcp_json *array, const kmcp_json *value)
{
    return json_append(&call_of(ctx)->arena, array, value) ? KMCP_OK : api_out_of_memory(ctx);
}

static const char *api_json_text(kmcp_ctx *ctx, const kmcp_json *value)
{
    return api_memory(call_of(ctx), (void *)(uintptr_t)json_text(&call_of(ctx)->arena, value));
}

/* ---- policy and the person ---- */

/* What others wrote, on one line, and nothing that a terminal obeys. All of it: policies look at it. */
static char *clean_line(struct call *c, const char *text)
{
    char *copy = NULL;
    struct buf b;

    buf_init(&b, c->host->call_bytes);
    if (text_line(&b, text, SIZE_MAX, false))
        copy = arena_strdup(&c->arena, b.data ? b.data : "");
    buf_wipe(&b);
    return api_memory(c, copy);
}

static kmcp_rc api_subject(kmcp_ctx *ctx, const char *kind, const char *id, const char *label)
{
    struct call *c = call_of(ctx);
    struct audit_subject *grown;

    if (c->phase != CALL_PLANNING)
        return api_bug(ctx, "named a subject outside plan()");
    if (!kind || !id || !label)
        return api_bug(ctx, "named a subject without kind, id or label");
    grown = api_alloc(ctx, (c->n_subjects + 1) * sizeof *grown);
    if (!grown)
        return KMCP_E_NOMEM;
    if (c->n_subjects)
        memcpy(grown, c->subjects, c->n_subjects * sizeof *grown);
    grown[c->n_subjects] = (struct audit_subject){ api_memory(c, arena_strdup(&c->arena, kind)),
                                                   api_memory(c, arena_strdup(&c->arena, id)),
                                                   clean_line(c, label) };
    if (!grown[c->n_subjects].kind || !grown[c->n_subjects].id || !grown[c->n_subjects].label)
        return KMCP_E_NOMEM;
    c->subjects = grown;
    c->n_subjects++;
    return KMCP_OK;
}

static kmcp_rc api_fact(kmcp_ctx *ctx, const char *name, const char *value)
{
    struct call *c = call_of(ctx);
    struct policy_fact *grown;

    if (c->phase != CALL_PLANNING || !c->n_subjects || !name || !text_is_name(name, 32) ||
        c->n_facts == CALL_FACTS_MAX)
        return api_bug(ctx, "stated a fact outside plan(), about nothing, or too many");
    if (c->n_facts % 16 == 0) {
        grown = api_alloc(ctx, (c->n_facts + 16) * sizeof *grown);
        if (!grown)
            return KMCP_E_NOMEM;
        if (c->n_facts)
            memcpy(grown, c->facts, c->n_facts * sizeof *grown);
        c->facts = grown;
    }
    c->facts[c->n_facts] = (struct policy_fact){ c->n_subjects - 1,
                                                 api_memory(c, arena_strdup(&c->arena, name)),
                                                 clean_line(c, value ? value : "") };
    if (!c->facts[c->n_facts].name || !c->facts[c->n_facts].value)
        return KMCP_E_NOMEM;
    c->n_facts++;
    return KMCP_OK;
}

static int api_wants(kmcp_ctx *ctx, const char *name)
{
    return policy_wants(&call_of(ctx)->host->policy, name);
}

static kmcp_rc api_say(kmcp_ctx *ctx, const char *fmt, ...)
{
    struct call *c = call_of(ctx);
    const char *text;
    va_list args;

    if (c->phase != CALL_PLANNING || c->sentence)
        return api_bug(ctx, c->sentence ? "spoke twice in one plan()" : "spoke to the person outside plan()");
    va_start(args, fmt);
    text = api_memory(c, arena_vformat(&c->arena, fmt, args));
    va_end(args);
    c->sentence = text ? clean_line(c, text) : NULL;
    return c->sentence ? KMCP_OK : KMCP_E_NOMEM;
}

/* ---- long work ---- */

static void api_progress(kmcp_ctx *ctx, double done, double total, const char *message)
{
    struct call *c = call_of(ctx);
    int64_t now = clock_ms();

    if (!c->in || !c->in->events.progress || done <= c->progress_done)
        return;
    if (c->progress_ms && now - c->progress_ms < PROGRESS_EVERY_MS && !(total > 0 && done >= total))
        return;
    c->progress_ms = now;
    c->progress_done = done;
    c->in->events.progress(c->in->events.arg, done, total, message);
}

int api_cancelled(kmcp_ctx *ctx)
{
    const struct call *c = call_of(ctx);

    return c->in && c->in->cancelled && __atomic_load_n(c->in->cancelled, __ATOMIC_ACQUIRE);
}

const struct kmcp_host api_host = {
    .struct_size = sizeof api_host,
    .abi_major = KMCP_ABI_MAJOR,
    .abi_minor = KMCP_ABI_MINOR,
    .version = KMCP_VERSION,
    .alloc = api_alloc,
    .format = api_format,
    .log = api_log,
    .fail = api_fail,
    .opt_str = api_opt_str,
    .opt_int = api_opt_int,
    .opt_bool = api_opt_bool,
    .state = api_state,
    .json_kind = json_kind,
    .json_get = json_get,
    .json_at = json_at,
    .json_next = json_next,
    .json_key = json_key,
    .json_len = json_len,
    .json_str = json_str,
    .json_int = api_json_int,
    .json_num = api_json_num,
    .json_bool = api_json_bool,
    .json_new = api_json_new,
    .json_new_str = api_json_new_str,
    .json_new_int = api_json_new_int,
    .json_new_num = api_json_new_num,
    .json_new_bool = api_json_new_bool,
    .json_copy = api_json_copy,
    .json_set = api_json_set,
    .json_append = api_json_append,
    .json_text = api_json_text,
    .http = api_http,
    .sweep = api_sweep,
    .subject = api_subject,
    .say = api_say,
    .progress = api_progress,
    .cancelled = api_cancelled,
    .result_text = api_result_text,
    .result_json = api_result_json,
    .content = api_content,
    .result_meta = api_result_meta,
    .suggest = api_suggest,
    .ask = api_ask,
    .keep = api_keep,
    .kept = api_kept,
    .client_can = api_client_can,
    .tell = api_tell,
    .wait = api_wait,
    .let_go = api_let_go,
    .show = api_show,
    .updated = api_updated,
    .fact = api_fact,
    .wants = api_wants,
    .each = api_each,
    .query = api_query,
    .ahead = api_ahead,
};
