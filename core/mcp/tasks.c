/* tasks.c - work that outlives its request: the extension io.modelcontextprotocol/tasks, and get_job for clients
 * without it. One store, two views.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "request.h"

#define TASKS_MAX         1024
#define TASKS_EACH_MAX    64 /* of one principal */
#define TASKS_BYTES_MAX   ((size_t)64 << 20)
#define TASK_KEPT_MS      (10 * 60 * 1000) /* a result, after the longest a task may run */
#define TASK_POLL_MS      1000

enum task_status { TASK_WORKING, TASK_INPUT, TASK_COMPLETED, TASK_FAILED, TASK_CANCELLED };

struct task {
    struct task *next;
    char id[33]; /* 128 random bits */
    char principal[96];
    enum task_status status;
    int64_t created_ms, updated_ms; /* Unix */
    int64_t forget_ms;              /* monotonic */
    char *body;                     /* members of its result, or of its error */
    struct request *request;        /* while it runs or waits */
};

bool tasks_offered(const struct server *s)
{
    return registry_has_tool_flag(&s->host->registry, KMCP_TOOL_TASK | KMCP_TOOL_TASK_ONLY);
}

static bool is_over(const struct task *t)
{
    return t->status >= TASK_COMPLETED;
}

static void free_task(struct task *t)
{
    free(t->body);
    free(t);
}

void tasks_free(struct server *s)
{
    while (s->tasks) {
        struct task *t = s->tasks;

        s->tasks = t->next;
        free_task(t);
    }
}

/* Under the lock: results nobody fetched in time go, and the oldest ones when they take too much memory. */
static void reap(struct server *s)
{
    int64_t now = clock_ms();
    size_t bytes = 0;

    for (struct task **at = &s->tasks; *at;) { /* newest first */
        struct task *t = *at;

        bytes += t->body ? strlen(t->body) : 0;
        if (is_over(t) && (t->forget_ms <= now || bytes > TASKS_BYTES_MAX)) {
            *at = t->next;
            bytes -= t->body ? strlen(t->body) : 0;
            free_task(t);
        } else {
            at = &t->next;
        }
    }
}

/* Under the lock. The task that R becomes; NULL if there are too many. */
static struct task *create(struct request *r)
{
    struct server *s = r->server;
    size_t all = 0, own = 0;
    uint8_t random[16];
    struct task *t;

    reap(s);
    for (t = s->tasks; t; t = t->next) {
        all++;
        own += strcmp(t->principal, r->principal) == 0;
    }
    if (all >= TASKS_MAX || own >= TASKS_EACH_MAX || !digest_random(random, sizeof random) ||
        !(t = calloc(1, sizeof *t)))
        return NULL;
    digest_hex(random, sizeof random, t->id);
    snprintf(t->principal, sizeof t->principal, "%s", r->principal);
    t->created_ms = t->updated_ms = clock_unix_ms();
    t->forget_ms = clock_ms() + s->host->task_timeout_ms + TASK_KEPT_MS;
    t->request = r;
    t->next = s->tasks;
    s->tasks = t;
    return t;
}

/* Under the lock. */
static struct task *find(struct server *s, const char *id, const char *principal)
{
    struct task *t = s->tasks;

    while (t && !(strcmp(t->id, id) == 0 && strcmp(t->principal, principal) == 0))
        t = t->next;
    return t;
}

bool tasks_known(struct server *s, const char *id, const char *principal)
{
    bool known;

    pthread_mutex_lock(&s->lock);
    known = find(s, id, principal) != NULL;
    pthread_mutex_unlock(&s->lock);
    return known;
}

/* ---- how it looks ---- */

/* What every task shows. */
static void add_task(struct buf *out, const struct server *s, const struct task *t)
{
    static const char *const names[] = { "working", "input_required", "completed", "failed", "cancelled" };
    char created[32], updated[32];

    buf_printf(out,
               "\"taskId\":\"%s\",\"status\":\"%s\",\"createdAt\":\"%s\",\"lastUpdatedAt\":\"%s\",\"ttlMs\":%lld,"
               "\"pollIntervalMs\":%d",
               t->id, names[t->status], clock_iso_ms(t->created_ms, created, sizeof created),
               clock_iso_ms(t->updated_ms, updated, sizeof updated),
               (long long)(s->host->task_timeout_ms + TASK_KEPT_MS), TASK_POLL_MS);
}

/* And what its status adds. Under the lock. */
static void add_detail(struct buf *out, const struct server *s, const struct task *t)
{
    const char *comma = "";

    add_task(out, s, t);
    if (t->status == TASK_COMPLETED)
        buf_printf(out, ",\"result\":{\"resultType\":\"complete\",%s}", t->body);
    if (t->status == TASK_FAILED)
        buf_printf(out, ",\"error\":{%s}", t->body);
    if (t->status != TASK_INPUT)
        return;
    buf_puts(out, ",\"inputRequests\":{");
    for (size_t i = 0; i < t->request->n_questions; i++)
        if (!t->request->questions[i].answered) {
            buf_printf(out, "%s\"%s\":%s", comma, t->request->questions[i].key, t->request->questions[i].wire);
            comma = ",";
        }
    buf_putc(out, '}');
}

