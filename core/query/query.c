/* query.c - a question about a list, from its arguments to its answer.  SPDX-License-Identifier: Apache-2.0
 */

#include <string.h>

#include "base/clock.h"
#include "base/json_path.h"
#include "base/text.h"
#include "doubt.h"
#include "export.h"
#include "private.h"
#include "push.h"
#include "query.h"
#include "words.h"

struct running {
    const struct query_env *env;
    struct question question;
    struct kept_rows rows;
    struct tally tallies[QUESTION_GROUPINGS];
    size_t n_tallies;
    struct export *file;
    struct client_pick pick;
    bool exact;      /* the API selects just these rows */
    bool had_enough; /* stopped early: the API's total is the answer's */
    bool persons;    /* asks for some */
    bool no_total;   /* that alone was asked for, and the API does not tell it */
    bool starved;    /* out of memory */
    bool doubted;    /* the API does not select: its total is nothing */
    int64_t skipped; /* matching rows before the place where reading began */
};

static bool accepts(void *arg, const kmcp_json *row)
{
    struct running *r = arg;

    /* the row is the sweep's own copy, and the caller's words are what he compares with */
    if (!words_to_caller(r->question.q, r->env->call->arena, (kmcp_json *)(uintptr_t)row)) {
        r->starved = true;
        return false;
    }
    for (size_t i = 0; i < r->question.n_conditions; i++)
        if (!condition_holds(&r->question.conditions[i], row))
            return false;
    return true;
}

static kmcp_rc no_memory(const struct query_env *env)
{
    return failure_set(env->call->failure, KMCP_E_NOMEM,
                       "the answer needs more memory than [limits] call_bytes allows; ask for less");
}

/* Only rows are asked for, the API selects just them, and has told how many there are: no more is needed. */
static bool has_enough(struct running *r)
{
    const struct question *qu = &r->question;

    return r->exact && !r->pick.refused && !qu->sort && !question_groups(qu) && !r->file &&
           r->pick.api_total >= 0 && r->rows.matched >= qu->offset + qu->limit;
}

static kmcp_rc take_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    struct running *r = arg;
    struct failure *f = r->env->call->failure;

    (void)ctx;
    for (const kmcp_json *row = json_first(rows); row; row = json_next(row)) {
        if (r->file && !export_take(r->file, row, f))
            return f->rc;
        for (size_t i = 0; i < r->n_tallies; i++)
            if (!tally_take(&r->tallies[i], row, f))
                return f->rc;
        if (r->n_tallies || r->file)
            r->rows.matched++;
        else if (!rows_take(&r->rows, row))
            return no_memory(r->env);
    }
    r->had_enough = has_enough(r);
    r->no_total = r->pick.only_total && !r->had_enough;
    return r->had_enough || r->no_total ? KMCP_SWEEP_STOP : KMCP_OK;
}

/* How many rows there are in all needs but one of them. Where the API selects, more of them have to show that
 * it does. */
static bool asks_only_total(const struct running *r, const struct kmcp_request *rq)
{
    const struct question *qu = &r->question;
    uint32_t paging = rq->route->paging;

    for (size_t i = 0; i < rq->n_query; i++)
        if (rq->query[i].value)
            return false;
    return r->pick.enough && qu->limit == 0 && qu->offset == 0 && qu->n_conditions == 0 && !rq->from &&
           (paging == KMCP_PAGES_OFFSET || paging == KMCP_PAGES_CURSOR);
}

/* Where the API can leave out the rows before the offset, it does. */
static void skip_rows(struct running *r, struct kmcp_request *rq)
{
    struct question *qu = &r->question;
    char *from;

    if (!r->exact || qu->offset == 0 || qu->sort || question_groups(qu) || qu->format || rq->from ||
        rq->route->paging != KMCP_PAGES_OFFSET ||
        !(from = arena_format(r->env->call->arena, "%lld", (long long)qu->offset)))
        return;
    rq->from = from;
    r->skipped = qu->offset;
    r->rows.matched = qu->offset;
}

static void prepare(struct running *r)
{
    static const struct grouping all = { .n = 0 };
    struct question *qu = &r->question;

    rows_init(&r->rows, qu);
    for (size_t i = 0; i < qu->n_groupings; i++)
        tally_init(&r->tallies[r->n_tallies++], qu, &qu->groupings[i], r->env->call->arena);
    if (!qu->n_groupings && qu->n_extremes)
        tally_init(&r->tallies[r->n_tallies++], qu, &all, r->env->call->arena);
    r->pick = (struct client_pick){ .accepts = accepts, .arg = r, .api_total = -1, .persons = r->persons };
    if (r->exact && !qu->sort && !question_groups(qu) && !qu->format)
        r->pick.enough = qu->limit ? qu->limit : 1;
}

/* Is the first condition all that was asked? */
static bool asks_one_thing(const struct question *qu)
{
    const struct kmcp_request *rq = qu->q->request;
    size_t others = 0;

    for (size_t i = 0; i < rq->n_query; i++)
        others += rq->query[i].value != NULL;
    for (size_t i = 0; i < rq->n_where; i++)
        others += rq->where[i].value != NULL;
    return qu->n_conditions == 1 && !others && !qu->from;
}

/* Nothing was found: a "mac" may have been meant as "Mac", a "macOS" as one of what there is, and where that
 * alone was asked there is none. What groups would not show is not pointed to. */
