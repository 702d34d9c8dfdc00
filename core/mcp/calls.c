/* calls.c - what runs plugins' code: tools/call, prompts/get, resources/read, completion/complete, on
 * workers. SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "request.h"

/* ---- the list of what is under way ---- */

void calls_enter(struct request *r)
{
    struct server *s = r->server;

    pthread_mutex_lock(&s->lock);
    r->next = s->under_way;
    s->under_way = r;
    s->running++;
    pthread_mutex_unlock(&s->lock);
}

void calls_unlink(struct server *s, struct request *r)
{
    struct request **at = &s->under_way;

    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
}

void calls_leave(struct request *r)
{
    struct server *s = r->server;

    pthread_mutex_lock(&s->lock);
    calls_unlink(s, r);
    pthread_mutex_unlock(&s->lock);
    request_free(r); /* before it counts as over: then its sink and session may go */
    pthread_mutex_lock(&s->lock);
    if (--s->running == 0)
        pthread_cond_broadcast(&s->idle);
    pthread_mutex_unlock(&s->lock);
}

/* Under the lock. One that became a task or a job has been answered: its id is free again. Without a session
 * (HTTP, 2026-07-28) ids belong to one exchange and are never compared. */
struct request *calls_find(struct server *s, const struct session *session, const char *key)
{
    struct request *r = session ? s->under_way : NULL;

    while (r && !(r->session == session && !request_task(r) && strcmp(r->message.key, key) == 0))
        r = r->next;
    return r;
}

bool calls_under_way(struct server *s, const struct session *session, const char *key)
{
    bool found;

    pthread_mutex_lock(&s->lock);
    found = calls_find(s, session, key) != NULL;
    pthread_mutex_unlock(&s->lock);
    return found;
}

const char *server_scope_name(kmcp_safety safety)
{
    static const char *const names[] = { "none", "read", "reveal", "write", "destroy" };

    return safety <= KMCP_DESTROY ? names[safety] : "none";
}

bool calls_claim(struct request *r)
{
    bool ours;

    pthread_mutex_lock(&r->server->lock);
    ours = !request_task(r);
    r->answered = true;
    pthread_mutex_unlock(&r->server->lock);
    return ours;
}

/* ---- running ---- */

static void fill(const struct request *r, struct call_input *in)
{
    const kmcp_json *params = r->message.params, *ref = json_get(params, "ref");

    in->name = json_str(json_get(params, r->kind == CALL_RESOURCE ? "uri" : "name"));
    in->args = r->kind == CALL_RESOURCE ? NULL : json_get(params, "arguments");
    if (r->kind == CALL_COMPLETION) {
        in->of_resource = strcmp(json_str(json_get(ref, "type")), "ref/resource") == 0;
        in->name = json_str(json_get(ref, in->of_resource ? "uri" : "name"));
        in->argument = json_str(json_get(json_get(params, "argument"), "name"));
        in->value = json_str(json_get(json_get(params, "argument"), "value"));
        in->args = json_get(json_get(params, "context"), "arguments");
    }
}

static void run(void *arg)
{
    struct request *r = arg;
    const struct context *ctx = &r->context;
    struct call_input in = {
        .kind = r->kind,
        .principal = r->principal,
        .client = ctx->client,
        .transport = r->transport,
        .traceparent = ctx->traceparent[0] ? ctx->traceparent : NULL,
        .tracestate = ctx->tracestate[0] ? ctx->tracestate : NULL,
        .can = ctx->can,
        .can_ask = ctx->can & KMCP_CAN_FORM ? CALL_ASK_YES : CALL_ASK_NO,
        .answers = r->answers,
        .state = r->state,
        .malformed = r->malformed,
        .cancelled = &r->cancelled,
        .events = { .arg = r,
                    .tell = calls_on_tell,
                    .let_go = calls_on_let_go,
                    .detach = tasks_detach,
                    .progress = ctx->progress_token.text ? calls_on_progress : NULL },
    };
    const struct call_output *answer;
    struct call *call;

    fill(r, &in);
    call = call_run(r->server->host, &in);
    answer = call ? call_output(call) : NULL;
    if (answer && answer->end == CALL_ASK) {
        asking_ask(r, answer);
        call_release(call);
        return;
    }
    if (!calls_claim(r))
        calls_finish_task(r, answer);
    else if (answer)
        calls_respond(r, answer);
    else
        request_error(r, RPC_INTERNAL, "out of memory", NULL);
    if (call)
        call_release(call);
    calls_leave(r);
}

void calls_submit(struct request *r)
{
    static const char busy[] = "too many calls are waiting; send fewer at once";

    if (pool_submit(r->server->pool, run, r))
        return;
    if (!calls_claim(r))
        tasks_finish(r, "\"code\":-32603,\"message\":\"too many calls are waiting\"", true);
    else
        request_error(r, RPC_INTERNAL, busy, NULL);
    calls_leave(r);
}

static void start(struct request *r)
{
    calls_enter(r);
    calls_submit(r);
}

/* ---- the methods ---- */

static void refuse(struct request *r, int code, const char *why)
{
    request_error(r, code, why, NULL);
    request_free(r);
}