/* Under the lock. */
static void changed(struct server *s, struct task *t, enum task_status status)
{
    struct buf members;

    t->status = status;
    t->updated_ms = clock_unix_ms();
    buf_init(&members, ENCODE_MAX);
    add_detail(&members, s, t);
    if (!members.failed)
        events_task(s, t->id, members.data);
    buf_free(&members);
}

/* ---- from a request to a task ---- */

static void encode_job(struct buf *out, const struct request *r, const char *id)
{
    struct buf text, members;
    struct call_output answer = { .end = CALL_COMPLETE };

    buf_init(&text, 1 << 12);
    buf_init(&members, 1 << 14);
    buf_printf(&text,
               "This takes longer than a call should wait. It goes on as job %s. Call get_job with {\"job_id\": "
               "\"%s\"} in a little while.",
               id, id);
    answer.text = text.data;
    encode_call(&members, r->context.rev, &answer, false);
    encode_result(out, r->context.rev, r->message.id, "complete", members.data, ENCODE_TTL_NONE, NULL);
    buf_free(&text);
    buf_free(&members);
}

bool tasks_detach(void *request, const struct tool *tool)
{
    struct request *r = request;
    struct server *s = r->server;
    bool tasks = r->context.can & KMCP_CAN_TASKS;
    struct buf members, out;
    struct task *t;

    if (request_task(r) || !(tasks || (tool->decl.flags & KMCP_TOOL_TASK_ONLY)))
        return true;
    buf_init(&members, 1 << 14);
    buf_init(&out, 1 << 16);
    pthread_mutex_lock(&s->lock);
    t = create(r);
    if (t) { /* it is there before its client can ask for it */
        __atomic_store_n(&r->task, t, __ATOMIC_RELEASE);
        add_task(&members, s, t);
        if (tasks)
            encode_result(&out, r->context.rev, r->message.id, "task", members.data, ENCODE_TTL_NONE, NULL);
        else
            encode_job(&out, r, t->id);
    }
    pthread_mutex_unlock(&s->lock);
    if (t)
        request_respond(r, 200, &out);
    buf_free(&members);
    buf_free(&out);
    return t != NULL;
}

void tasks_finish(struct request *r, const char *members, bool failed)
{
    struct task *t = request_task(r);

    pthread_mutex_lock(&r->server->lock);
    t->body = strdup(members);
    t->request = NULL;
    changed(r->server, t, t->body ? (failed ? TASK_FAILED : TASK_COMPLETED) : TASK_CANCELLED);
    pthread_mutex_unlock(&r->server->lock);
}

void tasks_cancelled(struct request *r)
{
    struct task *t = request_task(r);

    pthread_mutex_lock(&r->server->lock);
    t->request = NULL;
    changed(r->server, t, TASK_CANCELLED);
    pthread_mutex_unlock(&r->server->lock);
}

void tasks_ask(struct request *r)
{
    changed(r->server, request_task(r), TASK_INPUT);
}

/* ---- calls that turn out long ---- */

/* Under the lock: R becomes a job. Its answer goes into OUT; false if there is no room for another. */
static bool make_job(struct request *r, struct buf *out)
{
    struct task *t = create(r);

    if (!t)
        return false;
    __atomic_store_n(&r->task, t, __ATOMIC_RELEASE);
    buf_init(out, 1 << 16);
    encode_job(out, r, t->id);
    return true;
}

int64_t tasks_tick(struct server *s)
{
    struct batch *batch = NULL;
    struct sink *sink = NULL;
    int64_t now = clock_ms(), wait = -1;
    struct buf out = { 0 };
    bool made = false;

    pthread_mutex_lock(&s->lock);
    reap(s);
    for (struct request *r = s->under_way; r && !made; r = r->next) {
        if (!r->job_at_ms || r->parked || r->answered || request_task(r))
            continue;
        if (r->job_at_ms > now) {
            wait = wait < 0 || r->job_at_ms - now < wait ? r->job_at_ms - now : wait;
        } else if (make_job(r, &out)) {
            made = true;
            batch = r->batch;
            sink = r->sink;
            sink_hold(sink);
        } else {
            r->job_at_ms = now + s->host->job_after_ms;
        }
    }
    for (struct task *t = s->tasks; t && wait < 0; t = t->next)
        wait = is_over(t) ? TASK_KEPT_MS : wait;
    pthread_mutex_unlock(&s->lock);
    if (!made)
        return wait;
    if (batch)
        batch_done(batch, &out);
    else
        sink->ops->answer(sink, 200, out.data, out.len);
    sink_drop(sink);
    buf_free(&out);
    return tasks_tick(s);
}

/* ---- tasks/get, tasks/update, tasks/cancel ---- */

