/* cancel.c - what ends calls from outside: their client, a client that hangs up, the end of a session or of
 * the server. SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "request.h"

/* Under the lock. Parked or listening, nobody works on it: it is unlinked, and the caller ends it. */
static bool cancel(struct server *s, struct request *r, int why)
{
    int none = 0;

    if (why == REQUEST_CANCELLED)
        __atomic_store_n(&r->cancelled, why, __ATOMIC_RELEASE);
    else
        __atomic_compare_exchange_n(&r->cancelled, &none, why, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
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
        asking_drop(r, request_is_cut_short(r) ? "kmcp ended before anybody answered, so nothing was done"
                                               : NULL);
    }
}

void calls_cancel(struct server *s, const struct session *session, const char *key)
{
    struct request *r;
    bool idle = false;

    pthread_mutex_lock(&s->lock);
    r = calls_find(s, session, key);
    if (r)
        idle = cancel(s, r, REQUEST_CANCELLED);
    pthread_mutex_unlock(&s->lock);
    if (idle)
        end_idle(r);
    else if (r)
        host_wake(s->host);
}

/* Cancels what WANTED says, one after the other. */
static void cancel_all(struct server *s, bool (*wanted)(const struct request *, const void *),
                       const void *arg, int why)
{
    struct request *ended = NULL;

    pthread_mutex_lock(&s->lock);
    for (struct request *r = s->under_way, *next; r; r = next) {
        next = r->next;
        if (wanted(r, arg) && cancel(s, r, why)) {
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
    cancel_all(s, hung_up, sink, REQUEST_CANCELLED);
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
    cancel_all(s, any, NULL, REQUEST_CUT_SHORT);
}

/* What R's client has to know of a call that did not end. */
static const char *words_for(const struct request *r, char *out, size_t size)
{
    const char *name = json_str(json_get(r->message.params, "name"));
    const struct tool *tool = r->kind == CALL_TOOL ? registry_find(&r->server->host->registry, name) : NULL;

    if (tool && tool->decl.safety > KMCP_READ)
        snprintf(
            out, size,
            "the outcome of %.64s is unknown: kmcp ended before it did. Do not send it again; kmcp looks for "
            "it when it starts, or with `kmcp acts`",
            tool->decl.name);
    else
        snprintf(out, size, CUT_SHORT);
    return out;
}

void server_give_up(struct server *s)
{
    char words[300];

    pthread_mutex_lock(&s->lock);
    for (struct request *r = s->under_way; r; r = r->next) {
        if (r->parked || r->listening || r->answered || request_task(r))
            continue;
        r->answered = true;
        asking_tool_error(r, words_for(r, words, sizeof words));
        __atomic_store_n(&r->given_up, 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&s->lock);
}

void server_end_session(struct server *s, struct session *session)
{
    struct session **at = &s->sessions;
    bool found;

    pthread_mutex_lock(&session->lock);
    session->ended = true;
    pthread_mutex_unlock(&session->lock);
    session_stand(session, NULL);
    cancel_all(s, of_session, session, REQUEST_CANCELLED);
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