static void say_compared(const struct running *r, const struct found *found)
{
    const struct question *qu = &r->question;
    bool alone = found->complete && asks_one_thing(qu);

    for (size_t i = 0; found->matched == 0 && i < qu->n_conditions; i++) {
        const struct condition *c = &qu->conditions[i];

        if (!condition_is_whole(c) ||
            (r->env->call->redact && json_path_is_under(qu->q->request->route->pii, c->column->field)))
            continue;
        if (alone)
            buf_printf(r->env->text, "\nnone of all %s has that \"%s\"", qu->q->what, c->column->name);
        else
            buf_printf(r->env->text, "\n\"%s\"", c->column->name);
        buf_printf(r->env->text, "%s compared %s; group_by shows which there are", alone ? "," : " was",
                   condition_minds_case(c) ? "letter for letter, capitals included" : "as a whole");
    }
}

static kmcp_rc write_answer(struct running *r, const struct found *found)
{
    const struct query_env *env = r->env;
    const struct answer out = { env->call->arena, env->text, env->answer_bytes, env->structured };
    bool ok;

    if (r->file) {
        struct export *file = r->file;

        r->file = NULL;
        return export_finish(file, env->call->arena, env->said, found, env->redaction, env->text,
                             env->structured, env->call->failure)
                   ? KMCP_OK
                   : env->call->failure->rc;
    }
    if (r->n_tallies) {
        for (size_t i = 0; i < r->n_tallies; i++)
            tally_finish(&r->tallies[i]);
        ok = answer_groups(&out, &r->question, r->tallies, r->n_tallies, found);
    } else {
        rows_finish(&r->rows);
        ok = answer_rows(&out, &r->rows, found);
    }
    say_compared(r, found);
    return ok ? KMCP_OK : no_memory(env);
}

static void finish(struct running *r)
{
    rows_free(&r->rows);
    for (size_t i = 0; i < r->n_tallies; i++)
        tally_free(&r->tallies[i]);
    r->n_tallies = 0;
    export_drop(r->file, r->env->call->failure);
    r->file = NULL;
    r->skipped = 0;
    r->had_enough = r->no_total = false;
}

/* Is it known how many rows there are, though reading began in the middle? Behind the end nothing tells. */
static bool counted(const struct running *r)
{
    return r->pick.api_total >= 0 || r->rows.matched > r->skipped;
}

/* Is the answer the API's word for rows that nobody saw? */
static bool trusts(const struct running *r)
{
    return (r->had_enough || (r->skipped && r->pick.api_total >= 0)) && r->question.n_conditions &&
           r->pick.api_total > r->rows.matched;
}

/* TRUSTING: that the API can leave out the rows before the offset, and count. */
static kmcp_rc ask(struct running *r, bool trusting)
{
    const struct query_env *env = r->env;
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage, .total = -1 };
    struct kmcp_request rq;
    struct found found;
    bool selects = true;
    kmcp_rc rc;

    if (!push_request(&r->question, env->call->arena, &rq, &r->exact))
        return no_memory(env);
    r->exact = r->exact && !r->doubted;
    for (size_t i = 0; env->call->redact && i < rq.n_where; i++) /* a part for the API, the whole for us */
        if (rq.where[i].value && json_path_is_under(rq.route->pii, rq.where[i].field))
            r->exact = false;
    if (r->question.format &&
        !(r->file = export_open(&r->question, env->export_folder, env->tool, env->export_bytes,
                                env->export_record, env->call->failure)))
        return env->call->failure->rc;
    prepare(r);
    if (trusting)
        skip_rows(r, &rq);
    r->pick.only_total = trusting && asks_only_total(r, &rq);
    rc = client_sweep(env->client, env->call, env->ctx, &rq, &r->pick, take_page, r, &coverage);
    if (rc == KMCP_OK && r->starved)
        rc = no_memory(env);
    if (rc != KMCP_OK)
        return rc;
    if (trusts(r) && (rc = doubt_total(env, &r->question, r->pick.api_total, &selects)) != KMCP_OK)
        return rc;
    r->doubted = r->doubted || !selects;
    if (!selects || r->no_total || (r->skipped && r->pick.refused) || (r->skipped && !counted(r))) {
        /* the API does not do as it should */
        finish(r);
        return ask(r, false);
    }
    found = (struct found){ .matched = r->rows.matched,
                            .complete = coverage.complete || r->had_enough,
                            .reason = coverage.reason,
                            .next = coverage.next,
                            .as_of_ms = coverage.as_of_ms };
    if (r->had_enough || (r->skipped && r->pick.api_total >= 0))
        found.matched = r->pick.api_total;
    return write_answer(r, &found);
}

kmcp_rc query_run(const struct query_env *env, const struct kmcp_query *q, const kmcp_json *args)
{
    struct running r = { .env = env };
    bool whole = false;
    kmcp_rc rc;

    rc = private_columns(args, env->call);
    if (rc == KMCP_OK)
        rc = question_read(&r.question, q, env->call->arena, args, clock_unix_ms(), env->call->failure);
    if (rc == KMCP_OK)
        rc = private_question(&r.question, q->request->route, env->call, &r.persons, &whole);
    if (rc != KMCP_OK)
        return rc;
    rc = ask(&r, true);
    finish(&r);
    if (rc == KMCP_OK && whole)
        buf_puts(
            env->text,
            "\nredact_pii is on: parts of persons, names and serial numbers cannot be searched for; they "
            "were compared as a whole, so that none was found does not mean that there is none");
    return rc;
}
