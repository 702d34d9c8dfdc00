/* context.c - the request context of both eras.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "context.h"

#define META_VERSION      "io.modelcontextprotocol/protocolVersion"
#define META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define META_CLIENT       "io.modelcontextprotocol/clientInfo"
#define META_LEVEL        "io.modelcontextprotocol/logLevel"

static const char *const levels[] = { "debug", "info",     "notice", "warning",
                                      "error", "critical", "alert",  "emergency" };

int context_level(const char *name)
{
    for (int i = 0; name && i < (int)(sizeof levels / sizeof *levels); i++)
        if (strcmp(levels[i], name) == 0)
            return i;
    return -1;
}

const char *context_level_name(int level)
{
    return levels[level];
}

static bool is_object(const kmcp_json *value)
{
    return json_kind(value) == KMCP_JSON_OBJECT;
}

/* Elicitation {} means forms; with modes named, form must be among them (MCP client/elicitation). */
static uint32_t read_capabilities(const struct rev *rev, const kmcp_json *capabilities)
{
    const kmcp_json *elicitation = json_get(capabilities, "elicitation"),
                    *sampling = json_get(capabilities, "sampling"),
                    *tasks = json_get(json_get(capabilities, "extensions"), "io.modelcontextprotocol/tasks");
    uint32_t can = 0;

    if ((rev->features & REV_ASK_FORM) && is_object(elicitation) &&
        (!json_get(elicitation, "url") || json_get(elicitation, "form")))
        can |= KMCP_CAN_FORM;
    if ((rev->features & REV_ASK_URL) && is_object(json_get(elicitation, "url")))
        can |= KMCP_CAN_URL;
    if (is_object(sampling))
        can |= KMCP_CAN_SAMPLE;
    if ((rev->features & REV_SAMPLE_TOOLS) && is_object(json_get(sampling, "tools")))
        can |= KMCP_CAN_SAMPLE_TOOLS;
    if (is_object(json_get(capabilities, "roots")))
        can |= KMCP_CAN_ROOTS;
    if ((rev->features & REV_EXTENSIONS) && is_object(tasks))
        can |= KMCP_CAN_TASKS;
    return can;
}

static void read_client(struct context *ctx, const kmcp_json *info)
{
    const char *name = json_str(json_get(info, "name")), *version = json_str(json_get(info, "version"));

    snprintf(ctx->client, sizeof ctx->client, "%.80s%s%.30s", name ? name : "unnamed client",
             version ? " " : "", version ? version : "");
}

static bool is_hex(const char *text, size_t len)
{
    return strspn(text, "0123456789abcdef") >= len;
}

/* W3C Trace Context, level 1: what is malformed is dropped without a word. */
static void read_trace(struct context *ctx, const kmcp_json *meta)
{
    const char *parent = json_str(json_get(meta, "traceparent")),
               *state = json_str(json_get(meta, "tracestate"));

    ctx->traceparent[0] = ctx->tracestate[0] = '\0';
    if (!parent || strlen(parent) != 55 || parent[2] != '-' || parent[35] != '-' || parent[52] != '-' ||
        !is_hex(parent, 2) || !is_hex(parent + 3, 32) || !is_hex(parent + 36, 16) ||
        !is_hex(parent + 53, 2) || strncmp(parent, "ff", 2) == 0 || strspn(parent + 3, "0") >= 32 ||
        strspn(parent + 36, "0") >= 16)
        return;
    memcpy(ctx->traceparent, parent, 56);
    if (!state || strlen(state) >= sizeof ctx->tracestate)
        return;
    for (const char *c = state; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7E)
            return;
    memcpy(ctx->tracestate, state, strlen(state) + 1);
}

static void read_token(struct context *ctx, const struct rpc_message *m)
{
    const kmcp_json *meta = json_get(m->params, "_meta"), *token = json_get(meta, "progressToken");
    uint32_t kind = json_kind(token);

    ctx->progress_token = (struct rpc_raw){ 0 };
    if (kind == KMCP_JSON_STRING || kind == KMCP_JSON_NUMBER)
        ctx->progress_token = rpc_member(rpc_member(rpc_member(m->text, "params"), "_meta"), "progressToken");
    read_trace(ctx, meta);
}

bool context_claims(const kmcp_json *params)
{
    return json_get(json_get(params, "_meta"), META_VERSION) != NULL;
}

enum context_fault context_read(struct context *ctx, const struct rpc_message *m, char *why, size_t why_size,
                                const char **requested)
{
    const kmcp_json *meta = json_get(m->params, "_meta"), *capabilities = json_get(meta, META_CAPABILITIES);
    const kmcp_json *info = json_get(meta, META_CLIENT), *level = json_get(meta, META_LEVEL);

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
    if (!is_object(capabilities)) {
        snprintf(why, why_size, "_meta[\"" META_CAPABILITIES "\"] must be an object");
        return CONTEXT_BAD_META;
    }
    if (info && !is_object(info)) {
        snprintf(why, why_size, "_meta[\"" META_CLIENT "\"] must be an object");
        return CONTEXT_BAD_META;
    }
    ctx->log_level = context_level(json_str(level));
    if (level && ctx->log_level < 0) {
        snprintf(why, why_size, "_meta[\"" META_LEVEL "\"] must be a level from debug to emergency");
        return CONTEXT_BAD_META;
    }
    ctx->can = read_capabilities(ctx->rev, capabilities);
    read_client(ctx, info);
    read_token(ctx, m);
    return CONTEXT_OK;
}

bool context_from(struct context *ctx, struct session *s, const struct rpc_message *m)
{
    bool open = false;

    if (!s)
        return false;
    pthread_mutex_lock(&s->lock);
    open = s->open && !s->ended;
    if (open)
        *ctx = s->context;
    pthread_mutex_unlock(&s->lock);
    if (open)
        read_token(ctx, m);
    return open;
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
    s->context.can = read_capabilities(rev, json_get(params, "capabilities"));
    s->context.log_level = KMCP_TELL_WARNING; /* until the client chooses */
    read_client(&s->context, json_get(params, "clientInfo"));
    pthread_mutex_unlock(&s->lock);
}
