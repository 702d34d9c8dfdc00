/* tasks.c - work that outlives its request: the extension io.modelcontextprotocol/tasks, and get_job for
 * clients without it. One store, two views.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "tasks.h"

#define TASKS_MAX       1024
#define TASKS_EACH_MAX  64 /* of one principal */
#define TASKS_BYTES_MAX ((size_t)64 << 20)
#define TASK_KEPT_MS    (10 * 60 * 1000) /* a result, after the longest a task may run */
#define TASK_POLL_MS    1000

bool tasks_offered(const struct server *s)
{
    return registry_has_tool_flag(&s->host->registry, KMCP_TOOL_TASK | KMCP_TOOL_TASK_ONLY);
}

bool tasks_over(const struct task *t)
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
        if (tasks_over(t) && (t->forget_ms <= now || bytes > TASKS_BYTES_MAX)) {
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
struct task *tasks_find(struct server *s, const char *id, const char *principal)
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
    known = tasks_find(s, id, principal) != NULL;
    pthread_mutex_unlock(&s->lock);
    return known;
}

/* ---- how it looks ---- */

/* What every task shows. */
static void add_task(struct buf *out, const struct server *s, const struct task *t)
{
    static const char *const names[] = { "working", "input_required", "completed", "failed", "cancelled" };
    char created[32], updated[32];

    buf_printf(
        out,
        "\"taskId\":\"%s\",\"status\":\"%s\",\"createdAt\":\"%s\",\"lastUpdatedAt\":\"%s\",\"ttlMs\":%lld,"
        "\"pollIntervalMs\":%d",
        t->id, names[t->status], clock_iso_ms(t->created_ms, created, sizeof created),
        clock_iso_ms(t->updated_ms, updated, sizeof updated),
        (long long)(s->host->task_timeout_ms + TASK_KEPT_MS), TASK_POLL_MS);
}

/* And what its status adds. Under the lock. */
void tasks_add_detail(struct buf *out, const struct server *s, const struct task *t)
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
            buf_printf(out, "%s\"%s\":%s", comma, t->request->questions[i].key,
                       t->request->questions[i].wire);
            comma = ",";
        }
    buf_putc(out, '}');
}

/* Under the lock. */
void tasks_changed(struct server *s, struct task *t, enum task_status status)
{
    struct buf members;

    t->status = status;
    t->updated_ms = clock_unix_ms();
    buf_init(&members, ENCODE_MAX);
    tasks_add_detail(&members, s, t);
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
    buf_printf(
        &text,
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
    tasks_changed(r->server, t, t->body ? (failed ? TASK_FAILED : TASK_COMPLETED) : TASK_CANCELLED);
    pthread_mutex_unlock(&r->server->lock);
}

void tasks_cancelled(struct request *r)
{
    struct task *t = request_task(r);

    pthread_mutex_lock(&r->server->lock);
    t->request = NULL;
    tasks_changed(r->server, t, TASK_CANCELLED);
    pthread_mutex_unlock(&r->server->lock);
}

void tasks_ask(struct request *r)
{
    tasks_changed(r->server, request_task(r), TASK_INPUT);
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
        wait = tasks_over(t) ? TASK_KEPT_MS : wait;
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
