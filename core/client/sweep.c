/* sweep.c - all pages of a list, one in memory at a time.  SPDX-License-Identifier: Apache-2.0
 *
 * Pages are asked by what was received, never by what was asked; `next` links are never followed (their host
 * is often not the API's, api section 1.5). Rows that come twice over a moving page border are handed over
 * once.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "client_inner.h"

#define ROWS_PER_PAGE 300

/* Ids seen, as 64-bit hashes in an open table. */
struct seen_ids {
    uint64_t *slots;
    size_t n, cap;
};

struct sweep {
    struct client *client;
    struct client_call *call;
    const struct kmcp_request *request;
    struct arena page;
    struct seen_ids seen;
    char offset[24], limit[24];
    char *cursor;       /* malloc'd */
    uint64_t last_page; /* hash of the last page, while nothing else tells a server that does not page */
    int64_t received;   /* rows the API sent */
    int64_t pages;      /* in which they came */
    int64_t api_total;  /* as it says, or -1 */
    struct kmcp_coverage *coverage;
};

static uint64_t hash_text(const char *text)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h ? h : 1;
}

/* True if the id is new. Out of memory counts as new: a row twice is better than a row lost. */
static bool add_id(struct seen_ids *s, const char *id)
{
    uint64_t h = hash_text(id);

    if (2 * (s->n + 1) > s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 1024;
        uint64_t *slots = calloc(cap, sizeof *slots);

        if (!slots)
            return true;
        for (size_t i = 0; i < s->cap; i++)
            if (s->slots[i]) {
                size_t at = s->slots[i] % cap;

                while (slots[at])
                    at = (at + 1) % cap;
                slots[at] = s->slots[i];
            }
        free(s->slots);
        s->slots = slots;
        s->cap = cap;
    }
    for (size_t at = h % s->cap;; at = (at + 1) % s->cap) {
        if (s->slots[at] == h)
            return false;
        if (!s->slots[at]) {
            s->slots[at] = h;
            s->n++;
            return true;
        }
    }
}

/* The rows of a page and the object that says how it goes on (NULL for a bare array). */
static const kmcp_json *find_rows(const kmcp_json *body, const kmcp_json **envelope)
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

        if (json_kind(inner) == KMCP_JSON_ARRAY) {
            *envelope = member;
            return inner;
        }
        if (json_kind(member) == KMCP_JSON_ARRAY && !array)
            array = member; /* {"device_id":…,"apps":[…]}: the only list there is */
    }
    return array;
}

/* The request for the next page: the caller's query, plus limit and offset or cursor. */
static struct cache_reply *fetch_page(struct sweep *s)
{
    const struct kmcp_request *base = s->request;
    struct kmcp_param *query = arena_alloc(s->call->arena, (base->n_query + 3) * sizeof *query);
    struct kmcp_request rq = *base;

    if (!query) {
        failure_set(s->call->failure, KMCP_E_NOMEM,
                    "the call needs more memory than [limits] call_bytes allows");
        return NULL;
    }
    if (base->n_query)
        memcpy(query, base->query, base->n_query * sizeof *query);
    rq.query = query;
    if (base->route->paging != KMCP_PAGES_NONE) {
        query[rq.n_query++] = (struct kmcp_param){ "limit", s->limit };
        if (s->cursor)
            query[rq.n_query++] = (struct kmcp_param){ "cursor", s->cursor };
        else if (s->received)
            query[rq.n_query++] = (struct kmcp_param){ "offset", s->offset };
    }
    return client_fetch(s->client, s->call, &rq);
}

/* Keeps of ROWS what is new and meets the conditions. NULL when out of memory. *FRESH: how many were new. */
static kmcp_json *select_rows(struct sweep *s, const kmcp_json *rows, size_t *fresh)
{
    const char *name = s->request->route->row_id;
    kmcp_json *kept = json_array(&s->page);

    *fresh = 0;
    for (const kmcp_json *row = json_first(rows), *next; row && kept; row = next) {
        const char *id = name ? json_str(json_get(row, name)) : NULL;
        bool meets = true;

        next = json_next(row);
        if (id && !add_id(&s->seen, id))
            continue;
        (*fresh)++;
        for (size_t i = 0; meets && i < s->request->n_where; i++)
            meets = mask_where(row, &s->request->where[i]);
        if (meets && !json_move(kept, row))
            return NULL;
    }
    return kept;
}

