/* GET /prism/{category} and /prism/count: rows, ordering and the two ways of paging. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "prism.h"

#include "ids.h"
#include "page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Documented as 300, but every recorded answer without a limit has 25. */
#define PRISM_PAGE 25

static void row_write(struct call *c, const struct prism_category *category, const struct device *d)
{
    struct out *o = &c->out;
    const struct prism_column *column;
    struct prism_cell cell;
    out_open(o, NULL, '{');
    for (size_t i = 0; (column = prism_column(c, category, i)); i++) {
        prism_read(c, column, d, &cell);
        switch (cell.kind) {
        case PRISM_NULL:
            out_null(o, column->name);
            break;
        case PRISM_BOOL:
            out_bool(o, column->name, cell.number != 0);
            break;
        case PRISM_REAL:
            out_real(o, column->name, cell.number);
            break;
        case PRISM_TEXT:
            out_string(o, column->name, cell.text);
            break;
        case PRISM_TAGS:
            out_open(o, column->name, '[');
            for (unsigned k = 0; k < name_tag_count; k++)
                if ((unsigned)cell.number & 1U << k)
                    out_string(o, NULL, name_tags[k]);
            out_close(o, ']');
        }
    }
    out_close(o, '}');
}

struct sorted {
    char *key;
    uint32_t device;
};

static int sorted_compare(const void *a, const void *b)
{
    const struct sorted *x = a;
    const struct sorted *y = b;
    int way = strcmp(x->key, y->key);
    return way ? way : x->device < y->device ? -1 : 1;
}

static char *sorted_key(const struct prism_cell *cell)
{
    char text[32];
    if (cell->kind == PRISM_TEXT)
        return strdup(cell->text);
    snprintf(text, sizeof text, "%020.3f", cell->kind == PRISM_NULL ? 0 : cell->number);
    return strdup(text);
}

/* Fills `rows` with the accepted devices in the order of the column. Returns how many. */
static size_t sorted_rows(struct call *c, const struct prism_query *q, const struct prism_column *column,
                          struct sorted *rows)
{
    const struct fleet *f = &c->t->fleet;
    size_t n = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        struct prism_cell cell;
        if (!prism_accepts(c, q, &f->devices[i]))
            continue;
        prism_read(c, column, &f->devices[i], &cell);
        rows[n].device = i;
        rows[n].key = sorted_key(&cell);
        if (rows[n].key)
            n++;
    }
    qsort(rows, n, sizeof *rows, sorted_compare);
    return n;
}

static void prism_close(struct call *c, struct out *rows, const struct page *page, bool by_cursor,
                        const char *cursor)
{
    struct out *o = &c->out;
    out_open(o, NULL, '{');
    if (by_cursor)
        out_null(o, "offset");
    else
        out_int(o, "offset", page->offset);
    out_int(o, "limit", page->limit);
    if (by_cursor)
        out_null(o, "total");
    else
        out_int(o, "total", page_total(page));
    out_raw(o, "data", rows);
    out_string(o, "cursor", cursor && *cursor ? cursor : NULL);
    out_close(o, '}');
    out_free(rows);
}

static void prism_sorted(struct call *c, const struct prism_query *q, const char *sort_by)
{
    const struct fleet *f = &c->t->fleet;
    bool down = sort_by[0] == '-';
    const struct prism_column *column = NULL, *at;
    for (size_t i = 0; (at = prism_column(c, q->category, i)); i++)
        if (strcmp(at->name, sort_by + down) == 0)
            column = at;
    struct sorted *rows = calloc(f->count + 1, sizeof *rows);
    if (!column || !rows) {
        free(rows);
        call_fail(c, 400, CALL_DETAIL, "Invalid sort_by");
        return;
    }
    size_t n = sorted_rows(c, q, column, rows);
    struct page page = page_start(c, PRISM_PAGE, CALL_PAGE);
    out_open(&c->out, NULL, '[');
    for (size_t i = 0; i < n; i++)
        if (page_takes(&page))
            row_write(c, q->category, &f->devices[rows[down ? n - 1 - i : i].device]);
    out_close(&c->out, ']');
    for (size_t i = 0; i < n; i++)
        free(rows[i].key);
    free(rows);
    struct out written = page_rows(c);
    prism_close(c, &written, &page, false, NULL);
}

