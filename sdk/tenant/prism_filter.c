/* Which devices a prism request selects: blueprints, families and the JSON filter. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "prism.h"

#include "field.h"
#include "page.h"

#include <string.h>

bool prism_refuse(struct call *c, const char *param, const char *text)
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
        return prism_refuse(c, "filter", "JSON is malformed");
    }
    if (!query_resolve(c, q)) {
        prism_query_free(q);
        return prism_refuse(c, "filter", "unknown column or no operator");
    }
    return true;
}

void prism_query_free(struct prism_query *q)
{
    body_free(q->filter);
    q->filter = NULL;
}

static bool filter_accepts(const struct call *c, const struct prism_query *q, const struct prism_row *r)
{
    size_t n = 0;
    for (const struct body *b = body_first(q->filter); b; b = body_next(b)) {
        struct cell cell;
        prism_read(c, q->columns[n++], r, &cell);
        if (!cell_fits(&cell, b))
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