/* Is there another page after this one? */
static bool goes_on(struct sweep *s, const kmcp_json *envelope, size_t got)
{
    const kmcp_json *next = json_get(envelope, "next"), *cursor = json_get(envelope, "cursor");
    char *before = s->cursor;
    bool same;

    if (s->request->route->paging == KMCP_PAGES_NONE || !got)
        return false;
    if (s->api_total >= 0 && s->received >= s->api_total)
        return false;
    if (s->request->route->paging == KMCP_PAGES_CURSOR && envelope && (cursor || s->cursor)) {
        if (!json_str(cursor) || !*json_str(cursor))
            return false;
        same = before && strcmp(before, json_str(cursor)) == 0;
        s->cursor = strdup(json_str(cursor));
        free(before);
        return s->cursor && !same;
    }
    return !(envelope && next && !json_str(next)); /* "next": null says it plainly */
}

static void read_total(struct sweep *s, const struct cache_reply *reply, const kmcp_json *envelope)
{
    static const char *const names[] = { "count", "total", "total_count" };
    int64_t total = reply->total;

    for (size_t i = 0; envelope && total < 0 && i < sizeof names / sizeof *names; i++)
        if (!json_int(json_get(envelope, names[i]), &total))
            total = -1;
    if (total >= 0)
        s->api_total = total;
    if (!s->coverage->as_of_ms || reply->as_of_ms < s->coverage->as_of_ms)
        s->coverage->as_of_ms = reply->as_of_ms;
}

/* A bare list without a total that comes back unchanged for another offset: the server does not page, this
 * was all. */
static bool same_again(struct sweep *s, const struct cache_reply *reply, const kmcp_json *envelope)
{
    uint64_t before = s->last_page;

    if (envelope || s->api_total >= 0)
        return false;
    s->last_page = hash_text(reply->body);
    return s->received && s->last_page == before;
}

/* How many pages are still to be asked for, at the size of those so far. */
static int64_t calls_left(const struct sweep *s)
{
    int64_t page = s->received / (s->pages ? s->pages : 1);

    return page > 0 && s->api_total > s->received ? (s->api_total - s->received + page - 1) / page : 0;
}

/* One page from fetch to callback. MORE says whether another follows. */
static kmcp_rc one_page(struct sweep *s, kmcp_ctx *ctx, kmcp_page_fn page, void *arg, bool *more, bool *stop)
{
    struct cache_reply *reply = fetch_page(s);
    const kmcp_json *envelope, *rows;
    kmcp_json *body, *kept = NULL;
    char forecast[120] = "";
    size_t got, fresh = 0;
    bool again = false;
    kmcp_rc rc;

    *more = false;
    if (!reply)
        return s->call->failure->rc;
    arena_release(&s->page, s->call->tool == KMCP_REVEAL);
    rc = client_parse(s->call, &s->page, s->request, reply, &body);
    rows = rc == KMCP_OK ? find_rows(body, &envelope) : NULL;
    if (rows) {
        read_total(s, reply, envelope);
        again = same_again(s, reply, envelope);
    }
    cache_reply_drop(s->client->cache, reply);
    if (rc != KMCP_OK)
        return rc;
    for (const kmcp_json *row = json_first(rows); row; row = json_next(row))
        if (json_kind(row) != KMCP_JSON_OBJECT)
            return failure_set(s->call->failure, KMCP_E_UPSTREAM,
                               "the API's answer to %s holds a row that is no object",
                               s->request->route->path);
    if (!rows)
        return failure_set(s->call->failure, KMCP_E_UPSTREAM, "the API's answer to %s holds no list",
                           s->request->route->path);
    if (again)
        return KMCP_OK;
    got = json_len(rows);
    s->received += (int64_t)got;
    s->pages++;
    snprintf(s->offset, sizeof s->offset, "%lld", (long long)s->received);
    *more = goes_on(s, envelope, got);
    kept = select_rows(s, rows, &fresh);
    if (!kept)
        return failure_set(s->call->failure, KMCP_E_NOMEM,
                           "a page needs more memory than [limits] call_bytes allows");
    *more = *more && fresh > 0; /* the same rows again: a server that does not page */
    s->coverage->seen += (int64_t)json_len(kept);
    rc = client_mask(s->call, &s->page, s->request->route, kept);
    if (rc == KMCP_OK && json_len(kept))
        rc = page(ctx, kept, arg);
    *stop = rc == KMCP_SWEEP_STOP;
    if (s->call->progress) {
        if (s->received == (int64_t)got && *more && s->api_total > s->received)
            client_forecast(s->client, calls_left(s), forecast, sizeof forecast);
        s->call->progress(s->call->progress_arg, (double)s->received,
                          s->api_total > 0 ? (double)s->api_total : 0, *forecast ? forecast : NULL);
    }
    return rc == KMCP_SWEEP_STOP ? KMCP_OK : rc;
}

