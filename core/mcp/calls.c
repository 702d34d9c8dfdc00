/* calls.c - what runs plugins' code: tools/call, prompts/get, resources/read, completion/complete, on workers.
 * SPDX-License-Identifier: Apache-2.0 */

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

/* Under the lock. One that became a task or a job has been answered: its id is free again. Without a session (HTTP,
 * 2026-07-28) ids belong to one exchange and are never compared. */
static struct request *find(struct server *s, const struct session *session, const char *key)
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
    found = find(s, session, key) != NULL;
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

/* ---- what a running call says ---- */

static void on_progress(void *arg, double done, double total, const char *message)
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

static void on_tell(void *arg, uint32_t level, const char *logger, const char *text)
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

static void on_let_go(void *arg, uint32_t retry_ms)
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
    request_error(r, r->context.rev->features & REV_NOT_FOUND ? RPC_MISSING : RPC_PARAMS, answer->text, data.data);
    buf_free(&data);
}

/* The client does not offer what this needs: an error of its own in 2026-07-28, a tool error before. */
static void respond_lacks(struct request *r, const char *text, uint32_t lacks)
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

static void respond(struct request *r, const struct call_output *answer)
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
        respond_lacks(r, answer->text, answer->lacks);
        return;
    case CALL_PROTOCOL:
        request_error(r, RPC_INTERNAL, answer->text, NULL);
        return;
    case CALL_CANCELLED:
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
static void finish_task(struct request *r, const struct call_output *answer)
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
        .cancelled = &r->cancelled,
        .events = { .arg = r, .tell = on_tell, .let_go = on_let_go, .detach = tasks_detach,
                    .progress = ctx->progress_token.text ? on_progress : NULL },
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
        finish_task(r, answer);
    else if (answer)
        respond(r, answer);
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

/* inputResponses and requestState of a call that comes again with its answers. A sentence if they are malformed. */
static const char *read_answers(struct request *r)
{
    const kmcp_json *responses = json_get(r->message.params, "inputResponses"),
                    *state = json_get(r->message.params, "requestState");

    if (!(r->context.rev->features & REV_ASK_RESULT))
        return NULL;
    if (state && !json_str(state))
        return "\"requestState\" is not one of ours; ask again without it";
    if (responses && json_kind(responses) != KMCP_JSON_OBJECT && json_kind(responses) != KMCP_JSON_NULL)
        return "\"inputResponses\" must be an object";
    r->state = json_str(state);
    if (json_kind(responses) == KMCP_JSON_OBJECT)
        r->answers = json_copy(&r->arena, responses);
    return NULL;
}

static bool may_read(struct request *r)
{
    if (r->scopes & SCOPE(KMCP_READ))
        return true;
    request_error_as(r, 403, RPC_INVALID, "this token lacks the scope \"read\"", NULL);
    request_free(r);
    return false;
}

/* A tool that is never waited for needs a client that can come back: by tasks, or in older revisions by get_job. */
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
        snprintf(why, sizeof why, "%.64s runs as a task only; offer the extension io.modelcontextprotocol/tasks",
                 tool->decl.name);
        respond_lacks(r, why, KMCP_CAN_TASKS);
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
    else
        why = read_answers(r);
    if (why) {
        refuse(r, RPC_PARAMS, why);
        return;
    }
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
    const char *why = !json_str(json_get(r->message.params, "name")) ? "\"name\" must be a string: the prompt to get"
                      : args && json_kind(args) != KMCP_JSON_OBJECT  ? "\"arguments\" must be an object"
                                                                     : read_answers(r);

    r->kind = CALL_PROMPT;
    if (why)
        refuse(r, RPC_PARAMS, why);
    else if (may_read(r))
        start(r);
}

