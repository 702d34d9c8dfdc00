/* paging.c - what a page says of the one after it, and of how many rows there are.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/uri.h"
#include "paging.h"
#include "seen.h"

#define ROWS_PER_PAGE 300
#define EMPTY_PAGES   3 /* so many in a row are passed over where the API says that it goes on */

static const struct paging_style styles[] = {
    [KMCP_PAGES_NONE] = { NULL, NULL, false, 0, NULL },
    [KMCP_PAGES_OFFSET] = { "limit", "offset", true, 0, NULL },
    [KMCP_PAGES_CURSOR] = { "limit", "cursor", false, 0, NULL },
    [KMCP_PAGES_NUMBER] = { NULL, "page", true, 1, NULL },
    [KMCP_PAGES_NEXT] = { "limit", "cursor", false, 0, "cursor" },
    [KMCP_PAGES_SIZE] = { "size", "page", true, 1, NULL },
    [KMCP_PAGES_AFTER] = { "size", "after", false, 0, "after" },
};
/* Lists of the cursor style take an offset too (api section 3). Where rows have an id, so that one that is
 * missing or comes twice is noticed, their pages are fetched side by side. */
static const struct paging_style by_offset = { "limit", "offset", true, 0, NULL };

static const struct paging_style *style_of(const struct kmcp_request *rq)
{
    bool digits = rq->from && !rq->from[strspn(rq->from, "0123456789")];

    if (rq->route->paging == KMCP_PAGES_CURSOR && (rq->from ? digits : rq->route->row_id != NULL))
        return &by_offset;
    return &styles[rq->route->paging];
}

void paging_init(struct paging *p, const struct kmcp_request *rq)
{
    *p = (struct paging){ .request = rq, .style = style_of(rq), .api_total = -1 };
    p->start = p->style->first;
}

const kmcp_json *paging_rows(const kmcp_json *body, const kmcp_json **envelope)
{
    static const char *const names[] = { "results", "data" };
    const kmcp_json *array = NULL;

    *envelope = NULL;
    if (json_kind(body) == KMCP_JSON_ARRAY)
        return body;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_kind(json_get(body, names[i])) == KMCP_JSON_ARRAY) {
            *envelope = body;
            return json_get(body, names[i]);
        }
    for (const kmcp_json *member = json_first(body); member; member = json_next(member)) {
        const kmcp_json *inner = json_get(member, "results");
        const char *key = json_key(member);

        if (key && (strcmp(key, "errors") == 0 || strcmp(key, "error") == 0)) /* no rows, though a list */
            continue;

        if (json_kind(inner) == KMCP_JSON_ARRAY) {
            *envelope = member;
            return inner;
        }
        if (json_kind(member) == KMCP_JSON_ARRAY && !array)
            array = member; /* {"device_id":…,"apps":[…]}: the only list there is */
    }
    return array;
}

int64_t paging_size(const struct kmcp_route *route)
{
    return route->limit ? route->limit : ROWS_PER_PAGE;
}

kmcp_rc paging_begin_at(struct paging *p, const char *from, struct failure *failure)
{
    size_t digits = strspn(from, "0123456789");
    int64_t place = digits && digits < 16 && !from[digits] ? strtoll(from, NULL, 10) : -1;

    if (!p->style->place || strlen(from) >= sizeof p->next || (p->style->counts && place < p->style->first))
        return failure_set(failure, KMCP_E_ARG, "this list cannot begin at \"%s\"; leave that out",
                           text_brief(from, 100));
    snprintf(p->next, sizeof p->next, "%s", from);
    if (p->style->counts) {
        p->start = place;
        p->base = p->style->first ? (place - 1) * paging_size(p->request->route) : place;
    }
    return KMCP_OK;
}

/* The cursor for the page after ENVELOPE's, into p->next. False: there is none, or it is the same again. */
static bool read_cursor(struct paging *p, const kmcp_json *envelope)
{
    const char *text = json_str(json_get(envelope, p->style->inside ? "next" : "cursor"));
    char before[PAGING_CURSOR_MAX];

    memcpy(before, p->next, sizeof before);
    if (!text || !*text)
        return false;
    if (p->style->inside && !uri_query_value(text, p->style->inside, p->next, sizeof p->next))
        return false;
    if (!p->style->inside && strlen(text) >= sizeof p->next)
        return false;
    if (!p->style->inside)
        snprintf(p->next, sizeof p->next, "%s", text);
    return strcmp(before, p->next) != 0;
}

