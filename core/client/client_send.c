/* client_send.c - one request on the wire, as often as its route allows.  SPDX-License-Identifier: Apache-2.0
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "client_inner.h"
#include "fault.h"
#include "retry.h"

static bool is_cancelled(const struct client_call *call)
{
    return call->cancelled && __atomic_load_n(call->cancelled, __ATOMIC_ACQUIRE);
}

/* Token and module, when the first request needs them. */
static bool start(struct client *cl, struct failure *f)
{
    struct secret token = { 0 };
    char why[600] = "";
    bool ok;

    pthread_mutex_lock(&cl->start_lock);
    if (!cl->http && (cl->ops = http_ops(why, sizeof why)) && tenant_ca_is_fit(cl->tenant, why, sizeof why) &&
        tenant_token(cl->tenant, &token, why, sizeof why)) {
        struct http_config config = {
            .base_url = cl->tenant->base_url,
            .token = token.text,
            .ca_file = cl->tenant->ca_file,
            .user_agent = "kmcp/" KMCP_VERSION,
            .connections = cl->connections,
            .timeout_ms = 1000L * cl->tenant->timeout_s,
            .max_body = cl->reply_bytes,
        };

        log_never(token.text);
        cl->http = cl->ops->start(&config, why, sizeof why);
        secret_free(&token);
    }
    ok = cl->http != NULL;
    pthread_mutex_unlock(&cl->start_lock);
    if (!ok) {
        log_line(KMCP_LOG_ERROR, "client", "%s", why);
        failure_set(f, KMCP_E_UPSTREAM, "%s", why);
    }
    return ok;
}

/* Sleeps WAIT_MS, or until the call is cancelled or would miss its deadline. False with the failure set. */
static bool pause_for(struct client *cl, struct client_call *call, int64_t wait_ms, const char *what)
{
    int64_t until = clock_ms() + wait_ms;

    if (until > call->deadline_ms) {
        failure_set(call->failure, KMCP_E_RATE,
                    "%s: there is room again in %lld seconds, which is past this call's time; "
                    "try again then",
                    what, (long long)((wait_ms + 999) / 1000));
        return false;
    }
    pthread_mutex_lock(&cl->sleep_lock);
    while (!is_cancelled(call) && clock_ms() < until) {
        struct timespec t = clock_after(until - clock_ms());

        pthread_cond_timedwait(&cl->sleep_wake, &cl->sleep_lock, &t);
    }
    pthread_mutex_unlock(&cl->sleep_lock);
    if (is_cancelled(call)) {
        failure_set(call->failure, KMCP_E_CANCELLED, "the call was cancelled");
        return false;
    }
    return true;
}

/* For one request, and for what the call will ask for soon if there is room for it now. */
static bool take_budget(struct client *cl, struct client_call *call, int64_t *soon)
{
    int64_t wait;

    *soon = early_lead(cl, call);
    if (*soon && client_take(cl, call, 1 + *soon) == 0)
        return true;
    early_leave(cl, call);
    *soon = 0;
    while ((wait = client_take(cl, call, 1)) > 0)
        if (!pause_for(cl, call, wait, "the tenant's request limit is used up"))
            return false;
    return wait == 0;
}

