/* tools_call.c - tool calls on workers, and the questions to the person in between.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "encode.h"
#include "request.h"

/* ---- the list of what is under way ---- */

static void enter(struct request *r)
{
    struct server *s = r->server;

    pthread_mutex_lock(&s->lock);
    r->next = s->under_way;
    s->under_way = r;
    s->running++;
    pthread_mutex_unlock(&s->lock);
}

/* Under the lock. */
static void unlink_request(struct server *s, struct request *r)
{
    struct request **at = &s->under_way;

    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    if (!r->parked && --s->running == 0)
        pthread_cond_broadcast(&s->idle);
}

static void leave(struct request *r)
{
    struct server *s = r->server;

    pthread_mutex_lock(&s->lock);
    unlink_request(s, r);
    pthread_mutex_unlock(&s->lock);
    request_free(r);
}

bool tools_under_way(struct server *s, const struct session *session, const char *key)
{
    bool found = false;

    pthread_mutex_lock(&s->lock);
    for (struct request *r = s->under_way; r && !found; r = r->next)
        found = r->session == session && strcmp(r->message.key, key) == 0;
    pthread_mutex_unlock(&s->lock);
    return found;
}

/* ---- asking ---- */

static void tool_error(struct request *r, const char *text)
{
    struct call_output answer = { .end = CALL_TOOL_ERROR, .text = text };
    struct buf members;

    buf_init(&members, 1 << 16);
    encode_call(&members, r->context.rev, &answer, false);
    request_result(r, members.data, ENCODE_TTL_NONE);
    buf_free(&members);
}

static size_t count_parked(const struct server *s)
{
    size_t n = 0;

    for (const struct request *r = s->under_way; r; r = r->next)
        n += r->parked;
    return n;
}

/* Asks by a request of our own and parks R until the answer comes. False: too many are open. */
static bool park(struct request *r, const struct call_output *answer)
{
    struct server *s = r->server;
    struct sink *sink = r->sink;
    bool parked;
    struct buf out;

    buf_init(&out, 1 << 16);
    pthread_mutex_lock(&s->lock);
    parked = count_parked(s) < PARKED_MAX;
    if (parked) {
        snprintf(r->ask_id, sizeof r->ask_id, "kmcp-%llu", (unsigned long long)++s->asked);
        snprintf(r->state, sizeof r->state, "%s", answer->state);
        r->expires_ms = clock_ms() + CONSENT_LIFE_MS;
        buf_printf(&out, "{\"jsonrpc\":\"2.0\",\"id\":\"%s\",\"method\":\"elicitation/create\",\"params\":",
                   r->ask_id);
        encode_question(&out, r->context.rev, answer->question);
        buf_putc(&out, '}');
        r->parked = true; /* from here on it may be answered, cancelled or expire: R is not ours any more */
        if (--s->running == 0)
            pthread_cond_broadcast(&s->idle);
    }
    pthread_mutex_unlock(&s->lock);
    if (parked)
        sink->write(sink, out.data, out.len);
    buf_free(&out);
    return parked;
}

/* The question as a result: the client calls again with the answer. */
static void ask_by_result(struct request *r, const struct call_output *answer)
{
    struct buf members, out;

    buf_init(&members, 1 << 16);
    buf_init(&out, 1 << 17);
    buf_puts(&members, "\"inputRequests\":{\"approve\":{\"method\":\"elicitation/create\",\"params\":");
    encode_question(&members, r->context.rev, answer->question);
    buf_printf(&members, "}},\"requestState\":\"%s\"", answer->state);
    encode_result(&out, r->context.rev, r->message.id, "input_required", members.data, ENCODE_TTL_NONE);
    request_respond(r, &out);
    buf_free(&members);
    buf_free(&out);
}

/* ---- running ---- */

static void on_progress(void *arg, double done, double total, const char *message)
{
    struct request *r = arg;
    struct buf out;

    if (__atomic_load_n(&r->cancelled, __ATOMIC_ACQUIRE))
        return;
    buf_init(&out, 1 << 16);
    encode_progress(&out, r->context.rev, r->context.progress_token, done, total, message);
    if (!out.failed)
        r->sink->write(r->sink, out.data, out.len);
    buf_free(&out);
}

static void respond(struct request *r, const struct call_output *answer)
{
    struct buf members;

    switch (answer->end) {
    case CALL_NO_TOOL:
    case CALL_BAD_STATE:
        request_error(r, RPC_PARAMS, answer->text, NULL);
        return;
    case CALL_ASK:
        ask_by_result(r, answer);
        return;
    case CALL_CANCELLED:
        if (r->batch)
            batch_done(r->batch, NULL);
        return;
    case CALL_COMPLETE:
    case CALL_TOOL_ERROR:
        buf_init(&members, 64 << 20);
        encode_call(&members, r->context.rev, answer, r->server->host->structured);
        if (members.failed)
            request_error(r, RPC_INTERNAL, "the answer is too large", NULL);
        else
            request_result(r, members.data, ENCODE_TTL_NONE);
        buf_wipe(&members);
        return;
    }
}

static void run(void *arg)
{
    struct request *r = arg;
    bool wants_progress = r->context.progress_token.text != NULL;
    struct call_input in = {
        .tool = json_str(json_get(r->message.params, "name")),
        .args = json_get(r->message.params, "arguments"),
        .client = r->context.client,
        .transport = "stdio",
        .can_ask = r->context.can_ask ? CALL_ASK_YES : CALL_ASK_NO,
        .answer = r->answer,
        .state = r->state[0] ? r->state : NULL,
        .cancelled = &r->cancelled,
        .progress = wants_progress ? on_progress : NULL,
        .progress_arg = r,
    };
    struct call *call = call_run(r->server->host, &in);
    const struct call_output *answer = call ? call_output(call) : NULL;

    if (answer && answer->end == CALL_ASK && (r->context.rev->features & REV_ASK_REQUEST)) {
        if (park(r, answer)) {
            call_release(call);
            return;
        }
        tool_error(r, "too many questions to the person are open; answer those first, then call again");
    } else if (answer) {
        respond(r, answer);
    } else {
        request_error(r, RPC_INTERNAL, "out of memory", NULL);
    }
    if (call)
        call_release(call);
    leave(r);
}

