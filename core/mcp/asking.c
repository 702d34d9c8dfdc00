/* asking.c - questions to the client: as a result that asks (2026-07-28), as requests of our own (before), or
 * in a task. A call that waits for people holds no worker: it is parked, and run again from its top with the
 * answers. SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "call_question.h"
#include "request.h"

void asking_tool_error(struct request *r, const char *text)
{
    struct call_output answer = { .end = CALL_TOOL_ERROR, .text = text };
    struct buf members;

    if (r->kind != CALL_TOOL) {
        request_error(r, RPC_INTERNAL, text, NULL);
        return;
    }
    buf_init(&members, 1 << 16);
    encode_call(&members, r->context.rev, &answer, false);
    request_result(r, members.data, ENCODE_TTL_NONE);
    buf_free(&members);
}

/* ---- by result ---- */

static void ask_by_result(struct request *r, const struct call_output *answer)
{
    struct buf members, out;

    buf_init(&members, ENCODE_MAX);
    buf_init(&out, ENCODE_MAX);
    buf_puts(&members, "\"inputRequests\":{");
    for (size_t i = 0; i < answer->n_asks; i++) {
        buf_printf(&members, "%s\"%s\":{", i ? "," : "", answer->asks[i].key);
        encode_ask(&members, r->context.rev, &answer->asks[i], "");
        buf_putc(&members, '}');
    }
    buf_printf(&members, "},\"requestState\":\"%s\"", answer->state);
    encode_result(&out, r->context.rev, r->message.id, "input_required", members.failed ? "" : members.data,
                  ENCODE_TTL_NONE, NULL);
    request_respond(r, 200, &out);
    buf_free(&members);
    buf_free(&out);
}

/* ---- by requests of our own, and in tasks: parked ---- */

static size_t count_parked(const struct server *s)
{
    size_t n = 0;

    for (const struct request *r = s->under_way; r; r = r->next)
        n += r->parked && !request_task(r);
    return n;
}

/* What parking needs, made before: the state and the questions in R's own memory, the messages in OUT. A
 * sentence if it cannot be. */
static const char *prepare(struct request *r, const struct call_output *answer, bool task, struct buf *out)
{
    uint64_t first = __atomic_fetch_add(&r->server->asked, answer->n_asks, __ATOMIC_RELAXED);

    r->state = arena_strdup(&r->arena, answer->state);
    r->answers = json_object(&r->arena);
    r->n_questions = answer->n_asks;
    for (size_t i = 0; i < answer->n_asks; i++) {
        struct question *q = &r->questions[i];
        bool can;

        *q = (struct question){ .key = arena_strdup(&r->arena, answer->asks[i].key),
                                .kind = answer->asks[i].kind };
        snprintf(q->id, sizeof q->id, "kmcp-%llu", (unsigned long long)(first + i + 1));
        buf_init(&out[i], 1 << 20);
        if (!task)
            buf_printf(&out[i], "{\"jsonrpc\":\"2.0\",\"id\":\"%s\",", q->id);
        else
            buf_putc(&out[i], '{');
        can = encode_ask(&out[i], r->context.rev, &answer->asks[i], q->id);
        buf_putc(&out[i], '}');
        if (!can)
            return "it needs a form that this client's protocol version cannot show (several choices at "
                   "once); use a "
                   "client that speaks 2025-11-25 or later";
        q->wire = task && !out[i].failed ? arena_strdup(&r->arena, out[i].data) : NULL;
        if (!q->key || out[i].failed || (task && !q->wire))
            return "out of memory";
    }
    return r->state && r->answers ? NULL : "out of memory";
}

/* Under the lock. From here on R may be answered, cancelled or expire: it is not ours any more. */
static void park(struct request *r)
{
    struct server *s = r->server;

    r->expires_ms = clock_ms() + CONSENT_LIFE_MS;
    r->parked = true;
    if (--s->running == 0)
        pthread_cond_broadcast(&s->idle);
}

