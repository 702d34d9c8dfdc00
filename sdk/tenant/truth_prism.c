/* /__truth?prism=CATEGORY: how many rows and devices a category has, and what one column says. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "prism.h"
#include "tally.h"

#include <stdio.h>

static void group_add(struct tally *values, const struct cell *cell)
{
    char text[32];
    switch (cell->kind) {
    case CELL_NULL:
        tally_add(values, "null");
        break;
    case CELL_BOOL:
        tally_add(values, cell->number != 0 ? "true" : "false");
        break;
    case CELL_INT:
    case CELL_REAL:
        snprintf(text, sizeof text, "%.*f", cell->kind == CELL_REAL, cell->number);
        tally_add(values, text);
        break;
    case CELL_TEXT:
        tally_add(values, cell->text);
        break;
    case CELL_TAGS: /* each tag counts */
        for (unsigned i = 0; i < name_tag_count; i++)
            if ((unsigned)cell->number >> i & 1)
                tally_add(values, name_tags[i]);
    }
}

/* Selects as the API does, so that the API's filters may be used here as well. */
void truth_prism(struct call *c)
{
    struct prism_query q;
    const char *group = call_param(c, "group");
    const struct prism_category *category = prism_category(call_param(c, "prism"));
    const struct prism_column *column = category && group ? prism_column_named(c, category, group) : NULL;
    if (!category || (group && (!column || column->write))) {
        control_refuse(c, 400, category ? "no such column" : "no such category");
        return;
    }
    if (!prism_query_read(c, &q, category->name))
        return;
    struct tally values = { 0 };
    struct prism_row r = { 0 };
    const struct device *last = NULL;
    int64_t rows = 0, devices = 0;
    for (; prism_next(c, &q, &r); rows++) {
        struct cell cell;
        devices += r.d != last;
        last = r.d;
        if (column) {
            prism_read(c, column, &r, &cell);
            group_add(&values, &cell);
        }
    }
    prism_query_free(&q);
    out_open(&c->out, NULL, '{');
    out_int(&c->out, "rows", rows);
    out_int(&c->out, "devices", devices);
    if (column)
        tally_write(&c->out, "values", &values);
    out_close(&c->out, '}');
    tally_free(&values);
}
