/* fakehost_query.c - questions about a list, as far as the fake host judges them.
 * SPDX-License-Identifier: Apache-2.0 */

#include "fakehost_inner.h"

struct fake_question {
    const struct kmcp_query *query;
    const cJSON *args;
    cJSON *rows;
};

static const struct kmcp_column *column(const struct kmcp_query *q, size_t i)
{
    return (const struct kmcp_column *)(const void *)((const char *)q->columns + i * q->column_size);
}

/* The arguments that are named as a column is: equal for one that is EXACT, else contained. */
static int answers(const struct fake_question *q, const cJSON *row)
{
    for (size_t i = 0; i < q->query->n_columns; i++) {
        const struct kmcp_column *c = column(q->query, i);
        const cJSON *arg = cJSON_GetObjectItemCaseSensitive(q->args, c->name);
        const struct kmcp_where where = { c->field,
                                          cJSON_IsString(arg) && *arg->valuestring ? arg->valuestring : NULL,
                                          c->type == KMCP_COLUMN_LIST    ? KMCP_WHERE_HAS
                                          : c->flags & KMCP_COLUMN_EXACT ? KMCP_WHERE_EQUALS
                                                                         : KMCP_WHERE_CONTAINS,
                                          0 };

        if (!fake_meets(row, &where))
            return 0;
    }
    return 1;
}

static kmcp_rc question_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    struct fake_question *q = arg;
    const cJSON *row, *cell;

    cJSON_ArrayForEach(row, (const cJSON *)rows)
    {
        cJSON *cells = cJSON_CreateArray();

        for (size_t i = 0; i < q->query->n_columns; i++) {
            if (!(column(q->query, i)->flags & KMCP_COLUMN_SHOWN))
                continue;
            cell = fake_pick(row, column(q->query, i)->field);
            cJSON_AddItemToArray(
                cells, cJSON_IsString(cell) ? cJSON_CreateString(cell->valuestring)
                       : cell ? cJSON_CreateString(fake_block(of(ctx), cJSON_PrintUnformatted(cell)))
                              : cJSON_CreateString(""));
        }
        if (answers(q, row))
            cJSON_AddItemToArray(q->rows, cells);
        else
            cJSON_Delete(cells);
    }
    return KMCP_OK;
}

/* Shows all rows that the plugin's own conditions and the arguments named as columns let through, with the
 * columns that are shown unasked. What else may be asked (where, sort, group_by, ...) is the real host's, and
 * not judged here. */
kmcp_rc fake_query(kmcp_ctx *ctx, const struct kmcp_query *query, const kmcp_json *args)
{
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage };
    struct fake_question q = { query, (const cJSON *)args, fake_node(cJSON_CreateArray()) };
    struct fakehost *h = of(ctx);
    const cJSON *row, *cell;
    kmcp_rc rc;

    h->question = fake_block(h, cJSON_PrintUnformatted((const cJSON *)args));
    if ((rc = fake_sweep(ctx, query->request, question_page, &q, &coverage)) != KMCP_OK)
        return rc;
    fake_result_text(ctx, "%d %s%s", cJSON_GetArraySize(q.rows), query->what,
                     coverage.complete ? "" : " (INCOMPLETE)");
    cJSON_ArrayForEach(row, q.rows)
    {
        fake_result_text(ctx, "\n");
        cJSON_ArrayForEach(cell, row)
            fake_result_text(ctx, "%s%s", cell == row->child ? "" : "\t", cell->valuestring);
    }
    return KMCP_OK;
}