/* The first page shows that the list is to be gone on with the other way: by offset where there is no cursor,
 * as in older shapes; by cursor where nobody says how many rows there are. */
static void change_style(struct paging *p, const kmcp_json *envelope)
{
    bool cursor = json_str(json_get(envelope, "cursor")) != NULL;

    if (p->request->route->paging != KMCP_PAGES_CURSOR || p->pages != 1 || p->request->from ||
        cursor == !p->style->counts || (cursor && p->api_total >= 0))
        return;
    p->style = cursor ? &styles[KMCP_PAGES_CURSOR] : &by_offset;
}

/* Does ENVELOPE say that there is more, whether or not in a way that can be followed? */
static bool says_more(const struct paging *p, const kmcp_json *envelope)
{
    const kmcp_json *next = json_get(envelope, "next");
    const char *text = json_str(next);
    bool flag;

    if (text)
        return *text != '\0';
    if (next && json_kind(next) != KMCP_JSON_NULL && (!json_bool(next, &flag) || flag))
        return true;
    text = json_str(json_get(envelope, "cursor"));
    return p->style == &styles[KMCP_PAGES_CURSOR] && p->api_total < 0 && text && *text;
}

bool paging_goes_on(struct paging *p, const kmcp_json *envelope, size_t got)
{
    const kmcp_json *next = json_get(envelope, "next");

    p->claims = says_more(p, envelope);
    p->empty = got ? 0 : p->empty + 1;
    if (!p->style->place || p->empty > EMPTY_PAGES || (!got && (!p->claims || p->style->counts)))
        return false;
    if (!p->claims && p->api_total >= 0 && p->base + p->received >= p->api_total)
        return false;
    change_style(p, envelope);
    if (!p->style->counts && !read_cursor(p, envelope)) {
        p->claims = p->claims && got; /* where nothing came and nothing moves, it waits for what is to come */
        return false;
    }
    if (!p->style->counts)
        return true;
    snprintf(p->next, sizeof p->next, "%lld",
             (long long)(p->style->first ? p->start + p->pages : p->base + p->received));
    return !(envelope && next && json_kind(next) == KMCP_JSON_NULL); /* it says plainly that this was all */
}

/* More rows came than there are in all: the number is a page's, or none, and the list is read to its end. */
static void believe_rows(struct paging *p)
{
    if (p->api_total < 0 || p->received == 0 || p->base + p->received <= p->api_total)
        return;
    p->liar = true;
    p->api_total = p->first_total = -1;
}

void paging_count(struct paging *p, size_t got)
{
    p->received += (int64_t)got;
    p->pages++;
    believe_rows(p);
}

void paging_total(struct paging *p, const struct cache_reply *reply, const kmcp_json *envelope)
{
    static const char *const names[] = { "count", "total", "total_count" };
    int64_t total = reply->total;

    for (size_t i = 0; envelope && total < 0 && i < sizeof names / sizeof *names; i++)
        if (!json_int(json_get(envelope, names[i]), &total))
            total = -1;
    total = p->liar ? -1 : total;
    if (total >= 0 && total < p->api_total)
        p->fell += p->api_total - total;
    if (total >= 0)
        p->api_total = total;
    if (p->pages == 0)
        p->first_total = total;
}

bool paging_same_again(struct paging *p, const struct cache_reply *reply, const kmcp_json *rows)
{
    uint64_t before = p->last_page;

    if (p->request->route->row_id && p->api_total >= 0)
        return false; /* rows that come twice are noticed one by one */
    p->last_page = seen_hash(reply->body);
    return p->received && p->last_page == before && json_len(rows);
}

int64_t paging_calls_left(const struct paging *p)
{
    int64_t page = p->received / (p->pages ? p->pages : 1), left = p->api_total - p->base - p->received;

    return page > 0 && left > 0 ? (left + page - 1) / page : 0;
}
