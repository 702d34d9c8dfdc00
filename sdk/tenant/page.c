/* Cutting a list into pages, and the envelopes in which the API announces the next page. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include "ids.h"

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

/* Appends the request's own query without the named parameters. */
static void page_copy_query(const struct call *c, const char *const without[2], char *buf, size_t used,
                            size_t size)
{
    size_t path = strcspn(c->target, "?");
    const char *query = c->target[path] ? c->target + path + 1 : "";
    while (*query) {
        size_t word = strcspn(query, "&");
        size_t name = strcspn(query, "=&");
        bool dropped = false;
        for (int i = 0; i < 2; i++)
            dropped |= without[i] && strlen(without[i]) == name && strncmp(query, without[i], name) == 0;
        if (!dropped && word > 0 && used + word + 2 < size) {
            buf[used++] = strchr(buf, '?') ? '&' : '?';
            memcpy(buf + used, query, word);
            used += word;
            buf[used] = '\0';
        }
        query += word + (query[word] == '&');
    }
}

/* The request's own URL on the announced host with another offset. */
static void page_link(const struct call *c, const struct page *p, int64_t offset, char *buf, size_t size)
{
    static const char *const without[2] = { "limit", "offset" };
    size_t path = strcspn(c->target, "?");
    int n = snprintf(buf, size, "%s%.*s?limit=%" PRId64, PAGE_HOST, (int)path, c->target, p->limit);
    if (n < 0 || (size_t)n + 32 >= size) {
        buf[0] = '\0';
        return;
    }
    size_t used = (size_t)n;
    /* The first page's link has no offset, as recorded. */
    if (offset > 0)
        used += (size_t)snprintf(buf + used, size - used, "&offset=%" PRId64, offset);
    page_copy_query(c, without, buf, used, size);
}

void page_url(const struct call *c, const char *host, const char *name, const char *value, char *buf,
              size_t size)
{
    const char *const without[2] = { name, NULL };
    size_t path = strcspn(c->target, "?");
    int n = snprintf(buf, size, "%s%.*s", host, (int)path, c->target);
    if (value && n >= 0 && (size_t)n < size)
        n += snprintf(buf + n, size - (size_t)n, "?%s=%s", name, value);
    if (n < 0 || (size_t)n >= size)
        buf[0] = '\0';
    else
        page_copy_query(c, without, buf, (size_t)n, size);
}

void page_cursor_url(const struct call *c, const char *host, const char *name, const char *position,
                     char *buf, size_t size)
{
    char plain[128], encoded[3 * sizeof plain];
    size_t n = 0;
    ids_base64(plain, position, strlen(position));
    for (const char *s = plain; *s; s++)
        n += (size_t)snprintf(encoded + n, sizeof encoded - n, strchr("+/=", *s) ? "%%%02X" : "%c", *s);
    page_url(c, host, name, encoded, buf, size);
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

bool page_number(struct call *c, int64_t total, int64_t *number)
{
    const char *text = call_param(c, "page");
    int64_t pages = total > CALL_PAGE ? (total + CALL_PAGE - 1) / CALL_PAGE : 1;
    *number = text && strcmp(text, "last") == 0 ? pages : text ? call_number(c, "page", 0) : 1;
    if (*number >= 1 && *number <= pages)
        return true;
    call_fail(c, 404, CALL_DETAIL, "Invalid page.");
    return false;
}

void page_number_write(struct call *c, int64_t total, int64_t number, struct out *rows)
{
    char next[2048] = "", previous[2048] = "", text[24];
    if (number * CALL_PAGE < total) {
        snprintf(text, sizeof text, "%" PRId64, number + 1);
        page_url(c, PAGE_CONSOLE_HOST, "page", text, next, sizeof next);
    }
    /* The first page's link names no page. */
    snprintf(text, sizeof text, "%" PRId64, number - 1);
    if (number > 1)
        page_url(c, PAGE_CONSOLE_HOST, "page", number > 2 ? text : NULL, previous, sizeof previous);
    out_int(&c->out, "count", total);
    out_string(&c->out, "next", next[0] ? next : NULL);
    out_string(&c->out, "previous", previous[0] ? previous : NULL);
    out_raw(&c->out, "results", rows);
    out_free(rows);
}
