/* cancel.c - what ends calls from outside: their client, a client that hangs up, the end of a session or of
 * the server. SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "base/clock.h"
#include "request.h"

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
    r = calls_find(s, session, key);
    if (r)
        idle = cancel(s, r);
    pthread_mutex_unlock(&s->lock);
    if (idle)
        end_idle(r);
    else if (r)
        host_wake(s->host);
}

/* Cancels what WANTED says, one after the other. */
static void cancel_all(struct server *s, bool (*wanted)(const struct request *, const void *),
                       const void *arg)
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