/* Uniform in [0, 1): jitter needs no secrecy. */
static double jitter(void)
{
    static uint64_t state;
    uint64_t z = __atomic_add_fetch(&state, 0x9E3779B97F4A7C15u, __ATOMIC_RELAXED) ^ (uint64_t)clock_ms();

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static int64_t server_pause_ms(const struct http_exchange *x)
{
    int64_t ms = x->retry_after[0] ? retry_after_ms(x->retry_after, clock_unix_ms()) : -1;

    return ms < 0 && x->reset_s >= 0 && x->reset_s <= 3600 ? x->reset_s * 1000 : ms;
}

/* No answer: what it was, and whether an act may have happened. */
static void fail_unanswered(struct client_call *call, const struct kmcp_route *r,
                            const struct http_exchange *x)
{
    bool is_act = r->safety == KMCP_WRITE || r->safety == KMCP_DESTROY;

    if (x->end == HTTP_NOT_SENT) {
        failure_set(call->failure, KMCP_E_UPSTREAM,
                    "the API could not be reached, nothing was sent (%s); check the "
                    "network and [tenant] of the INI",
                    x->error);
    } else if (is_act) {
        call->act_unknown = true;
        failure_set(
            call->failure, KMCP_E_TIMEOUT,
            "the outcome of %s is unknown: it was sent, but no answer came back. Do not send it again; "
            "get_device_commands and get_device_activity show whether the device received it",
            call->act_line);
    } else if (x->end == HTTP_CANCELLED) {
        failure_set(call->failure, KMCP_E_CANCELLED, "the call was cancelled");
    } else if (x->end == HTTP_TIMED_OUT) {
        failure_set(call->failure, KMCP_E_TIMEOUT, "no answer from the API in time; try again");
    } else if (x->end == HTTP_TOO_BIG) {
        failure_set(call->failure, KMCP_E_UPSTREAM,
                    "the API's answer to %s %s is larger than [limits] reply_bytes allows; ask for less",
                    r->method, r->path);
    } else {
        failure_set(call->failure, KMCP_E_UPSTREAM, "the connection to the API broke (%s); try again",
                    x->error);
    }
}

/* What is known of the API from an answer that TOOK so long, for all calls. */
static void remember(struct client *cl, const struct http_exchange *x, int64_t took)
{
    int64_t theirs = x->end == HTTP_ANSWERED && took <= CLIENT_DATE_MS ? retry_date_ms(x->date) : -1;

    pthread_mutex_lock(&cl->sleep_lock);
    cl->last.status = x->status;
    cl->last.hour_left = x->hour_left;
    cl->last.reset_s = x->reset_s;
    memcpy(cl->last.date, x->date, sizeof cl->last.date);
    if (x->issuer[0]) { /* said where a connection is new */
        memcpy(cl->last.issuer, x->issuer, sizeof cl->last.issuer);
        memcpy(cl->last.expires, x->expires, sizeof cl->last.expires);
    }
    if (theirs >= 0) {
        cl->ahead_ms = theirs - clock_unix_ms(); /* cut to the second, and on its way for a while */
        cl->dated = true;
    }
    pthread_mutex_unlock(&cl->sleep_lock);
}

void client_begin(struct client *cl, struct client_call *call, const struct kmcp_request *rq,
                  const char *path, const char *body, struct client_attempt *a)
{
    int64_t left, most = rq->timeout_ms ? rq->timeout_ms : 1000L * cl->tenant->timeout_s;

    a->began_ms = clock_ms();
    left = call->deadline_ms - a->began_ms;
    a->x = (struct http_exchange){ .method = rq->route->method,
                                   .path = path,
                                   .body = body,
                                   .timeout_ms = (long)(left < most ? (left > 1 ? left : 1) : most),
                                   .alone = rq->route->safety != KMCP_READ,
                                   .look = cl->look,
                                   .traceparent = call->traceparent,
                                   .tracestate = call->tracestate };
    call->sent++;
    a->job = cl->ops->begin(cl->http, &a->x);
}

/* Its end. The exchange's data is the caller's to free. */
static void await(struct client *cl, struct client_call *call, const struct kmcp_request *rq,
                  struct client_attempt *a)
{
    bool is_act = rq->route->safety == KMCP_WRITE || rq->route->safety == KMCP_DESTROY;
    struct http_exchange *x = &a->x;

    if (a->job) /* a cancellation does not cut an act short: its outcome is wanted */
        cl->ops->await(cl->http, a->job, is_act ? NULL : call->cancelled);
    if (rq->route->safety != KMCP_READ) {
        call->act_sent = call->act_sent || x->end != HTTP_NOT_SENT;
        call->act_status = x->status;
    }
    if (is_act) {
        call->act_accepted = call->act_accepted || (x->status >= 200 && x->status < 300);
        call->act_not_json = x->content_type[0] && !text_casestr(x->content_type, "json");
    }
    remember(cl, x, clock_ms() - a->began_ms);
    if (x->end == HTTP_ANSWERED)
        client_learn(cl, x, x->status == 429 ? server_pause_ms(x) : 0);
    log_line(KMCP_LOG_DEBUG, "client", "%s %s: %d %s", rq->route->method, rq->route->path, x->status,
             x->error);
}

/* An act that failed half way, or was answered by something on the way and not by the service: it may have
 * been carried out all the same. The service's own 503 says that it was not taken. */
static bool is_doubtful(const struct kmcp_route *r, const struct http_exchange *x)
{
    int s = x->status;

    if ((r->safety != KMCP_WRITE && r->safety != KMCP_DESTROY) || x->end != HTTP_ANSWERED)
        return false;
    if (s == 503 && x->data && fault_is_own(x->data, x->len))
        return false;
    return s >= 500 || s == 408 || s == 425 || s == 499;
}

/* What an error says, without the token in any spelling that JSON has for it, and without what is hidden in a
 * reply that is none. In both privacy modes nothing of it: words can name a person in more spellings than can
 * be looked for. */
static const char *words_of(struct client_call *call, const struct kmcp_route *r,
                            const struct http_exchange *x)
{
    const struct fault_hide hide = { .secrets = r->secrets,
                                     .values = &call->hidden,
                                     .sentence = r->safety == KMCP_REVEAL };
    char *words = call->redact ? NULL : fault_words(call->arena, x->data ? x->data : "", x->len, &hide);

    if (words)
        log_hide(words, strlen(words));
    return words;
}

struct cache_reply *client_send(struct client *cl, struct client_call *call, const struct kmcp_request *rq,
                                const char *path, const char *body, struct client_attempt *begun)
{
    const struct kmcp_route *r = rq->route;
    struct client_attempt own, *a = begun ? begun : &own;

    if (!begun && !start(cl, call->failure))
        return NULL;
    if (r->safety != KMCP_READ)
        snprintf(call->act_line, sizeof call->act_line, "%s %s", r->method, path);
    for (int n = 1;; n++) {
        struct http_exchange *x = &a->x;
        struct cache_reply *reply = NULL;
        int64_t pause;
        bool good, again;

        if (n > 1 || !begun) {
            int64_t soon;

            if (!take_budget(cl, call, &soon))
                return NULL;
            if (r->safety != KMCP_READ && call->still_may && !call->still_may(call->still_arg))
                return NULL;
            client_begin(cl, call, rq, path, body, a);
            if (soon)
                early_begin(cl, call);
        }
        await(cl, call, rq, a);
        if (x->data) /* a server that repeats the token gives it to nobody */
            log_hide(x->data, x->len);
        good = x->end == HTTP_ANSWERED && x->status >= 200 && x->status < 300;
        if (good) {
            if (!(reply = cache_reply_new(x->status, x->data, x->len, x->total, clock_unix_ms())))
                failure_set(call->failure, KMCP_E_NOMEM, "out of memory");
            x->data = NULL; /* the reply's now */
        }
        pause = x->end == HTTP_ANSWERED ? server_pause_ms(x) : -1;
        again = !good && x->end != HTTP_CANCELLED && x->end != HTTP_TOO_BIG &&
                retry_allowed(r, n, x->end == HTTP_ANSWERED ? x->status : 0);
        if (x->status != 429 && !x->retry_after[0])
            pause = -1; /* RateLimit-Reset comes with every answer; it only means something with a 429 */
        pause = retry_delay_ms(n, pause, jitter());
        if (again && clock_ms() + pause >= call->deadline_ms)
            again = false;
        if (is_doubtful(r, x)) {
            call->act_unknown = true;
            failure_set(
                call->failure, KMCP_E_TIMEOUT,
                "the outcome of %s is unknown: the answer was HTTP %d, which does not say whether it was "
                "carried out. Do not send it again; get_device_commands and get_device_activity show "
                "whether the device received it",
                call->act_line, x->status);
        }
        if (!good && !again && x->end == HTTP_ANSWERED)
            fault_set(call->failure, r, x->status, words_of(call, r, x),
                      x->status == 429 ? server_pause_ms(x) : -1);
        else if (!good && !again)
            fail_unanswered(call, r, x);
        free(x->data);
        x->data = NULL;
        if (!again)
            return reply;
        if (!pause_for(cl, call, pause, "the API asked to wait"))
            return NULL;
    }
}
