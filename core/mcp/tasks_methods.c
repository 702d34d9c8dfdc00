/* tasks_methods.c - tasks/get, tasks/update, tasks/cancel, and the tool get_job: the two views of the store.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "tasks.h"

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
    t = tasks_find(r->server, id, r->principal);
    if (t)
        tasks_add_detail(&members, r->server, t);
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
    t = tasks_find(r->server, id, r->principal);
    if (t && t->status == TASK_INPUT) {
        parked = t->request;
        why = asking_update(parked, responses, &again);
        if (!why)
            tasks_changed(r->server, t, again ? TASK_WORKING : TASK_INPUT);
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
    t = tasks_find(r->server, id, r->principal);
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
    t = tasks_find(r->server, id, r->principal);
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
    } else if (t && !tasks_over(t)) {
        struct call_output answer = { .end = CALL_COMPLETE };
        struct buf members;

        snprintf(text, sizeof text, "Job %s is still running; ask again in a little while.", id);
        answer.text = text;
        buf_init(&members, 1 << 12);
        encode_call(&members, r->context.rev, &answer, false);
        request_result(r, members.data, ENCODE_TTL_NONE);
        buf_free(&members);
    } else {
        asking_tool_error(
            r, t ? "the job was cancelled"
                 : "there is no such job, or its result has been forgotten; job_id is what another tool "
                   "gave, and that tool, called again, gives a new one");
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