static void submit(struct request *r)
{
    if (pool_submit(r->server->pool, run, r))
        return;
    request_error(r, RPC_INTERNAL, "too many calls are waiting; send fewer at once", NULL);
    leave(r);
}

/* ---- the call's params ---- */

/* inputResponses and requestState of a call that comes again with its answer. A sentence if they are
 * malformed. */
static const char *read_answer(struct request *r)
{
    const kmcp_json *responses = json_get(r->message.params, "inputResponses");
    const kmcp_json *state = json_get(r->message.params, "requestState"),
                    *approve = json_get(responses, "approve");
    const char *action = json_str(json_get(approve, "action"));

    if (!(r->context.rev->features & REV_ASK_RESULT))
        return NULL;
    if (state && (!json_str(state) || strlen(json_str(state)) >= sizeof r->state))
        return "\"requestState\" is not one of ours; ask again without it";
    if (responses && json_kind(responses) != KMCP_JSON_OBJECT && json_kind(responses) != KMCP_JSON_NULL)
        return "\"inputResponses\" must be an object";
    if (approve && !(action && (strcmp(action, "accept") == 0 || strcmp(action, "decline") == 0 ||
                                strcmp(action, "cancel") == 0)))
        return "\"inputResponses.approve\" must have the action accept, decline or cancel";
    if (state)
        snprintf(r->state, sizeof r->state, "%s", json_str(state));
    if (approve)
        r->answer = strcmp(action, "accept") == 0 &&
                            json_is_true(json_get(json_get(approve, "content"), "approve"))
                        ? CALL_ANSWER_ACCEPT
                        : CALL_ANSWER_DECLINE;
    return NULL;
}

void tools_call(struct request *r)
{
    const kmcp_json *args = json_get(r->message.params, "arguments");
    const char *why = NULL;

    if (!json_str(json_get(r->message.params, "name")))
        why = "\"name\" must be a string: the tool to call";
    else if (args && json_kind(args) != KMCP_JSON_OBJECT)
        why = "\"arguments\" must be an object";
    else
        why = read_answer(r);
    if (why) {
        request_error(r, RPC_PARAMS, why, NULL);
        request_free(r);
        return;
    }
    enter(r);
    submit(r);
}

/* ---- what arrives for a call under way ---- */

bool tools_answer(struct server *s, const struct rpc_message *m)
{
    const kmcp_json *result = json_get(m->root, "result");
    const char *id = json_str(json_get(m->root, "id")), *action = json_str(json_get(result, "action"));
    struct request *r;

    if (!id)
        return false;
    pthread_mutex_lock(&s->lock);
    for (r = s->under_way; r; r = r->next)
        if (r->parked && strcmp(r->ask_id, id) == 0)
            break;
    if (r) {
        r->parked = false;
        s->running++;
        r->answer = action && strcmp(action, "accept") == 0 &&
                            json_is_true(json_get(json_get(result, "content"), "approve"))
                        ? CALL_ANSWER_ACCEPT
                        : CALL_ANSWER_DECLINE;
    }
    pthread_mutex_unlock(&s->lock);
    if (r)
        submit(r);
    return r != NULL;
}

/* A parked call has nobody working on it: it ends here. */
static void drop_parked(struct request *r, const char *answer)
{
    struct buf out;

    buf_init(&out, 4096);
    buf_printf(&out,
               "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"%s\","
               "\"reason\":\"the call it belongs to is over\"}}",
               r->ask_id);
    r->sink->write(r->sink, out.data, out.len);
    buf_free(&out);
    if (answer)
        tool_error(r, answer);
    else if (r->batch)
        batch_done(r->batch, NULL);
    request_free(r);
}

void tools_cancel(struct server *s, const struct session *session, const char *key)
{
    struct request *r, *parked = NULL;

    pthread_mutex_lock(&s->lock);
    for (r = s->under_way; r; r = r->next)
        if (r->session == session && strcmp(r->message.key, key) == 0)
            break;
    if (r) {
        __atomic_store_n(&r->cancelled, 1, __ATOMIC_RELEASE);
        if (r->parked) {
            unlink_request(s, r);
            parked = r;
        }
    }
    pthread_mutex_unlock(&s->lock);
    if (parked)
        drop_parked(parked, NULL);
    else if (r)
        client_wake(s->host->client);
}

int64_t server_tick(struct server *s)
{
    int64_t now = clock_ms(), wait = -1;
    struct request *late = NULL;

    pthread_mutex_lock(&s->lock);
    for (struct request *r = s->under_way; r && !late; r = r->next)
        if (r->parked && r->expires_ms <= now)
            late = r;
        else if (r->parked && (wait < 0 || r->expires_ms - now < wait))
            wait = r->expires_ms - now;
    if (late)
        unlink_request(s, late);
    pthread_mutex_unlock(&s->lock);
    if (!late)
        return wait;
    drop_parked(late, "nobody answered in ten minutes, so nothing was done; ask the person, then call again");
    return server_tick(s);
}

void server_cancel_all(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    for (struct request *r = s->under_way; r; r = r->next)
        __atomic_store_n(&r->cancelled, 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&s->lock);
    client_wake(s->host->client);
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
