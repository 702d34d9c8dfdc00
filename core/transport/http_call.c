/* http_call.c - a request whose answer is to come, and what any thread asks of the loop for it. Part of the
 * module kmcp-listen.so.  SPDX-License-Identifier: Apache-2.0
 *
 * An answer from another thread is queued and the loop woken; one from the loop's own is carried out at once,
 * unless others are queued before it.
 */

#include <stdlib.h>
#include <string.h>

#include "http_conn.h"

struct job {
    struct job *next;
    struct http_call *call;
    enum job_kind kind;
    int status;
    size_t headers_len, len;
    char bytes[]; /* headers, NUL, body */
};

void call_hold(struct http_call *call)
{
    __atomic_add_fetch(&call->refs, 1, __ATOMIC_RELAXED);
}

void call_drop(struct http_call *call)
{
    if (__atomic_sub_fetch(&call->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (call->user)
        call->server->events.release(call->server->events.arg, call->user);
    free(call);
}

void call_set_user(struct http_call *call, void *user)
{
    call->user = user;
}

void *call_user(const struct http_call *call)
{
    return call->user;
}

const char *call_peer(const struct http_call *call)
{
    return call->conn ? call->conn->peer : "a client";
}

static void post(struct http_call *call, enum job_kind kind, int status, const char *headers,
                 const char *body, size_t len)
{
    struct http_server *s = call->server;
    size_t headers_len = headers ? strlen(headers) : 0;
    struct job *job;
    bool wake;

    pthread_mutex_lock(&s->lock);
    if (!s->jobs && pthread_equal(pthread_self(), s->loop)) {
        pthread_mutex_unlock(&s->lock);
        conn_carry_out(call, kind, status, headers ? headers : "", body, len);
        return;
    }
    job = malloc(sizeof *job + headers_len + 1 + len);
    if (job) {
        *job = (struct job){
            .call = call, .kind = kind, .status = status, .headers_len = headers_len, .len = len
        };
        memcpy(job->bytes, headers ? headers : "", headers_len + 1);
        if (len)
            memcpy(job->bytes + headers_len + 1, body, len);
        call_hold(call);
        *s->jobs_end = job;
        s->jobs_end = &job->next;
    }
    wake = !s->woken;
    s->woken = true;
    pthread_mutex_unlock(&s->lock);
    if (wake)
        server_wake(s);
}

void call_reply(struct http_call *call, int status, const char *headers, const char *body, size_t len)
{
    post(call, JOB_REPLY, status, headers, body, len);
}

void call_begin(struct http_call *call, int status, const char *headers)
{
    post(call, JOB_BEGIN, status, headers, NULL, 0);
}

void call_send(struct http_call *call, const char *bytes, size_t len)
{
    post(call, JOB_SEND, 0, NULL, bytes, len);
}

void call_finish(struct http_call *call)
{
    post(call, JOB_FINISH, 0, NULL, NULL, 0);
}

/* The first job, with *END if the server is to end; NULL: there is none, and the next one wakes the loop
 * again. */
static struct job *take_job(struct http_server *s, bool *end)
{
    struct job *job;

    pthread_mutex_lock(&s->lock);
    job = s->jobs;
    if (job && !(s->jobs = job->next))
        s->jobs_end = &s->jobs;
    if (!job)
        s->woken = false;
    *end = s->end_wanted && !s->ending;
    pthread_mutex_unlock(&s->lock);
    return job;
}

bool calls_carry_out(struct http_server *s)
{
    struct job *job;
    bool end;

    while ((job = take_job(s, &end))) {
        conn_carry_out(job->call, job->kind, job->status, job->bytes, job->bytes + job->headers_len + 1,
                       job->len);
        call_drop(job->call);
        free(job);
    }
    return end;
}

void calls_forget(struct http_server *s)
{
    while (s->jobs) {
        struct job *job = s->jobs;

        s->jobs = job->next;
        call_drop(job->call);
        free(job);
    }
}
