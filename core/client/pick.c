/* pick.c - which rows of a page the caller gets.  SPDX-License-Identifier: Apache-2.0 */

#include "base/json.h"
#include "base/json_path.h"
#include "pick.h"

bool pick_fields(struct arena *a, const struct kmcp_request *rq, const char **fields)
{
    *fields = rq->fields;
    if (!*fields)
        return true;
    if (rq->route->row_id)
        *fields = json_path_members(a, *fields, rq->route->row_id);
    for (size_t i = 0; *fields && i < rq->n_where; i++)
        if (rq->where[i].value)
            *fields = json_path_members(a, *fields, rq->where[i].field);
    return *fields != NULL;
}

kmcp_json *pick_rows(const struct client_call *call, struct arena *memory, const struct kmcp_request *rq,
                     struct client_pick *pick, struct seen_ids *seen, const kmcp_json *rows, size_t *fresh)
{
    const char *name = rq->route->row_id;
    kmcp_json *kept = json_array(memory);

    *fresh = 0;
    for (const kmcp_json *row = json_first(rows), *next; row && kept; row = next) {
        const char *id = name ? json_str(json_get(row, name)) : NULL;
        bool meets = true;

        next = json_next(row);
        if (id && !seen_add(seen, id))
            continue;
        (*fresh)++;
        for (size_t i = 0; meets && i < rq->n_where; i++)
            meets = mask_where(row, &rq->where[i], call->redact ? rq->route->pii : NULL);
        if (meets && pick && pick->accepts)
            meets = pick->accepts(pick->arg, row);
        if (!meets && pick)
            pick->refused++;
        if (meets && !json_move(kept, row))
            return NULL;
    }
    return kept;
}

bool pick_seeks_person(const struct client_call *call, const struct kmcp_request *rq,
                       const struct client_pick *pick)
{
    bool seeks = pick && pick->persons;

    for (size_t i = 0; i < rq->n_where && !seeks; i++)
        seeks = rq->where[i].value && json_path_is_under(rq->route->pii, rq->where[i].field);
    return seeks && call->redact;
}
