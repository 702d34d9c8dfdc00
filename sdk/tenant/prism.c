/* GET /prism/{category} and /prism/count: rows, ordering and the two ways of paging. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "prism.h"

#include "ids.h"
#include "page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Documented as 300, but every recorded answer without a limit has 25. */
#define PRISM_PAGE 25

static void row_write(struct call *c, const struct prism_category *category, const struct prism_row *r)
{
    struct out *o = &c->out;
    const struct prism_column *column;
    struct cell cell;
    out_open(o, NULL, '{');
    for (size_t i = 0; (column = prism_column(c, category, i)); i++) {
        if (column->write) {
            column->write(r, o, column->name);
            continue;
        }
        prism_read(c, column, r, &cell);
        cell_write(o, column->name, &cell);
    }
    out_close(o, '}');
}

struct sorted {
    char *key;
    uint32_t device;
    uint32_t i;
};

struct sorting {
    struct sorted *rows;
    size_t n, cap;
};

static int sorted_compare(const void *a, const void *b)
{
    const struct sorted *x = a;
    const struct sorted *y = b;
    int way = strcmp(x->key, y->key);
    if (way)
        return way;
    return x->device != y->device ? (x->device < y->device ? -1 : 1) : x->i < y->i ? -1 : 1;
}

static bool sorted_add(struct sorting *s, const struct prism_row *r, const struct cell *cell)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 1024;
        struct sorted *more = realloc(s->rows, cap * sizeof *more);
        if (!more)
            return false;
        s->rows = more;
        s->cap = cap;
    }
    s->rows[s->n] = (struct sorted){ cell_key(cell), r->d->index, r->i };
    s->n += s->rows[s->n].key != NULL;
    return true;
}

static void sorted_free(struct sorting *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->rows[i].key);
    free(s->rows);
}

/* The selected rows in the order of the column. */
static void sorted_rows(struct call *c, const struct prism_query *q, const struct prism_column *column,
                        struct sorting *s)
{
    struct prism_row r = { 0 };
    bool room = true;
    while (room && prism_next(c, q, &r)) {
        struct cell cell;
        prism_read(c, column, &r, &cell);
        room = sorted_add(s, &r, &cell);
    }
    if (s->n)
        qsort(s->rows, s->n, sizeof *s->rows, sorted_compare);
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
    const struct prism_column *column = prism_column_named(c, q->category, sort_by + down);
    struct sorting s = { 0 };
    if (!column) {
        call_fail(c, 400, CALL_DETAIL, "Invalid sort_by");
        return;
    }
    sorted_rows(c, q, column, &s);
    struct page page = page_start(c, PRISM_PAGE, CALL_PAGE);
    out_open(&c->out, NULL, '[');
    for (size_t i = 0; i < s.n; i++) {
        const struct sorted *at = &s.rows[down ? s.n - 1 - i : i];
        struct prism_row r = { .f = f, .d = &f->devices[at->device], .i = at->i };
        if (page_takes(&page))
            row_write(c, q->category, &r);
    }
    out_close(&c->out, ']');
    sorted_free(&s);
    struct out written = page_rows(c);
    prism_close(c, &written, &page, false, NULL);
}

/* A cursor is base64 of the last device shown and the number of its last row. The walk goes on after it. */
static bool cursor_read(struct call *c, const struct prism_query *q, const char *cursor, struct prism_row *r)
{
    char text[80];
    unsigned i = 0;
    long n = ids_base64_read(text, sizeof text, cursor);
    char *bar = n > 0 ? strchr(text, '|') : NULL;
    if (bar)
        *bar = '\0';
    const struct device *d = bar && strlen(text) == IDS_SIZE - 1 ? fleet_find(&c->t->fleet, text) : NULL;
    if (!d || sscanf(bar + 1, "%u", &i) != 1 || i > UINT16_MAX) {
        call_fail(c, 400, CALL_DETAIL, "Invalid cursor");
        return false;
    }
    prism_seek(c, q, r, d, c->effects & CALL_DUP ? i : i + 1);
    return true;
}

static void cursor_write(const struct prism_row *r, char buf[96])
{
    char id[IDS_SIZE], text[64];
    int n = snprintf(text, sizeof text, "%s|%u", ids_format(id, r->d->uuid), r->i);
    ids_base64(buf, text, (size_t)n);
}

static void prism_by_cursor(struct call *c, const struct prism_query *q, struct prism_row r)
{
    struct page page = { .limit = call_limit(c, PRISM_PAGE, CALL_PAGE) };
    struct prism_row last = r;
    char cursor[96] = "";
    out_open(&c->out, NULL, '[');
    while (prism_next(c, q, &r)) {
        if (!page_takes(&page)) {
            cursor_write(&last, cursor);
            break;
        }
        row_write(c, q->category, &r);
        last = r;
    }
    out_close(&c->out, ']');
    struct out rows = page_rows(c);
    prism_close(c, &rows, &page, true, cursor);
}

/* The first page of a request without offset offers both ways of going on; with an offset there is no cursor.
 */
static void prism_by_offset(struct call *c, const struct prism_query *q)
{
    struct page page = page_start(c, PRISM_PAGE, CALL_PAGE);
    struct prism_row r = { 0 }, last = { 0 };
    char cursor[96] = "";
    out_open(&c->out, NULL, '[');
    while (prism_next(c, q, &r)) {
        if (!page_takes(&page))
            continue;
        row_write(c, q->category, &r);
        last = r;
    }
    out_close(&c->out, ']');
    if (!call_param(c, "offset") && page_total(&page) > page.limit && last.d)
        cursor_write(&last, cursor);
    struct out rows = page_rows(c);
    prism_close(c, &rows, &page, false, cursor);
}

void prism_list(struct call *c)
{
    struct prism_query q;
    struct prism_row from;
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
    else if (cursor_read(c, &q, cursor, &from))
        prism_by_cursor(c, &q, from);
    prism_query_free(&q);
}

void prism_count(struct call *c)
{
    struct prism_query q;
    struct prism_row r = { 0 };
    if (!prism_category(call_param(c, "category"))) {
        call_fail(c, 400, CALL_DETAIL, "Invalid category");
        return;
    }
    if (!prism_query_read(c, &q, call_param(c, "category")))
        return;
    int64_t n = 0;
    while (prism_next(c, &q, &r))
        n++;
    prism_query_free(&q);
    out_open(&c->out, NULL, '{');
    out_int(&c->out, "count", n);
    out_bool(&c->out, "approximate", false);
    out_close(&c->out, '}');
}
