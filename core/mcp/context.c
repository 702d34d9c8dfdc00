/* context.c - the request context of both eras.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "context.h"

#define META_VERSION      "io.modelcontextprotocol/protocolVersion"
#define META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define META_CLIENT       "io.modelcontextprotocol/clientInfo"

void session_init(struct session *s)
{
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
}

void session_free(struct session *s)
{
    pthread_mutex_destroy(&s->lock);
}

/* {} means forms (2025-06-18); with modes named, form must be among them. */
static bool can_ask(const struct rev *rev, const kmcp_json *capabilities)
{
    const kmcp_json *elicitation = json_get(capabilities, "elicitation");

    if (!(rev->features & (REV_ASK_REQUEST | REV_ASK_RESULT)) || json_kind(elicitation) != KMCP_JSON_OBJECT)
        return false;
    return !json_get(elicitation, "url") || json_get(elicitation, "form");
}

static void read_client(struct context *ctx, const kmcp_json *info)
{
    const char *name = json_str(json_get(info, "name")), *version = json_str(json_get(info, "version"));

    snprintf(ctx->client, sizeof ctx->client, "%.80s%s%.30s", name ? name : "unnamed client",
             version ? " " : "", version ? version : "");
}

static void read_token(struct context *ctx, const struct rpc_message *m)
{
    const kmcp_json *token = json_get(json_get(m->params, "_meta"), "progressToken");
    uint32_t kind = json_kind(token);

    ctx->progress_token = (struct rpc_raw){ 0 };
    if (kind == KMCP_JSON_STRING || kind == KMCP_JSON_NUMBER)
        ctx->progress_token = rpc_member(rpc_member(rpc_member(m->text, "params"), "_meta"), "progressToken");
}

void session_open(struct session *s, const kmcp_json *params)
{
    const char *wanted = json_str(json_get(params, "protocolVersion"));
    const struct rev *rev = wanted ? rev_find(wanted) : NULL;

    if (!rev || rev->modern)
        rev = rev_latest_legacy();
    pthread_mutex_lock(&s->lock);
    s->open = true;
    s->context.rev = rev;
    s->context.can_ask = can_ask(rev, json_get(params, "capabilities"));
    read_client(&s->context, json_get(params, "clientInfo"));
    pthread_mutex_unlock(&s->lock);
}

bool context_claims(const kmcp_json *params)
{
    return json_get(json_get(params, "_meta"), META_VERSION) != NULL;
}

enum context_fault context_read(struct context *ctx, const struct rpc_message *m, char *why, size_t why_size,
                                const char **requested)
{
    const kmcp_json *meta = json_get(m->params, "_meta"), *capabilities = json_get(meta, META_CAPABILITIES);
    const kmcp_json *info = json_get(meta, META_CLIENT);

    *requested = json_str(json_get(meta, META_VERSION));
    memset(ctx, 0, sizeof *ctx);
    if (!*requested) {
        snprintf(why, why_size, "_meta[\"" META_VERSION "\"] must be a string");
        return CONTEXT_BAD_META;
    }
    ctx->rev = rev_find(*requested);
    if (!ctx->rev || !ctx->rev->modern) {
        snprintf(why, why_size, "protocol version %.40s is not served this way", *requested);
        return CONTEXT_BAD_REVISION;
    }
    if (json_kind(capabilities) != KMCP_JSON_OBJECT) {
        snprintf(why, why_size, "_meta[\"" META_CAPABILITIES "\"] must be an object");
        return CONTEXT_BAD_META;
    }
    if (info && json_kind(info) != KMCP_JSON_OBJECT) {
        snprintf(why, why_size, "_meta[\"" META_CLIENT "\"] must be an object");
        return CONTEXT_BAD_META;
    }
    ctx->can_ask = can_ask(ctx->rev, capabilities);
    read_client(ctx, info);
    read_token(ctx, m);
    return CONTEXT_OK;
}

bool context_from(struct context *ctx, struct session *s, const struct rpc_message *m)
{
    bool open;

    pthread_mutex_lock(&s->lock);
    open = s->open;
    if (open)
        *ctx = s->context;
    pthread_mutex_unlock(&s->lock);
    if (open)
        read_token(ctx, m);
    return open;
}
