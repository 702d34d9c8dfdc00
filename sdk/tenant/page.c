/* Cutting a list into pages, and the envelopes in which the API announces the next page. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct page page_start(const struct call *c, int64_t normal, int64_t most)
{
    struct page p = { .offset = call_number(c, "offset", 0), .limit = call_limit(c, normal, most) };
    p.again = c->effects & CALL_DUP && p.offset > 0;
    return p;
}

bool page_takes(struct page *p)
{
    int64_t place = p->seen++ + p->again;
    return place >= p->offset && place - p->offset < p->limit;
}

int64_t page_total(const struct page *p)
{
    return p->seen + p->again;
}

/* The request's own URL on the announced host with another offset; "" when that page does not exist. */
static void page_link(const struct call *c, const struct page *p, int64_t offset, char *buf, size_t size)
{
    buf[0] = '\0';
    size_t path = strcspn(c->target, "?");
    int n = snprintf(buf, size, "%s%.*s?limit=%" PRId64, PAGE_HOST, (int)path, c->target, p->limit);
    if (n < 0 || (size_t)n >= size) {
        buf[0] = '\0';
        return;
    }
    size_t used = (size_t)n;
    /* The first page's link has no offset, as recorded. */
    if (offset > 0)
        used += (size_t)snprintf(buf + used, size - used, "&offset=%" PRId64, offset);
    const char *query = c->target[path] ? c->target + path + 1 : "";
    while (*query) {
        size_t word = strcspn(query, "&");
        if (strncmp(query, "limit=", 6) != 0 && strncmp(query, "offset=", 7) != 0 && word > 0 &&
            used + word + 2 < size) {
            buf[used++] = '&';
            memcpy(buf + used, query, word);
            used += word;
            buf[used] = '\0';
        }
        query += word + (query[word] == '&');
    }
}

static void page_links(const struct call *c, const struct page *p, char *next, char *previous, size_t size)
{
    next[0] = previous[0] = '\0';
    if (page_total(p) - p->offset > p->limit)
        page_link(c, p, p->offset + p->limit, next, size);
    if (p->offset > 0)
        page_link(c, p, p->offset > p->limit ? p->offset - p->limit : 0, previous, size);
}

void page_array_headers(struct call *c, const struct page *p)
{
    char next[2048], previous[2048];
    page_links(c, p, next, previous, sizeof next);
    int64_t total = page_total(p);
    call_header(c, "X-Total-Count", "%" PRId64, total);
    call_header(c, "X-Total-Pages", "%" PRId64, (total + p->limit - 1) / p->limit);
    call_header(c, "Link", "<%s>; rel=\"next\", <%s>; rel=\"prev\"", next[0] ? next : "None",
                previous[0] ? previous : "None");
}

struct out page_rows(struct call *c)
{
    struct out rows = c->out;
    c->out = (struct out){ .drop = rows.drop };
    return rows;
}

void page_write(struct call *c, const struct page *p, struct out *rows)
{
    char next[2048], previous[2048];
    page_links(c, p, next, previous, sizeof next);
    out_int(&c->out, "count", page_total(p));
    out_string(&c->out, "next", next[0] ? next : NULL);
    out_string(&c->out, "previous", previous[0] ? previous : NULL);
    out_raw(&c->out, "results", rows);
    out_free(rows);
}