static void ask_by_request(struct request *r, const struct call_output *answer)
{
    struct buf out[CALL_ASKS_MAX] = { { 0 } };
    struct server *s = r->server;
    struct sink *sink = r->sink;
    const char *why = prepare(r, answer, false, out);
    bool parked = false;

    sink_hold(sink);
    pthread_mutex_lock(&s->lock);
    if (!why && count_parked(s) >= PARKED_MAX)
        why = "too many questions to the person are open; answer those first, then call again";
    if (!why && request_task(r))
        why = "it had to ask something, but went on as a job, where nobody can be asked";
    if (!why && request_is_cut_short(r))
        why = CUT_SHORT;
    if (!why && !__atomic_load_n(&r->cancelled, __ATOMIC_ACQUIRE)) {
        parked = true;
        park(r);
    }
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; parked && i < answer->n_asks; i++)
        sink->ops->write(sink, out[i].data, out[i].len);
    sink_drop(sink);
    for (size_t i = 0; i < CALL_ASKS_MAX; i++)
        buf_free(&out[i]);
    if (parked)
        return;
    if (!calls_claim(r))
        tasks_finish(
            r,
            "\"content\":[{\"type\":\"text\",\"text\":\"it had to ask something, but went on as a job, "
            "where nobody can be asked\"}],\"isError\":true",
            false);
    else if (why)
        asking_tool_error(r, why);
    else
        request_silent(r);
    calls_leave(r);
}

static void ask_in_task(struct request *r, const struct call_output *answer)
{
    struct buf out[CALL_ASKS_MAX] = { { 0 } };
    struct server *s = r->server;
    const char *why = prepare(r, answer, true, out);
    bool parked = false;

    for (size_t i = 0; i < CALL_ASKS_MAX; i++)
        buf_free(&out[i]);
    pthread_mutex_lock(&s->lock);
    if (!why && !__atomic_load_n(&r->cancelled, __ATOMIC_ACQUIRE)) {
        parked = true;
        tasks_ask(r);
        park(r);
    }
    pthread_mutex_unlock(&s->lock);
    if (parked)
        return;
    if (why)
        tasks_finish(r, "\"code\":-32603,\"message\":\"out of memory\"", true);
    else
        tasks_cancelled(r);
    calls_leave(r);
}

void asking_ask(struct request *r, const struct call_output *answer)
{
    if (request_task(r) && (r->context.can & KMCP_CAN_TASKS)) {
        ask_in_task(r, answer);
    } else if (!(r->context.rev->features & REV_ASK_RESULT) || request_task(r)) {
        ask_by_request(r, answer);
    } else {
        if (calls_claim(r))
            ask_by_result(r, answer);
        else
            tasks_finish(
                r,
                "\"content\":[{\"type\":\"text\",\"text\":\"it had to ask something, but went on as a "
                "job, where nobody can be asked\"}],\"isError\":true",
                false);
        calls_leave(r);
    }
}

/* ---- answers ---- */

/* Under the lock. Takes ANSWER for question Q; true if it was the last one, and R runs again. */
static bool take_answer(struct request *r, struct question *q, const kmcp_json *answer)
{
    q->answered = true;
    json_set(&r->arena, r->answers, q->key, json_copy(&r->arena, answer));
    for (size_t i = 0; i < r->n_questions; i++)
        if (!r->questions[i].answered)
            return false;
    r->parked = false;
    r->n_questions = 0;
    r->server->running++;
    return true;
}

static struct request *find_asked(struct server *s, const struct session *session, const char *id,
                                  struct question **q)
{
    for (struct request *r = s->under_way; r; r = r->next)
        for (size_t i = 0; r->session == session && r->parked && !request_task(r) && i < r->n_questions; i++)
            if (!r->questions[i].answered && strcmp(r->questions[i].id, id) == 0) {
                *q = &r->questions[i];
                return r;
            }
    return NULL;
}

