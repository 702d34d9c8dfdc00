/* Which devices a prism request selects: blueprints, families and the JSON filter. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "prism.h"

#include "field.h"
#include "page.h"
#include "when.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The service behind prism is FastAPI: it tells where a parameter is wrong. */
static bool query_refuse(struct call *c, const char *param, const char *text)
{
    call_fail(c, 422, CALL_DETAIL, text);
    if (c->t->seed_dialect)
        return false;
    struct out *o = &c->out;
    out_free(o);
    out_open(o, NULL, '{');
    out_open(o, "detail", '[');
    out_open(o, NULL, '{');
    out_open(o, "loc", '[');
    out_string(o, NULL, "query");
    out_string(o, NULL, param);
    out_close(o, ']');
    out_string(o, "msg", text);
    out_string(o, "type", "value_error");
    out_close(o, '}');
    out_close(o, ']');
    out_close(o, '}');
    return false;
}

/* Finds the columns that the filter names. */
static bool query_resolve(const struct call *c, struct prism_query *q)
{
    size_t n = 0;
    for (const struct body *b = body_first(q->filter); b; b = body_next(b)) {
        const struct prism_column *column = prism_column_named(c, q->category, body_key(b));
        if (n == PRISM_CONDITIONS || !column || !body_is_object(b))
            return false;
        q->columns[n++] = column;
    }
    return true;
}

bool prism_query_read(struct call *c, struct prism_query *q, const char *category)
{
    memset(q, 0, sizeof *q);
    q->category = prism_category(category);
    if (!q->category) {
        call_not_found(c);
        return false;
    }
    /* The seed's names, then the real ones. */
    q->blueprints = call_param(c, "blueprint_ids") ? call_param(c, "blueprint_ids")
                                                   : call_param(c, "blueprint_id");
    q->families = call_param(c, "device_families") ? call_param(c, "device_families")
                                                   : call_param(c, "platform");
    const char *filter = call_param(c, "filter");
    if (!filter || !*filter)
        return true;
    q->filter = body_parse(filter, strlen(filter));
    if (!body_is_object(q->filter)) {
        prism_query_free(q);
        return query_refuse(c, "filter", "JSON is malformed");
    }
    if (!query_resolve(c, q)) {
        prism_query_free(q);
        return query_refuse(c, "filter", "unknown column or no operator");
    }
    return true;
}

void prism_query_free(struct prism_query *q)
{
    body_free(q->filter);
    q->filter = NULL;
}

static bool filter_contains(const char *text, const char *part)
{
    size_t n = strlen(part);
    for (; *text; text++)
        if (strncasecmp(text, part, n) == 0)
            return true;
    return n == 0;
}

static bool filter_in(const struct prism_cell *cell, const struct body *list, bool like)
{
    const struct body *b = body_is_array(list) ? body_first(list) : list;
    for (; b; b = body_is_array(list) ? body_next(b) : NULL) {
        const char *word = body_text(b);
        if (!word)
            continue;
        if (cell->kind == PRISM_TAGS) {
            for (unsigned i = 0; i < name_tag_count; i++)
                if ((unsigned)cell->number & 1U << i && strcmp(name_tags[i], word) == 0)
                    return true;
        } else if (cell->kind == PRISM_TEXT &&
                   (like ? filter_contains(cell->text, word) : strcmp(cell->text, word) == 0)) {
            return true;
        }
    }
    return false;
}

/* Below, equal, above as -1, 0, 1; 2 if the two cannot be compared. Dates by time, whatever their form. */
static int filter_order(const struct prism_cell *cell, const struct body *value)
{
    double number;
    int64_t a, b;
    if ((cell->kind == PRISM_REAL || cell->kind == PRISM_INT) && body_number(value, &number))
        return cell->number < number ? -1 : cell->number > number;
    const char *text = body_text(value);
    if (cell->kind != PRISM_TEXT || !text)
        return 2;
    if (when_parse(cell->text, &a) && when_parse(text, &b))
        return a < b ? -1 : a > b;
    int way = strcmp(cell->text, text);
    return way < 0 ? -1 : way > 0;
}