/* The id, if R may use these methods at all; else R is answered. */
static const char *read_id(struct request *r)
{
    const char *id = json_str(json_get(r->message.params, "taskId"));

    if (!(r->context.can & KMCP_CAN_TASKS))
        request_error(r, RPC_LACKS, "this needs the extension io.modelcontextprotocol/tasks",
                      "{\"requiredCapabilities\":{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}}");
    else if (!id)
        request_error(r, RPC_PARAMS, "\"taskId\" must be a string", NULL);
    else
        return id;
    return NULL;
}

static void unknown(struct request *r)
{
    request_error(r, RPC_PARAMS, "there is no such task, or it has been forgotten", NULL);
}

void do_tasks_get(struct request *r)
{
    const char *id = read_id(r);
    struct buf members;
    struct task *t;

    if (!id)
        return;
    buf_init(&members, ENCODE_MAX);
    pthread_mutex_lock(&r->server->lock);
    t = find(r->server, id, r->principal);
    if (t)
        add_detail(&members, r->server, t);
    pthread_mutex_unlock(&r->server->lock);
    if (t && !members.failed)
        request_result(r, members.data, ENCODE_TTL_NONE);
    else
        unknown(r);
    buf_wipe(&members);
}

void do_tasks_update(struct request *r)
{
    const kmcp_json *responses = json_get(r->message.params, "inputResponses");
    const char *id = read_id(r), *why = NULL;
    struct request *parked = NULL;
    bool again = false;
    struct task *t;

    if (!id)
        return;
    if (json_kind(responses) != KMCP_JSON_OBJECT) {
        request_error(r, RPC_PARAMS, "\"inputResponses\" must be an object", NULL);
        return;
    }
    pthread_mutex_lock(&r->server->lock);
    t = find(r->server, id, r->principal);
    if (t && t->status == TASK_INPUT) {
        parked = t->request;
        why = asking_update(parked, responses, &again);
        if (!why)
            changed(r->server, t, again ? TASK_WORKING : TASK_INPUT);
    }
    if (why) /* its text is under the lock */
        request_error(r, RPC_PARAMS, why, NULL);
    pthread_mutex_unlock(&r->server->lock);
    if (again)
        calls_submit(parked);
    if (!t)
        unknown(r);
    else if (!why)
        request_result(r, "", ENCODE_TTL_NONE);
}

void do_tasks_cancel(struct request *r)
{
    const char *id = read_id(r);
    struct request *ended = NULL;
    struct task *t;

    if (!id)
        return;
    pthread_mutex_lock(&r->server->lock);
    t = find(r->server, id, r->principal);
    if (t && t->request) {
        __atomic_store_n(&t->request->cancelled, 1, __ATOMIC_RELEASE);
        if (t->request->parked) {
            ended = t->request;
            calls_unlink(r->server, ended);
        }
    }
    pthread_mutex_unlock(&r->server->lock);
    if (ended) {
        tasks_cancelled(ended);
        request_free(ended);
    }
    host_wake(r->server->host);
    if (t)
        request_result(r, "", ENCODE_TTL_NONE);
    else
        unknown(r);
}

/* ---- get_job ---- */

static void answer_job(struct request *r, const char *id)
{
    char *body = NULL, text[200];
    enum task_status status = TASK_CANCELLED;
    struct task *t;

    pthread_mutex_lock(&r->server->lock);
    t = find(r->server, id, r->principal);
    if (t) {
        status = t->status;
        body = t->body ? strdup(t->body) : NULL;
    }
    pthread_mutex_unlock(&r->server->lock);
    if (t && status == TASK_COMPLETED && body) {
        request_result(r, body, ENCODE_TTL_NONE);
    } else if (t && status == TASK_FAILED && body) {
        char *error = arena_format(&r->arena, "{%s}", body);
        const kmcp_json *parsed = error ? json_parse(&r->arena, error, strlen(error), 0, NULL) : NULL;
        const char *message = json_str(json_get(parsed, "message"));

        asking_tool_error(r, message ? message : "the job failed");
    } else if (t && !is_over(t)) {
        struct call_output answer = { .end = CALL_COMPLETE };
        struct buf members;

        snprintf(text, sizeof text, "Job %s is still running; ask again in a little while.", id);
        answer.text = text;
        buf_init(&members, 1 << 12);
        encode_call(&members, r->context.rev, &answer, false);
        request_result(r, members.data, ENCODE_TTL_NONE);
        buf_free(&members);
    } else {
        asking_tool_error(r, t ? "the job was cancelled" : "there is no such job, or its result has been forgotten");
    }
    if (body)
        digest_wipe(body, strlen(body));
    free(body);
}

bool tasks_get_job(struct request *r)
{
    const char *name = json_str(json_get(r->message.params, "name"));
    const kmcp_json *args = json_get(r->message.params, "arguments");
    const char *id = json_str(json_get(args, "job_id"));

    if (strcmp(name, "get_job") != 0 || !tasks_offered(r->server))
        return false;
    if (!id || json_len(args) != 1 || strlen(id) > 64)
        asking_tool_error(r, "get_job: the arguments are: job_id, as another tool gave it");
    else
        answer_job(r, id);
    request_free(r);
    return true;
}