/* An error, or a result of the wrong shape: of a person, that is no answer; of a machine, the end. */
static bool usable(const struct question *q, const kmcp_json *result)
{
    char why[160];

    return call_answer_fits(q->kind, result, why, sizeof why);
}

bool asking_answer(struct server *s, const struct session *session, const struct rpc_message *m)
{
    const kmcp_json *result = json_get(m->root, "result");
    const char *id = json_str(json_get(m->root, "id"));
    struct question *q = NULL;
    struct request *r = NULL;
    bool again = false, ends = false;

    if (!id || !session)
        return false;
    pthread_mutex_lock(&s->lock);
    r = find_asked(s, session, id, &q);
    if (r && usable(q, result)) {
        again = take_answer(r, q, result);
    } else if (r && (q->kind == KMCP_ASK_FORM || q->kind == KMCP_ASK_URL)) {
        again = take_answer(r, q, json_parse(&r->arena, "{\"action\":\"cancel\"}", 19, 0, NULL));
    } else if (r) {
        q->answered = ends = true;
        calls_unlink(s, r);
    }
    pthread_mutex_unlock(&s->lock);
    if (again)
        calls_submit(r);
    else if (ends)
        asking_drop(r, "the client did not answer what it was asked; it may not allow that");
    return r != NULL;
}

/* Takes questions back that nobody needs to answer any more. */
static void withdraw(struct request *r)
{
    for (size_t i = 0; i < r->n_questions; i++) {
        struct buf out;

        if (r->questions[i].answered)
            continue;
        buf_init(&out, 4096);
        buf_printf(
            &out,
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"%s\","
            "\"reason\":\"the call it belongs to is over\"}}",
            r->questions[i].id);
        r->sink->ops->write(r->sink, out.data, out.len);
        buf_free(&out);
    }
}

void asking_drop(struct request *r, const char *answer)
{
    withdraw(r);
    if (answer)
        asking_tool_error(r, answer);
    else
        request_silent(r);
    request_free(r);
}

int64_t asking_tick(struct server *s)
{
    static const char late_text[] =
        "nobody answered in ten minutes, so nothing was done; ask the person, then call again";
    int64_t now = clock_ms(), wait = -1;
    struct request *late = NULL;

    pthread_mutex_lock(&s->lock);
    for (struct request *r = s->under_way; r && !late; r = r->next)
        if (r->parked && r->expires_ms <= now)
            late = r;
        else if (r->parked && (wait < 0 || r->expires_ms - now < wait))
            wait = r->expires_ms - now;
    if (late)
        calls_unlink(s, late);
    pthread_mutex_unlock(&s->lock);
    if (!late)
        return wait;
    question_sweep(s->host, false);
    if (request_task(late)) {
        tasks_finish(late,
                     "\"content\":[{\"type\":\"text\",\"text\":\"nobody answered in ten minutes\"}],"
                     "\"isError\":true",
                     false);
        request_free(late);
    } else {
        asking_drop(late, late_text);
    }
    return asking_tick(s);
}

/* ---- tasks/update ---- */

const char *asking_update(struct request *parked, const kmcp_json *responses, bool *again)
{
    static char why[260]; /* under the server's lock */
    char what[160];

    for (size_t i = 0; i < parked->n_questions; i++) {
        const kmcp_json *answer = json_get(responses, parked->questions[i].key);

        if (answer && !parked->questions[i].answered &&
            !call_answer_fits(parked->questions[i].kind, answer, what, sizeof what)) {
            snprintf(why, sizeof why, "\"inputResponses.%s\" %s", parked->questions[i].key, what);
            return why;
        }
    }
    for (size_t i = 0; i < parked->n_questions && !*again; i++) {
        const kmcp_json *answer = json_get(responses, parked->questions[i].key);

        if (answer && !parked->questions[i].answered)
            *again = take_answer(parked, &parked->questions[i], answer);
    }
    return NULL;
}