void do_resources_read(struct request *r)
{
    const char *why = json_str(json_get(r->message.params, "uri")) ? read_answers(r)
                                                                   : "\"uri\" must be a string: the resource to read";

    r->kind = CALL_RESOURCE;
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
    if (!type || (!resource && strcmp(type, "ref/prompt") != 0) || !json_str(json_get(ref, resource ? "uri" : "name")))
        refuse(r, RPC_PARAMS, "\"ref\" must be {\"type\": \"ref/prompt\", \"name\"} or {\"type\": \"ref/resource\", \"uri\"}");
    else if (!json_str(json_get(argument, "name")) || !json_str(json_get(argument, "value")))
        refuse(r, RPC_PARAMS, "\"argument\" must have a name and a value");
    else if ((context && json_kind(context) != KMCP_JSON_OBJECT) ||
             (settled && json_kind(settled) != KMCP_JSON_OBJECT))
        refuse(r, RPC_PARAMS, "\"context.arguments\" must be an object");
    else if (may_read(r))
        start(r);
}

/* ---- cancelling ---- */

/* Under the lock. Parked or listening, nobody works on it: it is unlinked, and the caller ends it. */
static bool cancel(struct server *s, struct request *r)
{
    __atomic_store_n(&r->cancelled, 1, __ATOMIC_RELEASE);
    if (!r->parked && !r->listening)
        return false;
    calls_unlink(s, r);
    return true;
}

static void end_idle(struct request *r)
{
    if (request_task(r)) {
        tasks_cancelled(r);
        request_free(r);
    } else if (r->listening) {
        request_silent(r);
        request_free(r);
    } else {
        asking_drop(r, NULL);
    }
}

void calls_cancel(struct server *s, const struct session *session, const char *key)
{
    struct request *r;
    bool idle = false;

    pthread_mutex_lock(&s->lock);
    r = find(s, session, key);
    if (r)
        idle = cancel(s, r);
    pthread_mutex_unlock(&s->lock);
    if (idle)
        end_idle(r);
    else if (r)
        host_wake(s->host);
}

/* Cancels what WANTED says, one after the other. */
static void cancel_all(struct server *s, bool (*wanted)(const struct request *, const void *), const void *arg)
{
    struct request *ended = NULL;

    pthread_mutex_lock(&s->lock);
    for (struct request *r = s->under_way, *next; r; r = next) {
        next = r->next;
        if (wanted(r, arg) && cancel(s, r)) {
            r->next = ended;
            ended = r;
        }
    }
    pthread_mutex_unlock(&s->lock);
    while (ended) {
        struct request *r = ended;

        ended = r->next;
        end_idle(r);
    }
    host_wake(s->host);
}

static bool hung_up(const struct request *r, const void *sink)
{
    return r->sink == sink && !request_task(r) && (r->context.rev->features & REV_HANGUP_CANCELS);
}

void server_hangup(struct server *s, struct sink *sink)
{
    cancel_all(s, hung_up, sink);
}

static bool of_session(const struct request *r, const void *session)
{
    return r->session == session && !request_task(r);
}

static bool any(const struct request *r, const void *unused)
{
    (void)r;
    (void)unused;
    return true;
}

void server_cancel_all(struct server *s)
{
    cancel_all(s, any, NULL);
}

void server_end_session(struct server *s, struct session *session)
{
    struct session **at = &s->sessions;
    bool found;

    pthread_mutex_lock(&session->lock);
    session->ended = true;
    pthread_mutex_unlock(&session->lock);
    session_stand(session, NULL);
    cancel_all(s, of_session, session);
    pthread_mutex_lock(&s->lock);
    while (*at && *at != session)
        at = &(*at)->next;
    found = *at != NULL;
    if (found)
        *at = session->next;
    pthread_mutex_unlock(&s->lock);
    if (found)
        session_drop(session);
}

size_t server_running(struct server *s)
{
    size_t n;

    pthread_mutex_lock(&s->lock);
    n = s->running;
    pthread_mutex_unlock(&s->lock);
    return n;
}

bool server_wait_idle(struct server *s, int64_t until_ms)
{
    bool idle;

    pthread_mutex_lock(&s->lock);
    while (s->running && clock_ms() < until_ms) {
        struct timespec t = clock_after(until_ms - clock_ms());

        pthread_cond_timedwait(&s->idle, &s->lock, &t);
    }
    idle = s->running == 0;
    pthread_mutex_unlock(&s->lock);
    return idle;
}