static bool filter_one(const struct prism_cell *cell, const char *operation, const struct body *value,
                       int depth);

static bool filter_any(const struct prism_cell *cell, const struct body *bounds, int depth)
{
    for (const struct body *b = body_first(bounds); b; b = body_next(b))
        if (body_key(b) && filter_one(cell, body_key(b), b, depth))
            return true;
    return false;
}

static bool filter_one(const struct prism_cell *cell, const char *operation, const struct body *value,
                       int depth)
{
    bool truth;
    if (strcmp(operation, "eq") == 0)
        return body_bool(value, &truth) ? cell->kind == PRISM_BOOL && (cell->number != 0) == truth
                                        : filter_order(cell, value) == 0;
    if (strcmp(operation, "in") == 0)
        return filter_in(cell, value, false);
    if (strcmp(operation, "not_in") == 0)
        return !filter_in(cell, value, false);
    if (strcmp(operation, "like") == 0)
        return filter_in(cell, value, true);
    if (strcmp(operation, "not_like") == 0)
        return !filter_in(cell, value, true);
    if (strcmp(operation, "or") == 0)
        return depth == 0 && filter_any(cell, value, depth + 1);
    int way = filter_order(cell, value);
    if (way == 2)
        return false;
    return (strcmp(operation, "lt") == 0 && way < 0) || (strcmp(operation, "gt") == 0 && way > 0) ||
           (strcmp(operation, "lte") == 0 && way <= 0) || (strcmp(operation, "gte") == 0 && way >= 0);
}

static bool filter_accepts(const struct call *c, const struct prism_query *q, const struct prism_row *r)
{
    size_t n = 0;
    for (const struct body *b = body_first(q->filter); b; b = body_next(b)) {
        struct prism_cell cell;
        prism_read(c, q->columns[n++], r, &cell);
        for (const struct body *op = body_first(b); op; op = body_next(op))
            if (!body_key(op) || !filter_one(&cell, body_key(op), op, 0))
                return false;
    }
    return true;
}

static bool query_has(const struct call *c, const struct prism_query *q, const struct device *d)
{
    char id[FLEET_TEXT];
    if (d->deleted || !(q->category->platforms & 1U << d->platform))
        return false;
    /* The seed's caller says AppleTV where prism says tvOS. */
    if (q->families && *q->families && !page_in_list(q->families, name_platforms[d->platform].family) &&
        !(c->t->seed_dialect && page_in_list(q->families, name_platforms[d->platform].name)))
        return false;
    return !q->blueprints || !*q->blueprints ||
           page_in_list(q->blueprints, field_text(&c->t->fleet, d, FIELD_BLUEPRINT_ID, id));
}

static unsigned query_rows(const struct call *c, const struct prism_query *q, const struct device *d)
{
    if (!query_has(c, q, d))
        return 0;
    return q->category->rows ? q->category->rows(d) : 1;
}

bool prism_next(const struct call *c, const struct prism_query *q, struct prism_row *r)
{
    const struct fleet *f = &c->t->fleet;
    unsigned i = r->d ? r->i + 1 : 0;
    for (;;) {
        while (i >= r->count) {
            const struct device *d = r->d ? r->d + 1 : f->devices;
            if (d == f->devices + f->count)
                return false;
            *r = (struct prism_row){ .f = f, .d = d, .count = query_rows(c, q, d) };
            i = 0;
        }
        r->i = i;
        if (!q->filter || filter_accepts(c, q, r))
            return true;
        i++;
    }
}

void prism_seek(const struct call *c, const struct prism_query *q, struct prism_row *r,
                const struct device *d, unsigned i)
{
    *r = (struct prism_row){ .f = &c->t->fleet, .d = d, .i = i - 1, .count = query_rows(c, q, d) };
}
