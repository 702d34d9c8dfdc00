/* api_result.c - the host table's result functions: text, structure, content, suggestions. What each
 * promises: kmcp/plugin.h.  SPDX-License-Identifier: Apache-2.0 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "api_inner.h"
#include "base/base64.h"
#include "base/text.h"
#include "base/uri.h"

kmcp_rc api_result_text(kmcp_ctx *ctx, const char *fmt, ...)
{
    struct call *c = call_of(ctx);
    va_list args;

    if (c->phase != CALL_RUNNING || !c->tool)
        return api_bug(ctx, "gave a result outside run()");
    va_start(args, fmt);
    buf_vprintf(&c->text, fmt, args);
    va_end(args);
    return c->text.failed ? api_out_of_memory(ctx) : KMCP_OK;
}

kmcp_rc api_result_json(kmcp_ctx *ctx, const kmcp_json *value)
{
    struct call *c = call_of(ctx);

    if (c->phase != CALL_RUNNING || !c->tool || !value)
        return value ? api_bug(ctx, "gave a result outside run()") : api_out_of_memory(ctx);
    c->structured = value;
    return KMCP_OK;
}

/* A text of the plugin's, as clients may see it; NULL stays NULL. */
const char *api_clean(struct call *c, const char *text, bool *ok)
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

kmcp_rc api_content(kmcp_ctx *ctx, const struct kmcp_content *theirs)
{
    struct call *c = call_of(ctx);
    struct kmcp_content k;
    struct call_item *item;
    const char *fault;
    char *data = NULL;
    bool ok = true;

    if (c->phase != CALL_RUNNING || c->in->kind == CALL_COMPLETION || !theirs->struct_size)
        return api_bug(ctx, theirs->struct_size ? "gave content outside run()"
                                                : "gave content without struct_size");
    memset(&k, 0, sizeof k);
    memcpy(&k, theirs, theirs->struct_size < sizeof k ? theirs->struct_size : sizeof k);
    if ((fault = content_fault(c, &k)))
        return api_bug(ctx, fault);
    if (k.data && (!(data = api_alloc(ctx, BASE64_LEN(k.len) + 1)) || !base64_encode(k.data, k.len, data)))
        return KMCP_E_NOMEM;
    if (!(item = api_alloc(ctx, sizeof *item)))
        return KMCP_E_NOMEM;
    *item = (struct call_item){
        .kind = c->resource ? KMCP_CONTENT_RESOURCE : k.kind,
        .text = api_clean(c, k.text, &ok),
        .data = data,
        .mime_type = api_clean(c,
                               k.mime_type   ? k.mime_type
                               : c->resource ? c->resource->decl.mime_type
                                             : NULL,
                               &ok),
        .uri = api_clean(c,
                         k.uri         ? k.uri
                         : c->resource ? c->in->name
                                       : NULL,
                         &ok),
        .name = api_clean(c, k.name, &ok),
        .title = api_clean(c, k.title, &ok),
        .description = api_clean(c, k.description, &ok),
        .role = k.role && strcmp(k.role, "assistant") == 0 ? "assistant" : "user",
        .audience = api_clean(c, k.audience, &ok),
        .last_modified = api_clean(c, k.last_modified, &ok),
        .priority = k.priority,
    };
    if (!ok)
        return api_out_of_memory(ctx);
    *c->items_end = item;
    c->items_end = &item->next;
    return KMCP_OK;
}

kmcp_rc api_result_meta(kmcp_ctx *ctx, const char *key, const kmcp_json *value)
{
    struct call *c = call_of(ctx);
    const char *slash = key ? strchr(key, '/') : NULL;

    if (c->phase != CALL_RUNNING || !slash || slash == key || !slash[1] ||
        strstr(key, "modelcontextprotocol") || strncmp(key, "mcp", 3) == 0 || strstr(key, ".mcp"))
        return api_bug(ctx, "set a _meta key that is not its own");
    if (!c->meta)
        c->meta = api_memory(c, json_object(&c->arena));
    return c->meta && json_set(&c->arena, c->meta, key, value) ? KMCP_OK : api_out_of_memory(ctx);
}

#define VALUES_MAX 100 /* MCP server/utilities/completion */

kmcp_rc api_suggest(kmcp_ctx *ctx, const char *value)
{
    struct call *c = call_of(ctx);
    bool ok = true;

    if (c->phase == CALL_OPENING || c->in->kind != CALL_COMPLETION || !value)
        return api_bug(ctx, "suggested something outside complete()");
    if (!c->values && !(c->values = api_alloc(ctx, VALUES_MAX * sizeof *c->values)))
        return KMCP_E_NOMEM;
    if (c->n_values < VALUES_MAX)
        c->values[c->n_values++] = api_clean(c, value, &ok);
    c->total_values++;
    return ok ? KMCP_OK : api_out_of_memory(ctx);
}
