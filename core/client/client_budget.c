/* client_budget.c - one allowance for all processes of the tenant: taken from the state, for every request
 * that goes out, with a share that only acts may use.  SPDX-License-Identifier: Apache-2.0
 *
 * Without the state reads go on with a tenth of it, counted in this process; acts do not.
 */

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "client_inner.h"

#define HOUR_MS  INT64_C(3600000)
#define PAUSE_MS INT64_C(60000) /* whatever a 429 asks for, somebody looks again after a minute */

void client_budget_init(struct client *cl, struct config *c)
{
    cl->per_hour = config_int(c, "limits", "requests_per_hour", 1, 1000000000, 10000);
    cl->per_second = config_int(c, "limits", "requests_per_second", 1, 1000000, 50);
    cl->reserve = config_int(c, "limits", "reserve_for_acts", 0, 1000000000, cl->per_hour / 200);
    if (cl->reserve >= cl->per_hour)
        cl->reserve = cl->per_hour - 1;
    budget_init(&cl->budget, cl->per_hour, cl->per_second);
    budget_init(&cl->tenth, cl->per_hour > 10 ? cl->per_hour / 10 : 1,
                cl->per_second > 10 ? cl->per_second / 10 : 1);
    __atomic_store_n(&cl->hour_left, cl->per_hour, __ATOMIC_RELAXED);
}

void client_use_state(struct client *cl, struct state *s)
{
    cl->state = s;
}

/* The store is lost: said once, until it is back. */
static void say_lost(struct client *cl, bool is_lost)
{
    bool was = __atomic_exchange_n(&cl->state_lost, is_lost, __ATOMIC_ACQ_REL);

    if (is_lost && !was)
        log_line(KMCP_LOG_ERROR, "client",
                 "the shared request budget cannot be used; reads go on with a tenth of it");
    else if (!is_lost && was)
        log_line(KMCP_LOG_INFO, "client", "the shared request budget is back");
}

int64_t client_take(struct client *cl, struct client_call *call, int64_t want)
{
    bool acts = call->tool != KMCP_READ;
    const struct state_bucket buckets[] = { { "budget:hour", cl->per_hour, HOUR_MS, acts ? 0 : cl->reserve,
                                              want },
                                            { "budget:second", cl->per_second, 1000, 0, want } };
    int64_t left[2] = { 0, 0 };
    int64_t wait = 0;
    enum state_rc rc;
    char why[400];

    if (!cl->state)
        return budget_take(&cl->budget, clock_ms(), want);
    rc = state_take(cl->state, buckets, sizeof buckets / sizeof *buckets, &wait, left);
    say_lost(cl, rc == STATE_LOST);
    if (rc != STATE_LOST) {
        __atomic_store_n(&cl->hour_left, left[0], __ATOMIC_RELAXED);
        return rc == STATE_YES ? 0 : wait > 0 ? wait : 1;
    }
    if (!acts)
        return budget_take(&cl->tenth, clock_ms(), want);
    state_why(cl->state, why, sizeof why);
    failure_set(call->failure, KMCP_E_DENIED, "nothing was sent: %s", why);
    return -1;
}

void client_learn(struct client *cl, const struct http_exchange *x, int64_t pause_ms)
{
    const struct state_bucket hour = { "budget:hour", cl->per_hour, HOUR_MS, 0, 0 };
    int64_t known = __atomic_load_n(&cl->hour_left, __ATOMIC_RELAXED);

    if (x->reset_s >= 0)
        __atomic_store_n(&cl->reset_ms, clock_ms() + 1000 * (int64_t)x->reset_s, __ATOMIC_RELAXED);
    if (pause_ms > PAUSE_MS)
        pause_ms = PAUSE_MS;
    budget_learn(&cl->budget, clock_ms(), x->hour_left, pause_ms);
    budget_learn(&cl->tenth, clock_ms(), -1, pause_ms);
    /* what is under way in other processes is taken already there, and not yet counted here */
    if (cl->state && (pause_ms > 0 || (x->hour_left >= 0 && x->hour_left + 64 < known)) &&
        state_learn(cl->state, &hour, x->hour_left, pause_ms) == STATE_YES && x->hour_left >= 0 &&
        x->hour_left < known)
        __atomic_store_n(&cl->hour_left, x->hour_left, __ATOMIC_RELAXED);
}

/* 9100 as "9,100". */
static const char *grouped(int64_t n, char *out, size_t size)
{
    char plain[24];
    size_t len = (size_t)snprintf(plain, sizeof plain, "%lld", (long long)(n > 0 ? n : 0)), at = 0;

    for (size_t i = 0; i < len && at + 2 < size; i++) {
        if (i && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = plain[i];
    }
    out[at] = '\0';
    return out;
}

void client_forecast(struct client *cl, int64_t calls, char *out, size_t size)
{
    int64_t left = __atomic_load_n(&cl->hour_left, __ATOMIC_RELAXED) - cl->reserve;
    int64_t reset = __atomic_load_n(&cl->reset_ms, __ATOMIC_RELAXED) - clock_ms();
    char need[32], have[32];

    if (reset <= 0 || reset > HOUR_MS) /* the service did not say: when the bucket is full again */
        reset = (cl->per_hour - left) * HOUR_MS / cl->per_hour;
    snprintf(out, size, "needs %s more calls, %s left, resets in %lld min", grouped(calls, need, sizeof need),
             grouped(left, have, sizeof have), (long long)((reset + 59999) / 60000));
}