/* inputResponses and requestState of a call that comes again with its answers. What is malformed about them
 * is the call's to refuse, which knows what question they were for. */
static void read_answers(struct request *r)
{
    const kmcp_json *responses = json_get(r->message.params, "inputResponses"),
                    *state = json_get(r->message.params, "requestState");

    if (!(r->context.rev->features & REV_ASK_RESULT))
        return;
    r->state = json_str(state);
    if (state && !r->state)
        r->malformed = "\"requestState\" is not one of ours; ask again without it";
    else if (responses && json_kind(responses) != KMCP_JSON_OBJECT && json_kind(responses) != KMCP_JSON_NULL)
        r->malformed = "\"inputResponses\" must be an object";
    if (json_kind(responses) == KMCP_JSON_OBJECT)
        r->answers = json_copy(&r->arena, responses);
}

static bool may_read(struct request *r)
{
    if (r->scopes & SCOPE(KMCP_READ))
        return true;
    request_error_as(r, 403, RPC_INVALID, "this token lacks the scope \"read\"", NULL);
    request_free(r);
    return false;
}

/* A tool that is never waited for needs a client that can come back: by tasks, or in older revisions by
 * get_job. */
static bool may_run(struct request *r, const struct tool *tool)
{
    char why[160];

    if (!tool)
        return true; /* the call says so, and what was meant */
    if (!(r->scopes & SCOPE(tool->decl.safety))) {
        snprintf(why, sizeof why, "this token lacks the scope \"%s\"", server_scope_name(tool->decl.safety));
        request_error_as(r, 403, RPC_INVALID, why, NULL);
    } else if ((tool->decl.flags & KMCP_TOOL_TASK_ONLY) && (r->context.rev->features & REV_EXTENSIONS) &&
               !(r->context.can & KMCP_CAN_TASKS)) {
        snprintf(why, sizeof why,
                 "%.64s runs as a task only; offer the extension io.modelcontextprotocol/tasks",
                 tool->decl.name);
        calls_lacks(r, why, KMCP_CAN_TASKS);
    } else {
        return true;
    }
    request_free(r);
    return false;
}

void do_tools_call(struct request *r)
{
    const kmcp_json *args = json_get(r->message.params, "arguments");
    const char *name = json_str(json_get(r->message.params, "name")), *why = NULL;
    const struct tool *tool;

    if (!name)
        why = "\"name\" must be a string: the tool to call";
    else if (args && json_kind(args) != KMCP_JSON_OBJECT)
        why = "\"arguments\" must be an object";
    if (why) {
        refuse(r, RPC_PARAMS, why);
        return;
    }
    read_answers(r);
    r->kind = CALL_TOOL;
    if (tasks_get_job(r))
        return;
    tool = registry_find(&r->server->host->registry, name);
    if (!may_run(r, tool))
        return;
    if (tool && (tool->decl.flags & KMCP_TOOL_TASK) && !(r->context.can & KMCP_CAN_TASKS))
        r->job_at_ms = clock_ms() + r->server->host->job_after_ms;
    start(r);
}

void do_prompts_get(struct request *r)
{
    const kmcp_json *args = json_get(r->message.params, "arguments");
    const char *why = !json_str(json_get(r->message.params, "name"))
                          ? "\"name\" must be a string: the prompt to get"
                      : args && json_kind(args) != KMCP_JSON_OBJECT ? "\"arguments\" must be an object"
                                                                    : NULL;

    r->kind = CALL_PROMPT;
    read_answers(r);
    if (why)
        refuse(r, RPC_PARAMS, why);
    else if (may_read(r))
        start(r);
}

void do_resources_read(struct request *r)
{
    const char *why = json_str(json_get(r->message.params, "uri"))
                          ? NULL
                          : "\"uri\" must be a string: the resource to read";

    r->kind = CALL_RESOURCE;
    read_answers(r);
    if (why)
        refuse(r, RPC_PARAMS, why);
    else if (may_read(r))
        start(r);
}

void do_complete(struct request *r)
{
    const kmcp_json *params = r->message.params, *ref = json_get(params, "ref"),
                    *argument = json_get(params, "argument"), *context = json_get(params, "context"),
                    *settled = json_get(context, "arguments");
    const char *type = json_str(json_get(ref, "type"));
    bool resource = type && strcmp(type, "ref/resource") == 0;

    r->kind = CALL_COMPLETION;
    if (!type || (!resource && strcmp(type, "ref/prompt") != 0) ||
        !json_str(json_get(ref, resource ? "uri" : "name")))
        refuse(
            r, RPC_PARAMS,
            "\"ref\" must be {\"type\": \"ref/prompt\", \"name\"} or {\"type\": \"ref/resource\", \"uri\"}");
    else if (!json_str(json_get(argument, "name")) || !json_str(json_get(argument, "value")))
        refuse(r, RPC_PARAMS, "\"argument\" must have a name and a value");
    else if ((context && json_kind(context) != KMCP_JSON_OBJECT) ||
             (settled && json_kind(settled) != KMCP_JSON_OBJECT))
        refuse(r, RPC_PARAMS, "\"context.arguments\" must be an object");
    else if (may_read(r))
        start(r);
}
