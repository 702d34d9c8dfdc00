/* api.c - the host table: everything a plugin can do, on one page. What each function promises:
 * kmcp/plugin.h. SPDX-License-Identifier: Apache-2.0 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/uri.h"
#include "call.h"

#define PROGRESS_EVERY_MS 20

/* ---- memory ---- */

static void *no_memory(struct call *c, void *p)
{
    if (!p)
        failure_set(&c->failure, KMCP_E_NOMEM, "the call needs more memory than [limits] call_bytes allows");
    return p;
}

static void *api_alloc(kmcp_ctx *ctx, size_t size)
{
    return no_memory(call_of(ctx), arena_alloc(&call_of(ctx)->arena, size));
}

static char *api_format(kmcp_ctx *ctx, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = arena_vformat(&call_of(ctx)->arena, fmt, args);
    va_end(args);
    return no_memory(call_of(ctx), text);
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

static kmcp_rc api_fail(kmcp_ctx *ctx, kmcp_rc rc, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    failure_vset(&call_of(ctx)->failure, rc, fmt, args);
    va_end(args);
    return rc;
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
    return no_memory(call_of(ctx), json_string(&call_of(ctx)->arena, text));
}

static kmcp_json *api_json_new_int(kmcp_ctx *ctx, int64_t value)
{
    return no_memory(call_of(ctx), json_integer(&call_of(ctx)->arena, value));
}

static kmcp_json *api_json_new_num(kmcp_ctx *ctx, double value)
{
    return no_memory(call_of(ctx), json_number(&call_of(ctx)->arena, value));
}

static kmcp_json *api_json_new_bool(kmcp_ctx *ctx, int value)
{
    return no_memory(call_of(ctx), json_boolean(&call_of(ctx)->arena, value != 0));
}

static kmcp_json *api_json_copy(kmcp_ctx *ctx, const kmcp_json *value)
{
    return no_memory(call_of(ctx), json_copy(&call_of(ctx)->arena, value));
}

static kmcp_rc out_of_memory(kmcp_ctx *ctx)
{
    no_memory(call_of(ctx), NULL);
    return KMCP_E_NOMEM;
}

static kmcp_rc api_json_set(kmcp_ctx *ctx, kmcp_json *object, const char *key, const kmcp_json *value)
{
    return json_set(&call_of(ctx)->arena, object, key, value) ? KMCP_OK : out_of_memory(ctx);
}

static kmcp_rc api_json_append(kmcp_ctx *ctx, kmcp_json *array, const kmcp_json *value)
{
    return json_append(&call_of(ctx)->arena, array, value) ? KMCP_OK : out_of_memory(ctx);
}

static const char *api_json_text(kmcp_ctx *ctx, const kmcp_json *value)
{
    return no_memory(call_of(ctx), (void *)(uintptr_t)json_text(&call_of(ctx)->arena, value));
}

/* ---- the network ---- */

static kmcp_rc bug(kmcp_ctx *ctx, const char *what)
{
    return api_fail(ctx, KMCP_E_BUG, "plugin \"%s\" %s; this is a fault of the plugin",
                    call_of(ctx)->plugin->decl.name, what);
}

/* THEIRS in the host's own layout, its route replaced by the host's copy. */
static kmcp_rc take_request(kmcp_ctx *ctx, const struct kmcp_request *theirs, struct kmcp_request *ours)
{
    struct call *c = call_of(ctx);

    if (c->phase == CALL_OPENING)
        return bug(ctx, "called the API from open()");
    if (!theirs->struct_size)
        return bug(ctx, "sent a request without struct_size");
    memset(ours, 0, sizeof *ours);
    memcpy(ours, theirs, theirs->struct_size < sizeof *ours ? theirs->struct_size : sizeof *ours);
    ours->struct_size = sizeof *ours;
    ours->route = loader_route(c->plugin, theirs->route);
    if (!ours->route) {
        log_line(KMCP_LOG_WARN, c->plugin->decl.name, "%s asked for a route it does not declare; refused",
                 c->name);
        return bug(ctx, "asked for an endpoint that it does not declare");
    }
    return KMCP_OK;
}

static kmcp_rc api_http(kmcp_ctx *ctx, const struct kmcp_request *theirs, struct kmcp_reply *reply)
{
    struct call *c = call_of(ctx);
    struct kmcp_reply answer = { .struct_size = sizeof answer, .total = -1 };
    struct kmcp_request request;
    uint32_t size = reply->struct_size;
    kmcp_rc rc = take_request(ctx, theirs, &request);

    if (rc != KMCP_OK)
        return rc;
    if (!size)
        return bug(ctx, "took a reply without struct_size");
    rc = client_http(c->host->client, &c->client, &request, &answer);
    memcpy(reply, &answer, size < sizeof answer ? size : sizeof answer);
    reply->struct_size = size;
    return rc;
}

static kmcp_rc api_sweep(kmcp_ctx *ctx, const struct kmcp_request *theirs, kmcp_page_fn page, void *arg,
                         struct kmcp_coverage *coverage)
{
    struct call *c = call_of(ctx);
    struct kmcp_coverage covered = { .struct_size = sizeof covered, .total = -1 };
    struct kmcp_request request;
    uint32_t size = coverage->struct_size;
    kmcp_rc rc = take_request(ctx, theirs, &request);

    if (rc != KMCP_OK)
        return rc;
    if (!size)
        return bug(ctx, "took a coverage without struct_size");
    rc = client_sweep(c->host->client, &c->client, ctx, &request, page, arg, &covered);
    memcpy(coverage, &covered, size < sizeof covered ? size : sizeof covered);
    coverage->struct_size = size;
    return rc;
}

/* ---- policy and the person ---- */

static kmcp_rc api_subject(kmcp_ctx *ctx, const char *kind, const char *id, const char *label)
{
    struct call *c = call_of(ctx);
    struct audit_subject *grown;

    if (c->phase != CALL_PLANNING)
        return bug(ctx, "named a subject outside plan()");
    grown = api_alloc(ctx, (c->n_subjects + 1) * sizeof *grown);
    if (!grown)
        return KMCP_E_NOMEM;
    if (c->n_subjects)
        memcpy(grown, c->subjects, c->n_subjects * sizeof *grown);
    grown[c->n_subjects] = (struct audit_subject){ no_memory(c, arena_strdup(&c->arena, kind)),
                                                   no_memory(c, arena_strdup(&c->arena, id)),
                                                   no_memory(c, arena_strdup(&c->arena, label)) };
    if (!grown[c->n_subjects].kind || !grown[c->n_subjects].id || !grown[c->n_subjects].label)
        return KMCP_E_NOMEM;
    c->subjects = grown;
    c->n_subjects++;
    return KMCP_OK;
}

static kmcp_rc api_say(kmcp_ctx *ctx, const char *fmt, ...)
{
    struct call *c = call_of(ctx);
    va_list args;

    if (c->phase != CALL_PLANNING || c->sentence)
        return bug(ctx, c->sentence ? "spoke twice in one plan()" : "spoke to the person outside plan()");
    va_start(args, fmt);
    c->sentence = no_memory(c, arena_vformat(&c->arena, fmt, args));
    va_end(args);
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

static int api_cancelled(kmcp_ctx *ctx)
{
    const struct call *c = call_of(ctx);

    return c->in && c->in->cancelled && __atomic_load_n(c->in->cancelled, __ATOMIC_ACQUIRE);
}

/* ---- the result ---- */

static kmcp_rc api_result_text(kmcp_ctx *ctx, const char *fmt, ...)
{
    struct call *c = call_of(ctx);
    va_list args;

    if (c->phase != CALL_RUNNING || !c->tool)
        return bug(ctx, "gave a result outside run()");
    va_start(args, fmt);
    buf_vprintf(&c->text, fmt, args);
    va_end(args);
    return c->text.failed ? out_of_memory(ctx) : KMCP_OK;
}

static kmcp_rc api_result_json(kmcp_ctx *ctx, const kmcp_json *value)
{
    struct call *c = call_of(ctx);

    if (c->phase != CALL_RUNNING || !c->tool || !value)
        return value ? bug(ctx, "gave a result outside run()") : out_of_memory(ctx);
    c->structured = value;
    return KMCP_OK;
}

/* A text of the plugin's, as clients may see it; NULL stays NULL. */
static const char *clean(struct call *c, const char *text, bool *ok)
{
    const char *copy;
    struct buf b;

    if (!text)
        return NULL;
    if (!text_needs_neutral(text, strlen(text))) {
        copy = arena_strdup(&c->arena, text);
    } else {
        buf_init(&b, c->host->call_bytes);
        copy = text_neutral(&b, text, strlen(text)) ? arena_strdup(&c->arena, b.data) : NULL;
        buf_free(&b);
    }
    *ok = *ok && copy;
    return copy;
}

static const char *content_fault(const struct call *c, const struct kmcp_content *k)
{
    bool bytes = k->kind == KMCP_CONTENT_IMAGE || k->kind == KMCP_CONTENT_AUDIO;
    const char *uri = k->uri ? k->uri : c->resource ? c->in->name : NULL;

    if (k->kind > KMCP_CONTENT_LINK)
        return "added content of an unknown kind";
    if (k->kind == KMCP_CONTENT_TEXT && !k->text)
        return "added a text without text";
    if (bytes && (!k->data || !k->len || !k->mime_type))
        return "added an image or sound without bytes or type";
    if ((k->kind == KMCP_CONTENT_RESOURCE || k->kind == KMCP_CONTENT_LINK) && (!uri || !uri_is_valid(uri)))
        return "added a resource without a valid URI";
    if ((k->kind == KMCP_CONTENT_RESOURCE) && (k->text != NULL) == (k->data != NULL))
        return "added a resource that is not either text or bytes";
    if (k->kind == KMCP_CONTENT_LINK && !k->name)
        return "added a link without a name";
    if (c->resource && k->kind != KMCP_CONTENT_RESOURCE && k->kind != KMCP_CONTENT_TEXT)
        return "read a resource into something else";
    if (k->role && strcmp(k->role, "user") != 0 && strcmp(k->role, "assistant") != 0)
        return "added a message with an unknown role";
    if (k->priority < 0 || k->priority > 1)
        return "added content with a priority outside 0 to 1";
    return NULL;
}

static kmcp_rc api_content(kmcp_ctx *ctx, const struct kmcp_content *theirs)
{
    struct call *c = call_of(ctx);
    struct kmcp_content k;
    struct call_item *item;
    const char *fault;
    char *data = NULL;
    bool ok = true;

    if (c->phase != CALL_RUNNING || c->in->kind == CALL_COMPLETION || !theirs->struct_size)
        return bug(ctx, theirs->struct_size ? "gave content outside run()" : "gave content without struct_size");
    memset(&k, 0, sizeof k);
    memcpy(&k, theirs, theirs->struct_size < sizeof k ? theirs->struct_size : sizeof k);
    if ((fault = content_fault(c, &k)))
        return bug(ctx, fault);
    if (k.data && (!(data = api_alloc(ctx, BASE64_LEN(k.len) + 1)) || !base64_encode(k.data, k.len, data)))
        return KMCP_E_NOMEM;
    if (!(item = api_alloc(ctx, sizeof *item)))
        return KMCP_E_NOMEM;
    *item = (struct call_item){
        .kind = c->resource ? KMCP_CONTENT_RESOURCE : k.kind,
        .text = clean(c, k.text, &ok),
        .data = data,
        .mime_type = clean(c, k.mime_type ? k.mime_type : c->resource ? c->resource->decl.mime_type : NULL, &ok),
        .uri = clean(c, k.uri ? k.uri : c->resource ? c->in->name : NULL, &ok),
        .name = clean(c, k.name, &ok),
        .title = clean(c, k.title, &ok),
        .description = clean(c, k.description, &ok),
        .role = k.role && strcmp(k.role, "assistant") == 0 ? "assistant" : "user",
        .audience = clean(c, k.audience, &ok),
        .last_modified = clean(c, k.last_modified, &ok),
        .priority = k.priority,
    };
    if (!ok)
        return out_of_memory(ctx);
    *c->items_end = item;
    c->items_end = &item->next;
    return KMCP_OK;
}

static kmcp_rc api_result_meta(kmcp_ctx *ctx, const char *key, const kmcp_json *value)
{
    struct call *c = call_of(ctx);
    const char *slash = key ? strchr(key, '/') : NULL;

    if (c->phase != CALL_RUNNING || !slash || slash == key || !slash[1] || strstr(key, "modelcontextprotocol") ||
        strncmp(key, "mcp", 3) == 0 || strstr(key, ".mcp"))
        return bug(ctx, "set a _meta key that is not its own");
    if (!c->meta)
        c->meta = no_memory(c, json_object(&c->arena));
    return c->meta && json_set(&c->arena, c->meta, key, value) ? KMCP_OK : out_of_memory(ctx);
}

#define VALUES_MAX 100 /* MCP server/utilities/completion */

static kmcp_rc api_suggest(kmcp_ctx *ctx, const char *value)
{
    struct call *c = call_of(ctx);
    bool ok = true;

    if (c->phase == CALL_OPENING || c->in->kind != CALL_COMPLETION || !value)
        return bug(ctx, "suggested something outside complete()");
    if (!c->values && !(c->values = api_alloc(ctx, VALUES_MAX * sizeof *c->values)))
        return KMCP_E_NOMEM;
    if (c->n_values < VALUES_MAX)
        c->values[c->n_values++] = clean(c, value, &ok);
    c->total_values++;
    return ok ? KMCP_OK : out_of_memory(ctx);
}

/* ---- asking the client ---- */

static kmcp_rc api_ask(kmcp_ctx *ctx, const struct kmcp_ask *theirs, const kmcp_json **answer)
{
    struct kmcp_ask question;

    if (!theirs->struct_size)
        return bug(ctx, "asked without struct_size");
    memset(&question, 0, sizeof question);
    memcpy(&question, theirs, theirs->struct_size < sizeof question ? theirs->struct_size : sizeof question);
    return call_ask(call_of(ctx), &question, answer);
}

static kmcp_rc api_keep(kmcp_ctx *ctx, const char *key, const kmcp_json *value)
{
    struct call *c = call_of(ctx);

    if (!c->kept)
        c->kept = no_memory(c, json_object(&c->arena));
    return c->kept && json_set(&c->arena, c->kept, key, value) ? KMCP_OK : out_of_memory(ctx);
}

static const kmcp_json *api_kept(kmcp_ctx *ctx, const char *key)
{
    return json_get(call_of(ctx)->kept, key);
}

static uint32_t api_client_can(kmcp_ctx *ctx)
{
    const struct call *c = call_of(ctx);

    return c->in ? c->in->can : 0;
}

/* ---- while it runs ---- */

static void api_tell(kmcp_ctx *ctx, uint32_t level, const char *fmt, ...)
{
    struct call *c = call_of(ctx);
    const char *text;
    struct arena scratch;
    bool ok = true;
    va_list args;

    if (!c->in || !c->in->events.tell || level > KMCP_TELL_EMERGENCY ||
        !(c->plugin->decl.features & KMCP_FEATURE_TELL))
        return;
    arena_init(&scratch, 1 << 20);
    va_start(args, fmt);
    text = arena_vformat(&scratch, fmt, args);
    va_end(args);
    if (text && c->client.redact)
        text = mask_scrub(&scratch, &c->client.seen, text);
    if (text && (text = clean(c, text, &ok)))
        c->in->events.tell(c->in->events.arg, level, c->plugin->decl.name, text);
    arena_release(&scratch, 0);
}

static kmcp_rc api_wait(kmcp_ctx *ctx, uint32_t ms)
{
    struct call *c = call_of(ctx);
    struct host *host = c->host;
    int64_t until = clock_ms() + ms, last = c->client.deadline_ms;

    if (c->phase == CALL_OPENING)
        return bug(ctx, "waited in open()");
    pthread_mutex_lock(&host->wait_lock);
    while (!api_cancelled(ctx) && clock_ms() < until && clock_ms() < last) {
        struct timespec t = clock_after((until < last ? until : last) - clock_ms());

        pthread_cond_timedwait(&host->wait_wake, &host->wait_lock, &t);
    }
    pthread_mutex_unlock(&host->wait_lock);
    if (api_cancelled(ctx))
        return api_fail(ctx, KMCP_E_CANCELLED, "the call was cancelled");
    if (clock_ms() < until)
        return api_fail(ctx, KMCP_E_TIMEOUT, "%s took longer than this host allows", c->name);
    return KMCP_OK;
}

static void api_let_go(kmcp_ctx *ctx, uint32_t retry_ms)
{
    struct call *c = call_of(ctx);

    if (c->in && c->in->events.let_go)
        c->in->events.let_go(c->in->events.arg, retry_ms);
}

/* ---- what all clients see ---- */

static int *hidden_flag(const struct plugin *p, uint32_t list, const char *name)
{
    for (size_t i = 0; list == KMCP_LIST_TOOLS && i < p->n_tools; i++)
        if (strcmp(p->tools[i].decl.name, name) == 0)
            return &p->tools[i].hidden;
    for (size_t i = 0; list == KMCP_LIST_PROMPTS && i < p->n_prompts; i++)
        if (strcmp(p->prompts[i].decl.name, name) == 0)
            return &p->prompts[i].hidden;
    for (size_t i = 0; list == KMCP_LIST_RESOURCES && i < p->n_resources; i++)
        if (strcmp(p->resources[i].decl.uri, name) == 0)
            return &p->resources[i].hidden;
    return NULL;
}

static kmcp_rc api_show(kmcp_ctx *ctx, uint32_t list, const char *name, int shown)
{
    struct call *c = call_of(ctx);
    int *flag = hidden_flag(c->plugin, list, name), hide = !shown;

    if (!flag || !(c->plugin->decl.features & KMCP_FEATURE_SHOW))
        return bug(ctx, flag ? "called show() without KMCP_FEATURE_SHOW" : "called show() for what it does not declare");
    if (__atomic_exchange_n(flag, hide, __ATOMIC_ACQ_REL) != hide && c->host && c->host->publish)
        c->host->publish(c->host->publish_arg, list, NULL);
    return KMCP_OK;
}

static kmcp_rc api_updated(kmcp_ctx *ctx, const char *uri)
{
    struct call *c = call_of(ctx);
    struct arena scratch;
    struct resource *r;
    kmcp_json *vars;

    arena_init(&scratch, 1 << 16);
    r = uri_is_valid(uri) && c->host ? registry_resource_at(&c->host->registry, &scratch, uri, &vars) : NULL;
    arena_release(&scratch, 0);
    if (!r || r->plugin != c->plugin || !(r->decl.flags & KMCP_RESOURCE_UPDATES))
        return bug(ctx, "called updated() for what it does not declare with KMCP_RESOURCE_UPDATES");
    if (c->host->publish)
        c->host->publish(c->host->publish_arg, KMCP_LIST_RESOURCES, uri);
    return KMCP_OK;
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
};
