/* each.c - one request for each of many values, several under way.  SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "ahead.h"
#include "base/clock.h"
#include "base/json_path.h"

/* So many replies may stay in the cache; more would only push each other out. */
#define KEPT_MAX 200

/* So many failures in a row are not of these values: a permission that one lacks all lack, and an API that is
 * down is down. */
#define DENIED_ROW 3
#define FAILED_ROW 10
#define NAMED      3 /* of the values that failed */

struct each {
    struct client *client;
    struct client_call *call;
    const struct kmcp_request *rq;
    const struct client_each *list;
    struct ahead_seat *seat;
    struct arena memory; /* of one reply */
    struct kmcp_coverage *coverage;
    size_t failed, in_row, named[NAMED];
    struct failure first; /* of those that failed */
    bool refused;         /* by the caller, whose failure is his answer */
};

/* The service has none for this one value: it is gone, or is of another kind. */
static bool is_absent(const struct client_call *call)
{
    return call->failure->rc == KMCP_E_NOTFOUND || call->failure->rc == KMCP_E_CONFLICT;
}

/* The next reply's BODY, NULL where there is none. */
static kmcp_rc get_one(struct each *e, kmcp_json **body)
{
    struct client_call *call = e->call;
    struct cache_reply *reply = ahead_next(e->seat);
    struct kmcp_coverage *coverage = e->coverage;
    kmcp_rc rc;

    *body = NULL;
    if (!reply && !is_absent(call))
        return call->failure->rc;
    if (!reply) {
        call->failure->rc = KMCP_OK;
        return KMCP_OK;
    }
    if (!coverage->as_of_ms || reply->as_of_ms < coverage->as_of_ms)
        coverage->as_of_ms = reply->as_of_ms;
    rc = client_parse(call, &e->memory, e->rq, reply, e->rq->fields, true, body);
    cache_reply_drop(e->client->cache, reply);
    return rc == KMCP_OK && *body ? client_mask(call, &e->memory, e->rq->route, *body) : rc;
}

/* Would what failed with RC fail for all that are still to come? */
static bool ends_all(const struct each *e, kmcp_rc rc)
{
    switch (rc) {
    case KMCP_E_CANCELLED:
    case KMCP_E_NOMEM:
    case KMCP_E_BUG:
    case KMCP_E_RATE:
        return true;
    case KMCP_E_DENIED:
        return e->in_row + 1 >= DENIED_ROW;
    default:
        return e->in_row + 1 >= FAILED_ROW || clock_ms() >= e->call->deadline_ms;
    }
}

/* Value I failed with RC: leaves it out and goes on, unless all would. */
static kmcp_rc leave_out(struct each *e, size_t i, kmcp_rc rc)
{
    bool ends = ends_all(e, rc);

    e->in_row++;
    if (e->failed < NAMED)
        e->named[e->failed] = i;
    if (e->failed++ == 0)
        e->first = *e->call->failure;
    if (ends)
        return rc;
    e->call->failure->rc = KMCP_OK;
    return KMCP_OK;
}

/* Replies in order, until one ends it. *AT: so many were asked for. */
static kmcp_rc all(struct each *e, kmcp_ctx *ctx, size_t *at)
{
    struct client_call *call = e->call;
    size_t n = e->list->n;
    char forecast[120];
    kmcp_json *body;
    kmcp_rc rc = KMCP_OK;

    for (*at = 0; *at < n && rc == KMCP_OK; (*at)++) {
        arena_release(&e->memory, call->tool == KMCP_REVEAL);
        if ((rc = get_one(e, &body)) != KMCP_OK) {
            rc = leave_out(e, *at, rc);
        } else {
            e->in_row = 0;
            e->coverage->seen++;
            rc = e->list->fn(ctx, *at, body, e->list->arg);
            e->refused = rc != KMCP_OK && rc != KMCP_SWEEP_STOP;
        }
        if (rc != KMCP_OK || !call->progress)
            continue;
        *forecast = '\0';
        if (*at == 0)
            client_forecast(e->client, (int64_t)n - 1, forecast, sizeof forecast);
        call->progress(call->progress_arg, (double)(*at + 1), (double)n, *forecast ? forecast : NULL);
    }
    return rc;
}

/* Why not all replies came: what was said, and of which values. Those that are persons are not named. */
static const char *reason_of(const struct each *e, const char *text, size_t not_read)
{
    bool hidden = e->call->redact && json_path_is_under(e->rq->route->pii, e->list->param);
    const char *names = "", *rest = "";
    struct arena *a = e->call->arena;
    size_t shown = hidden ? 0 : e->failed < NAMED ? e->failed : NAMED;

    for (size_t i = 0; names && i < shown; i++)
        names = arena_format(a, "%s%s%s", names, i ? ", " : ": ", e->list->values[e->named[i]]);
    if (shown && e->failed > shown)
        rest = arena_format(a, ", ...");
    if (not_read)
        rest = rest ? arena_format(a, "%s; not read: %zu", rest, not_read) : NULL;
    return names && rest ? arena_format(a, "%s (failed: %zu%s%s)", text, e->failed, names, rest) : NULL;
}

/* What became of it, AT values having been asked for. */
static kmcp_rc finish(struct each *e, kmcp_rc rc, size_t at)
{
    struct failure *f = e->call->failure;
    struct kmcp_coverage *coverage = e->coverage;

    coverage->complete = rc == KMCP_OK && !e->failed;
    if (rc == KMCP_SWEEP_STOP || coverage->complete)
        return KMCP_OK;
    if (e->refused || rc == KMCP_E_CANCELLED || rc == KMCP_E_NOMEM || rc == KMCP_E_BUG)
        return rc;
    if (coverage->seen == 0) /* nothing is known: no answer, but a failure */
        return failure_set(f, e->first.rc, "%s", e->first.text);
    coverage->reason = e->failed ? reason_of(e, rc == KMCP_OK ? e->first.text : f->text, e->list->n - at)
                                 : arena_strdup(e->call->arena, f->text);
    f->rc = KMCP_OK;
    return coverage->reason ? KMCP_OK : KMCP_E_NOMEM;
}

kmcp_rc client_each(struct client *cl, struct client_call *call, kmcp_ctx *ctx, const struct kmcp_request *rq,
                    const struct client_each *each, struct kmcp_coverage *coverage)
{
    struct ahead_list list = {
        .kind = AHEAD_PATH, .name = each->param, .values = each->values, .passing = each->n > KEPT_MAX
    };
    struct each e = { .client = cl, .call = call, .rq = rq, .list = each, .coverage = coverage };
    size_t at;
    kmcp_rc rc;

    coverage->complete = each->n == 0;
    coverage->total = (int64_t)each->n;
    coverage->seen = 0;
    if (each->n == 0)
        return KMCP_OK;
    if (!(e.seat = ahead_join(cl, call, rq, &list)))
        return failure_set(call->failure, KMCP_E_NOMEM, "out of memory");
    arena_init(&e.memory, call->arena->ceiling);
    ahead_plan(e.seat, 0, 0, each->n, list.passing);
    rc = all(&e, ctx, &at);
    ahead_leave(e.seat);
    arena_release(&e.memory, call->tool == KMCP_REVEAL);
    return finish(&e, rc, at);
}
