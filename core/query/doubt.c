/* doubt.c - whether the API may be believed that it selects.  SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "doubt.h"
#include "push.h"

#define CENTURY_MS INT64_C(3155760000000)

/* Another text of the same look, so that what wants an id or a number is not put out. */
static const char *other_text(struct arena *a, const char *text)
{
    char *other = arena_strdup(a, text);

    for (char *p = other; p && *p; p++)
        if (*p >= '0' && *p <= '9')
            *p = (char)(*p < '5' ? *p + 4 : *p - 4);
        else if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')) /* a to f stay among themselves */
            *p = (char)(*p == 'f' || *p == 'F' ? *p - 5 : *p == 'z' || *p == 'Z' ? *p - 1 : *p + 1);
    return other;
}

static void ask_for_others(struct condition *c, struct arena *a)
{
    c->operand.truth = !c->operand.truth;
    c->operand.ms += CENTURY_MS;
    c->api = c->api ? other_text(a, c->api) : NULL;
}

static kmcp_rc stop(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    (void)ctx;
    (void)rows;
    (void)arg;
    return KMCP_SWEEP_STOP;
}

/* How many rows meet the conditions of QU, if the Ith were for other values. -1: the API does not say. */
static kmcp_rc count_others(const struct query_env *env, const struct question *qu, size_t i, int64_t *total)
{
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage, .total = -1 };
    struct client_pick pick = { .only_total = true, .enough = 1, .api_total = -1 };
    void (*progress)(void *, double, double, const char *) = env->call->progress;
    struct question others = *qu;
    struct kmcp_request rq;
    bool exact;
    kmcp_rc rc;

    others.from = NULL;
    ask_for_others(&others.conditions[i], env->call->arena);
    if (!push_request(&others, env->call->arena, &rq, &exact))
        return failure_set(env->call->failure, KMCP_E_NOMEM, "out of memory");
    env->call->progress = NULL; /* this is no part of the list */
    rc = client_sweep(env->client, env->call, env->ctx, &rq, &pick, stop, NULL, &coverage);
    env->call->progress = progress;
    if (rc == KMCP_E_CONFLICT || rc == KMCP_E_UPSTREAM || rc == KMCP_E_NOTFOUND)
        env->call->failure->rc = rc = KMCP_OK; /* the API does not take the value: nothing is known */
    else
        *total = pick.api_total;
    return rc;
}

kmcp_rc doubt_total(const struct query_env *env, const struct question *qu, int64_t total, bool *selects)
{
    int64_t whole = client_whole(env->client, qu->q->request->route), others;
    kmcp_rc rc = KMCP_OK;

    *selects = true;
    if (whole < 0 || total < whole)
        return KMCP_OK;
    for (size_t i = 0; i < qu->n_conditions && rc == KMCP_OK && *selects; i++) {
        others = -1;
        rc = count_others(env, qu, i, &others);
        *selects = others >= 0 && others < total;
    }
    return rc;
}