/* A cursor is base64 of the last device shown and its place in the fleet. Returns the place to go on from. */
static bool cursor_read(struct call *c, const char *cursor, uint32_t *from)
{
    char text[80];
    uint64_t id[2];
    uint32_t at = 0;
    long n = ids_base64_read(text, sizeof text, cursor);
    char *bar = n > 0 ? strchr(text, '|') : NULL;
    if (bar)
        *bar = '\0';
    const struct fleet *f = &c->t->fleet;
    if (!bar || !ids_parse(text, id) || sscanf(bar + 1, "%" SCNu32, &at) != 1 || at >= f->count ||
        f->devices[at].uuid[0] != id[0]) {
        call_fail(c, 400, CALL_DETAIL, "Invalid cursor");
        return false;
    }
    *from = at + 1;
    if (c->effects & CALL_DUP)
        *from = at;
    return true;
}

static void cursor_write(const struct device *d, char buf[96])
{
    char id[IDS_SIZE], text[64];
    int n = snprintf(text, sizeof text, "%s|%" PRIu32, ids_format(id, d->uuid), d->index);
    ids_base64(buf, text, (size_t)n);
}

static void prism_by_cursor(struct call *c, const struct prism_query *q, uint32_t from)
{
    const struct fleet *f = &c->t->fleet;
    struct page page = { .limit = call_limit(c, PRISM_PAGE, CALL_PAGE) };
    const struct device *last = NULL;
    char cursor[96] = "";
    out_open(&c->out, NULL, '[');
    for (uint32_t i = from; i < f->count; i++) {
        if (!prism_accepts(c, q, &f->devices[i]))
            continue;
        if (!page_takes(&page)) {
            cursor_write(last, cursor);
            break;
        }
        row_write(c, q->category, &f->devices[i]);
        last = &f->devices[i];
    }
    out_close(&c->out, ']');
    struct out rows = page_rows(c);
    prism_close(c, &rows, &page, true, cursor);
}

/* The first page of a request without offset offers both ways of going on; with an offset there is no cursor.
 */
static void prism_by_offset(struct call *c, const struct prism_query *q)
{
    const struct fleet *f = &c->t->fleet;
    struct page page = page_start(c, PRISM_PAGE, CALL_PAGE);
    const struct device *last = NULL;
    char cursor[96] = "";
    out_open(&c->out, NULL, '[');
    for (uint32_t i = 0; i < f->count; i++) {
        if (!prism_accepts(c, q, &f->devices[i]) || !page_takes(&page))
            continue;
        row_write(c, q->category, &f->devices[i]);
        last = &f->devices[i];
    }
    out_close(&c->out, ']');
    if (!call_param(c, "offset") && page_total(&page) > page.limit && last)
        cursor_write(last, cursor);
    struct out rows = page_rows(c);
    prism_close(c, &rows, &page, false, cursor);
}

void prism_list(struct call *c)
{
    struct prism_query q;
    uint32_t from;
    if (!prism_query_read(c, &q, c->args[0]))
        return;
    const char *cursor = call_param(c, "cursor");
    const char *sort_by = call_param(c, "sort_by");
    if (cursor && *cursor && sort_by && *sort_by)
        call_fail(c, 400, CALL_DETAIL, "cursor cannot be used with sort_by");
    else if (sort_by && *sort_by)
        prism_sorted(c, &q, sort_by);
    else if (!cursor || !*cursor)
        prism_by_offset(c, &q);
    else if (cursor_read(c, cursor, &from))
        prism_by_cursor(c, &q, from);
    prism_query_free(&q);
}

void prism_count(struct call *c)
{
    struct prism_query q;
    if (!prism_category(call_param(c, "category"))) {
        call_fail(c, 400, CALL_DETAIL, "Invalid category");
        return;
    }
    if (!prism_query_read(c, &q, call_param(c, "category")))
        return;
    int64_t n = 0;
    for (uint32_t i = 0; i < c->t->fleet.count; i++)
        n += prism_accepts(c, &q, &c->t->fleet.devices[i]);
    prism_query_free(&q);
    out_open(&c->out, NULL, '{');
    out_int(&c->out, "count", n);
    out_bool(&c->out, "approximate", false);
    out_close(&c->out, '}');
}
