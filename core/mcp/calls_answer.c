/* calls_answer.c - what a running call says to its client, and what becomes of its end.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "request.h"

/* ---- what a running call says ---- */

void calls_on_progress(void *arg, double done, double total, const char *message)
{
    struct request *r = arg;
    struct buf out;

    if (request_task(r) || !r->context.progress_token.text)
        return;
    buf_init(&out, 1 << 16);
    encode_progress(&out, r->context.rev, r->context.progress_token, done, total, message);
    request_write(r, &out);
    buf_free(&out);
}

static int wanted_level(struct request *r)
{
    int level = r->context.log_level;

    if (!(r->context.rev->features & REV_LOG_PER_REQUEST) && r->session) { /* it may have changed since */
        pthread_mutex_lock(&r->session->lock);
        level = r->session->context.log_level;
        pthread_mutex_unlock(&r->session->lock);
    }
    return level;
}

void calls_on_tell(void *arg, uint32_t level, const char *logger, const char *text)
{
    struct request *r = arg;
    int least = wanted_level(r);
    struct buf out;

    if (request_task(r) || least < 0 || (int)level < least)
        return;
    buf_init(&out, 1 << 20);
    encode_log(&out, context_level_name((int)level), logger, text);
    request_write(r, &out);
    buf_free(&out);
}

void calls_on_let_go(void *arg, uint32_t retry_ms)
{
    struct request *r = arg;

    if (!request_task(r) && (r->context.rev->features & REV_SSE_RESUME) && r->sink->ops->let_go)
        r->sink->ops->let_go(r->sink, retry_ms);
}

/* ---- what it answers ---- */

/* Members of _meta, without braces, in the call's own memory; NULL: none. */
static char *meta_members(const struct call_output *answer)
{
    struct arena scratch;
    const char *text;
    char *copy = NULL;

    if (!answer->meta)
        return NULL;
    arena_init(&scratch, ENCODE_MAX);
    text = json_text(&scratch, answer->meta);
    if (text && strlen(text) > 2 && (copy = strdup(text + 1)))
        copy[strlen(copy) - 1] = '\0';
    arena_release(&scratch, 0);
    return copy;
}

static void respond_complete(struct request *r, const struct call_output *answer)
{
    int64_t ttl = ENCODE_TTL_NONE;
    struct buf members, out;
    char *meta;

    buf_init(&members, ENCODE_MAX);
    buf_init(&out, ENCODE_MAX);
    if (r->kind == CALL_TOOL)
        encode_call(&members, r->context.rev, answer, r->server->host->structured);
    else if (r->kind == CALL_PROMPT)
        encode_prompt(&members, r->context.rev, answer);
    else if (r->kind == CALL_COMPLETION)
        encode_completion(&members, answer);
    else
        encode_resource(&members, answer);
    if (r->kind == CALL_RESOURCE)
        ttl = answer->ttl_ms;
    meta = meta_members(answer);
    if (members.failed) {
        request_error(r, RPC_INTERNAL, "the answer is too large", NULL);
    } else {
        encode_result(&out, r->context.rev, r->message.id, "complete", members.data, ttl, meta);
        request_respond(r, 200, &out);
    }
    free(meta);
    buf_wipe(&members);
    buf_wipe(&out);
}

static void respond_not_found(struct request *r, const struct call_output *answer)
{
    struct buf data;

    buf_init(&data, 1 << 16);
    buf_puts(&data, "{\"uri\":");
    json_quote(&data, json_str(json_get(r->message.params, "uri")));
    buf_putc(&data, '}');
    request_error(r, r->context.rev->features & REV_NOT_FOUND ? RPC_MISSING : RPC_PARAMS, answer->text,
                  data.data);
    buf_free(&data);
}

/* The client does not offer what this needs: an error of its own in 2026-07-28, a tool error before. */
void calls_lacks(struct request *r, const char *text, uint32_t lacks)
{
    struct buf data;

    if (!(r->context.rev->features & REV_ASK_RESULT)) {
        if (r->kind == CALL_TOOL)
            asking_tool_error(r, text);
        else
            request_error(r, RPC_INTERNAL, text, NULL);
        return;
    }
    buf_init(&data, 1 << 12);
    encode_required(&data, lacks);
    request_error(r, RPC_LACKS, text, data.data);
    buf_free(&data);
}

void calls_respond(struct request *r, const struct call_output *answer)
{
    switch (answer->end) {
    case CALL_NO_TOOL:
    case CALL_BAD_STATE:
        request_error(r, RPC_PARAMS, answer->text, NULL);
        return;
    case CALL_NOT_FOUND:
        respond_not_found(r, answer);
        return;
    case CALL_LACKS:
        calls_lacks(r, answer->text, answer->lacks);
        return;
    case CALL_PROTOCOL:
        request_error(r, RPC_INTERNAL, answer->text, NULL);
        return;
    case CALL_CANCELLED:
        if (request_is_cut_short(r))
            asking_tool_error(r, CUT_SHORT);
        else
            request_silent(r);
        return;
    case CALL_ASK: /* not for here */
        request_silent(r);
        return;
    case CALL_TOOL_ERROR:
        if (r->kind != CALL_TOOL) {
            request_error(r, RPC_INTERNAL, answer->text, NULL);
            return;
        }
        respond_complete(r, answer);
        return;
    case CALL_COMPLETE:
        respond_complete(r, answer);
        return;
    }
}

/* The same, into the task that R has become. */
void calls_finish_task(struct request *r, const struct call_output *answer)
{
    struct buf members;
    bool failed = !answer || (answer->end != CALL_COMPLETE && answer->end != CALL_TOOL_ERROR);

    if (!answer) {
        tasks_finish(r, "\"code\":-32603,\"message\":\"out of memory\"", true);
        return;
    }
    if (answer->end == CALL_CANCELLED) {
        tasks_cancelled(r);
        return;
    }
    buf_init(&members, ENCODE_MAX);
    if (failed) {
        buf_printf(&members, "\"code\":%d,\"message\":",
                   answer->end == CALL_NO_TOOL || answer->end == CALL_BAD_STATE ? RPC_PARAMS : RPC_INTERNAL);
        json_quote(&members, answer->text);
    } else {
        encode_call(&members, r->context.rev, answer, r->server->host->structured);
    }
    tasks_finish(r, members.failed ? "\"code\":-32603,\"message\":\"the answer is too large\"" : members.data,
                 failed || members.failed);
    buf_wipe(&members);
}
