/* push.c - what of a question the API can do itself.  SPDX-License-Identifier: Apache-2.0
 *
 * Whatever is left to the API is checked on the rows all the same (query.c): a server that ignores a
 * parameter costs time. Only a count that the first page alone answers takes its word for the rows behind
 * (doubt.c).
 */

#include <string.h>

#include "base/json_path.h"
#include "push.h"

/* A longer text stays here: a URL holds no more than a few of them. */
#define PUSHED_MAX 200

struct pushing {
    const struct question *question;
    struct arena *arena;
    struct kmcp_param *query;
    size_t n;
    kmcp_json *filter;
};

static bool has_param(const struct pushing *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->query[i].value && strcmp(p->query[i].name, name) == 0)
            return true;
    return false;
}

/* The API's own name for a column: the first of its field's alternatives. */
static char *member_of(struct arena *a, const struct kmcp_column *column)
{
    return arena_strndup(a, column->field, strcspn(column->field, ".|"));
}

/* True if the API will select by C, exactly. */
static bool push_one(struct pushing *p, const struct condition *c)
{
    bool exact = false;
    const char *value;
    kmcp_json *operation;
    char *name;

    if (!c->api || strlen(c->api) > PUSHED_MAX)
        return false;
    value = condition_pushed(c, p->arena, &exact);

    if (value && !has_param(p, c->column->param)) {
        p->query[p->n++] = (struct kmcp_param){ c->column->param, value };
        return exact;
    }
    if (c->column->param || !(p->question->q->flags & KMCP_QUERY_FILTER) || strchr(c->column->field, '.'))
        return false; /* the API's filter knows members, not what is in them */
    name = member_of(p->arena, c->column);
    if (!name || json_get(p->filter, name) || !(operation = condition_filter(c, p->arena, &exact)))
        return false;
    if (!p->filter)
        p->filter = json_object(p->arena);
    return p->filter && json_set(p->arena, p->filter, name, operation) && exact;
}

/* ---- the members of rows that matter ---- */

static const char *members_of(const struct question *qu, struct arena *a)
{
    const char *list = "";

    for (size_t i = 0; i < qu->n_conditions; i++)
        list = json_path_members(a, list, qu->conditions[i].column->field);
    for (size_t i = 0; i < qu->n_groupings; i++)
        for (size_t k = 0; k < qu->groupings[i].n; k++)
            list = json_path_members(a, list, qu->groupings[i].keys[k].column->field);
    for (size_t i = 0; i < qu->n_extremes; i++)
        list = json_path_members(a, list, qu->extremes[i].column->field);
    if (qu->sort)
        list = json_path_members(a, list, qu->sort->field);
    for (size_t i = 0; (qu->format || (qu->limit && !question_groups(qu))) && i < qu->n_fields; i++)
        list = json_path_members(a, list, qu->fields[i]->field);
    return list;
}

bool push_request(const struct question *qu, struct arena *a, struct kmcp_request *rq, bool *exact)
{
    const struct kmcp_request *own = qu->q->request;
    struct pushing p = { .question = qu, .arena = a };

    *rq = *own;
    *exact = (qu->q->flags & KMCP_QUERY_PUSHED) != 0;
    if (!*exact) {
        *exact = own->n_where == 0 && own->n_query == 0;
        for (size_t i = 0; i < own->n_where; i++)
            *exact = *exact && !own->where[i].value;
    }
    p.query = arena_alloc(a, (own->n_query + qu->n_conditions + 1) * sizeof *p.query);
    if (!p.query)
        return false;
    if (own->n_query)
        memcpy(p.query, own->query, own->n_query * sizeof *p.query);
    p.n = own->n_query;
    for (size_t i = 0; i < qu->n_conditions; i++)
        if (!push_one(&p, &qu->conditions[i]))
            *exact = false;
    if (p.filter)
        p.query[p.n++] = (struct kmcp_param){ "filter", json_text(a, p.filter) };
    rq->query = p.query;
    rq->n_query = p.n;
    rq->fields = members_of(qu, a);
    rq->from = qu->from;
    return rq->fields != NULL && (!p.filter || p.query[p.n - 1].value);
}