/* A later page failed: what was handed over stands, and the answer says that it is not all. */
static bool partial(struct sweep *s, kmcp_rc rc)
{
    char forecast[120] = "";

    if (s->received == 0 || rc == KMCP_E_CANCELLED || rc == KMCP_E_NOMEM || rc == KMCP_E_BUG)
        return false;
    if (s->call->failure->rc == KMCP_E_RATE && calls_left(s) > 0)
        client_forecast(s->client, calls_left(s), forecast, sizeof forecast);
    s->coverage->reason = arena_format(s->call->arena, "%s%s%s%s", s->call->failure->text,
                                       *forecast ? " (" : "", forecast, *forecast ? ")" : "");
    s->call->failure->rc = KMCP_OK;
    return s->coverage->reason != NULL;
}

kmcp_rc client_sweep(struct client *cl, struct client_call *call, kmcp_ctx *ctx,
                     const struct kmcp_request *rq, kmcp_page_fn page, void *arg,
                     struct kmcp_coverage *coverage)
{
    struct sweep s = { .client = cl, .call = call, .request = rq, .api_total = -1, .coverage = coverage };
    bool more = true, stop = false, fetching = true;
    kmcp_rc rc = KMCP_OK;

    arena_init(&s.page, call->arena->ceiling);
    snprintf(s.limit, sizeof s.limit, "%u", rq->route->limit ? rq->route->limit : (unsigned)ROWS_PER_PAGE);
    coverage->complete = 0;
    coverage->seen = 0;
    while (rc == KMCP_OK && more && !stop) {
        int64_t before = s.received;

        if (s.received >= cl->sweep_rows) {
            coverage->reason = arena_format(call->arena, "stopped after %lld rows ([limits] sweep_rows)",
                                            (long long)s.received);
            break;
        }
        rc = one_page(&s, ctx, page, arg, &more, &stop);
        fetching = s.received == before; /* it failed before its rows were there */
    }
    if (rc != KMCP_OK && fetching && partial(&s, rc))
        rc = KMCP_OK;
    else if (rc == KMCP_OK && !coverage->reason && !stop)
        coverage->complete = 1;
    if (rc == KMCP_OK && coverage->complete && s.api_total >= 0 && (int64_t)s.seen.n < s.api_total &&
        s.seen.n && s.received < s.api_total) {
        coverage->complete = 0;
        coverage->reason = arena_format(call->arena, "the API says there are %lld rows but sent %lld",
                                        (long long)s.api_total, (long long)s.received);
    }
    coverage->total = rq->n_where ? -1 : s.api_total;
    arena_release(&s.page, call->tool == KMCP_REVEAL);
    free(s.seen.slots);
    free(s.cursor);
    return rc;
}
