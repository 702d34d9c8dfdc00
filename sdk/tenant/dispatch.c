/* What happens to one request, in the order in which the real gateway and service do it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "dispatch.h"

#include "control.h"
#include "route.h"
#include "stats.h"
#include "when.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Fixed clock windows, as the gateway counts by default; real time, because clients wait in real time. */
static bool dispatch_within_rate(struct call *c)
{
    struct tenant *t = c->t;
    int64_t now = when_real() / WHEN_SECOND;
    if (t->window_second != now)
        t->used_second = 0;
    if (t->window_hour != now / 3600)
        t->used_hour = 0;
    t->window_second = now;
    t->window_hour = now / 3600;
    bool second_full = t->per_second && t->used_second >= t->per_second;
    bool hour_full = t->per_hour && t->used_hour >= t->per_hour;
    if (!second_full && !hour_full) {
        t->used_second++;
        t->used_hour++;
    }
    int64_t wait = hour_full ? 3600 - now % 3600 : 1;
    if (t->per_second) {
        int64_t left = t->per_second - t->used_second;
        call_header(c, "RateLimit-Limit", "%" PRId64, t->per_second);
        call_header(c, "RateLimit-Remaining", "%" PRId64, hour_full ? 0 : left);
        call_header(c, "RateLimit-Reset", "%" PRId64, wait);
        call_header(c, "X-RateLimit-Limit-Second", "%" PRId64, t->per_second);
        call_header(c, "X-RateLimit-Remaining-Second", "%" PRId64, left);
    }
    if (t->per_hour) {
        call_header(c, "X-RateLimit-Limit-Hour", "%" PRId64, t->per_hour);
        call_header(c, "X-RateLimit-Remaining-Hour", "%" PRId64, t->per_hour - t->used_hour);
    }
    if (!second_full && !hour_full)
        return true;
    call_header(c, "Retry-After", "%" PRId64, wait);
    call_fail(c, 429, CALL_GATEWAY, t->seed_dialect ? "Rate limit exceeded" : "API rate limit exceeded");
    return false;
}

static bool dispatch_authorized(struct call *c)
{
    const char *given = c->authorization;
    if (given && strncmp(given, "Bearer ", 7) == 0 && strcmp(given + 7, c->t->token) == 0)
        return true;
    call_fail(c, 401, CALL_DETAIL,
              c->t->seed_dialect ? "Invalid or expired API token"
              : given            ? "Invalid token."
                                 : "Authentication credentials were not provided.");
    return false;
}

static bool dispatch_permitted(struct call *c, const struct route *row)
{
    char pattern[256];
    snprintf(pattern, sizeof pattern, "%s /api/v1/%s", row->method, row->path);
    for (size_t i = 0; i < TENANT_DENIALS && c->t->denied[i]; i++)
        if (strstr(pattern, c->t->denied[i])) {
            call_fail(c, c->t->denied_status, CALL_DETAIL,
                      "You do not have permission to perform this action.");
            return false;
        }
    return true;
}

/* Django reads JSON bodies only when they are announced as such. */
static bool dispatch_body_readable(struct call *c)
{
    if (c->body_n == 0 || (c->content_type && strncmp(c->content_type, "application/json", 16) == 0) ||
        (c->content_type && strncmp(c->content_type, "application/x-www-form-urlencoded", 33) == 0))
        return true;
    char text[200];
    snprintf(text, sizeof text, "Unsupported media type \"%.100s\" in request.",
             c->content_type ? c->content_type : "");
    call_fail(c, 415, CALL_DETAIL, text);
    return false;
}

static void dispatch_handle(struct call *c, const struct route *row, const char *allowed,
                            struct fault_plan *plan)
{
    if (!dispatch_within_rate(c))
        return;
    fault_choose(c->t->faults, c, plan);
    if (plan->answer) {
        fault_write_answer(c, plan->answer);
        return;
    }
    if (!dispatch_authorized(c))
        return;
    call_header(c, "Allow", "%s", allowed);
    if (!row) {
        char text[80];
        snprintf(text, sizeof text, "Method \"%.20s\" not allowed.", c->method);
        call_fail(c, 405, CALL_DETAIL, text);
        return;
    }
    if (dispatch_permitted(c, row) && dispatch_body_readable(c))
        row->handle(c);
}

void dispatch(struct call *c, struct fault_plan *plan)
{
    char allowed[64];
    memset(plan, 0, sizeof *plan);
    if (strncmp(c->path, "/__", 3) == 0) {
        control_handle(c);
        return;
    }
    /* HEAD is GET without its body, which the HTTP layer leaves out. */
    const char *method = c->method;
    if (strcmp(method, "HEAD") == 0)
        c->method = "GET";
    const struct route *row = route_find(c, allowed, sizeof allowed);
    call_header(c, "Via", "kong/3.2.2");
    if (!row && !allowed[0]) {
        fault_choose(c->t->faults, c, plan);
        if (plan->answer)
            fault_write_answer(c, plan->answer);
        else
            call_fail(c, 404, CALL_GATEWAY, "no Route matched with those values");
    } else {
        bool fast = row && (strncmp(row->path, "prism", 5) == 0 || strncmp(row->path, "vulnerab", 8) == 0);
        call_header(c, "Server", "%s", fast ? "uvicorn" : "gunicorn");
        dispatch_handle(c, row, allowed, plan);
    }
    if (plan->body)
        fault_change_body(c, plan->body);
    if (c->out.n == 0)
        c->type = NULL;
    c->method = method;
    stats_count(c, row);
}
