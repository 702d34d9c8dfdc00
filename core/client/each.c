/* each.c - one request for each of many values, several under way.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "ahead.h"
#include "base/json.h"

/* So many replies may stay in the cache; more would only push each other out. */
#define KEPT_MAX 200

/* A failure of this one value: the thing is gone, or the service does not have it for this kind of thing. */
static bool is_absent(const struct client_call *call)
{
    return call->failure->rc == KMCP_E_NOTFOUND || call->failure->rc == KMCP_E_CONFLICT;
}

/* Reply number I to the callback. */
static kmcp_rc one(struct client *cl, struct client_call *call, kmcp_ctx *ctx, const struct kmcp_request *rq,
                   struct ahead_seat *seat, const struct client_each *each, size_t i, struct arena *memory,
                   struct kmcp_coverage *coverage)
{
    struct cache_reply *reply = ahead_next(seat);
    kmcp_json *body = NULL;
    kmcp_rc rc = KMCP_OK;

    if (!reply && !is_absent(call))
        return call->failure->rc;
    if (!reply) {
        call->failure->rc = KMCP_OK;
    } else {
        if (!coverage->as_of_ms || reply->as_of_ms < coverage->as_of_ms)
            coverage->as_of_ms = reply->as_of_ms;
        rc = client_parse(call, memory, rq, reply, rq->fields, true, &body);
        cache_reply_drop(cl->cache, reply);
    }
    if (rc == KMCP_OK && body)
        rc = client_mask(call, memory, rq->route, body);
    if (rc != KMCP_OK)
        return rc;
    coverage->seen++;
    return each->fn(ctx, i, body, each->arg);
}

kmcp_rc client_each(struct client *cl, struct client_call *call, kmcp_ctx *ctx, const struct kmcp_request *rq,
                    const struct client_each *each, struct kmcp_coverage *coverage)
{
    struct ahead_list list = {
        .kind = AHEAD_PATH, .name = each->param, .values = each->values, .passing = each->n > KEPT_MAX
    };
    struct ahead_seat *seat;
    struct arena memory;
    char forecast[120];
    kmcp_rc rc = KMCP_OK;

    coverage->complete = each->n == 0;
    coverage->total = (int64_t)each->n;
    coverage->seen = 0;
    if (each->n == 0)
        return KMCP_OK;
    if (!(seat = ahead_join(cl, call, rq, &list)))
        return failure_set(call->failure, KMCP_E_NOMEM, "out of memory");
    arena_init(&memory, call->arena->ceiling);
    ahead_plan(seat, 0, 0, each->n, list.passing);
    for (size_t i = 0; i < each->n && rc == KMCP_OK; i++) {
        arena_release(&memory, call->tool == KMCP_REVEAL);
        rc = one(cl, call, ctx, rq, seat, each, i, &memory, coverage);
        *forecast = '\0';
        if (i == 0 && rc == KMCP_OK && call->progress)
            client_forecast(cl, (int64_t)each->n - 1, forecast, sizeof forecast);
        if (rc == KMCP_OK && call->progress)
            call->progress(call->progress_arg, (double)(i + 1), (double)each->n, *forecast ? forecast : NULL);
    }
    ahead_leave(seat);
    arena_release(&memory, call->tool == KMCP_REVEAL);
    coverage->complete = rc == KMCP_OK;
    if (rc == KMCP_SWEEP_STOP)
        return KMCP_OK;
    if (rc != KMCP_OK && coverage->seen > 0 && rc != KMCP_E_CANCELLED && rc != KMCP_E_NOMEM &&
        rc != KMCP_E_BUG) {
        coverage->reason = arena_strdup(call->arena, call->failure->text);
        call->failure->rc = KMCP_OK;
        return coverage->reason ? KMCP_OK : KMCP_E_NOMEM;
    }
    return rc;
}
