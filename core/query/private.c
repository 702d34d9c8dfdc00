/* private.c - what may not be asked of secrets, of persons and of pseudonyms.  SPDX-License-Identifier:
 * Apache-2.0 */

#include "private.h"

#include "base/json.h"
#include "base/json_path.h"
#include "base/text.h"

/* A secret could be searched out letter by letter: all that may be asked is whether there is one. */
static kmcp_rc keep_secret(const struct question *qu, const struct kmcp_route *route, struct failure *f)
{
    for (size_t i = 0; i < qu->n_conditions; i++) {
        const struct condition *c = &qu->conditions[i];

        if (c->operand.is && c->column->type != KMCP_COLUMN_BOOL &&
            json_path_is_under(route->secrets, c->column->field))
            return failure_set(f, KMCP_E_ARG,
                               "\"%s\" is a secret; ask whether there is one: \"%s =\" (none) or \"%s !=\"",
                               c->column->name, c->column->name, c->column->name);
    }
    return KMCP_OK;
}

/* Who may not see a person may not search him out letter by letter: conditions on masked columns are on whole
 * values. *ASKS: there are such, *WHOLE: one was made so. */
static kmcp_rc keep_private(struct question *qu, const struct kmcp_route *route, struct failure *f,
                            bool *asks, bool *whole)
{
    for (size_t i = 0; i < qu->n_conditions; i++) {
        struct condition *c = &qu->conditions[i];

        if (!json_path_is_under(route->pii, c->column->field))
            continue;
        *asks = true;
        if (c->op != IS && c->op != IS_NOT && c->op != HOLDS)
            return failure_set(f, KMCP_E_ARG, "redact_pii is on: \"%s\" can only be compared with = and !=",
                               c->column->name);
        *whole = *whole || c->op == HOLDS;
        c->op = c->op == HOLDS ? IS : c->op;
    }
    return KMCP_OK;
}

/* Whoever is masked is like all others: a group of them would read as one person with all their devices. */
static kmcp_rc keep_apart(const struct question *qu, const struct kmcp_route *route, struct failure *f)
{
    for (size_t i = 0; i < qu->n_groupings; i++)
        for (size_t k = 0; k < qu->groupings[i].n; k++) {
            const struct kmcp_column *column = qu->groupings[i].keys[k].column;

            if (column->type != KMCP_COLUMN_BOOL && json_path_is_under(route->pii, column->field))
                return failure_set(
                    f, KMCP_E_ARG,
                    "redact_pii is on: values of \"%s\" are masked and cannot be told apart, so "
                    "there is nothing to group by; \"%s =\" in where finds those without one, "
                    "\"%s !=\" those with one",
                    column->name, column->name, column->name);
        }
    return KMCP_OK;
}

static bool names_somebody(const struct mask_seen *seen, const char *text)
{
    for (const struct mask_resolved *r = seen->resolved; r; r = r->next)
        if (text && text_casestr(text, r->value))
            return true;
    return false;
}

/* What a pseudonym stands for is not to be had by comparing it with what is known, or from a sentence that
 * takes it for something else: it is compared as a text, and is no column. */
static kmcp_rc keep_pseudonyms(const struct question *qu, const struct mask_seen *seen, struct failure *f)
{
    for (size_t i = 0; i < qu->n_conditions; i++) {
        const struct condition *c = &qu->conditions[i];
        bool orders = c->op != IS && c->op != IS_NOT && c->op != HOLDS && c->op != HOLDS_NOT;

        if ((orders || (c->column->type != KMCP_COLUMN_TEXT && c->column->type != KMCP_COLUMN_LIST)) &&
            names_somebody(seen, c->text))
            return failure_set(f, KMCP_E_ARG,
                               "\"%s\": a pseudonym can only be compared with = and !=, as a text",
                               c->column->name);
    }
    return KMCP_OK;
}

kmcp_rc private_columns(const kmcp_json *args, struct client_call *call)
{
    static const char *const of_columns[] = { "fields", "sort", "group_by", "min", "max", "next" };

    for (size_t i = 0; call->seen.resolved && i < sizeof of_columns / sizeof *of_columns; i++)
        if (names_somebody(&call->seen, json_str(json_get(args, of_columns[i]))))
            return failure_set(call->failure, KMCP_E_ARG, "\"%s\" takes no pseudonym", of_columns[i]);
    return KMCP_OK;
}

kmcp_rc private_question(struct question *qu, const struct kmcp_route *route, struct client_call *call,
                         bool *persons, bool *whole)
{
    kmcp_rc rc = keep_secret(qu, route, call->failure);

    if (rc == KMCP_OK)
        rc = keep_pseudonyms(qu, &call->seen, call->failure);
    if (rc == KMCP_OK && call->redact)
        rc = keep_private(qu, route, call->failure, persons, whole);
    if (rc == KMCP_OK && call->redact && !call->seen.name) /* pseudonyms tell them apart */
        rc = keep_apart(qu, route, call->failure);
    return rc;
}
