/* sweep.c - all pages of a list, in order, several under way.  SPDX-License-Identifier: Apache-2.0
 *
 * Once the first page has said how many rows there are, the rest is fetched ahead (ahead.c). Offsets are
 * guessed from the rows that came, never from the limit that was asked for, and checked: where a page brings
 * another number of rows than its place promised, the sweep begins anew behind what it has. `next` links are
 * read for their cursor and never followed (their host is often not the API's, api section 1.5). Rows that
 * come twice over a moving page border are handed over once.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ahead.h"
#include "base/clock.h"
#include "base/json_path.h"
#include "base/text.h"
#include "base/uri.h"
#include "route.h"
#include "seen.h"

#define ROWS_PER_PAGE 300
#define CURSOR_MAX    1024
#define EMPTY_PAGES   3 /* so many in a row are passed over where the API says that it goes on */

/* How each style names things. COUNTS: a page is known by its number or offset, so that all can be asked for
 * once the total is known; else by what the page before says. */
static const struct style {
    const char *size, *place;
    bool counts;
    int64_t first;      /* the first page's place */
    const char *inside; /* the cursor is this parameter of `next`; NULL: the member "cursor" */
} styles[] = {
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
static const struct style by_offset = { "limit", "offset", true, 0, NULL };

static const struct style *style_of(const struct kmcp_request *rq)
{
    bool digits = rq->from && !rq->from[strspn(rq->from, "0123456789")];

    if (rq->route->paging == KMCP_PAGES_CURSOR && (rq->from ? digits : rq->route->row_id != NULL))
        return &by_offset;
    return &styles[rq->route->paging];
}

struct sweep {
    struct client *client;
    struct client_call *call;
    const struct kmcp_request *request; /* the caller's */
    struct client_pick *pick;           /* NULL: none */
    const struct style *style;
    struct kmcp_request paged; /* with the page size */
    const char *fields;        /* to parse; NULL: all */
    struct ahead_seat *seat;
    int64_t place;   /* of the seat's first page */
    int64_t page;    /* pages taken from the seat */
    int64_t stride;  /* rows that the seat's first page brought */
    bool stray;      /* what is fetched ahead is not what is wanted: sit anew */
    unsigned strays; /* how often that was so */
    struct arena memory;
    struct seen_ids seen;
    char next[CURSOR_MAX]; /* the place of the next page */
    uint64_t last_page;    /* hash of the last page, while nothing else tells a server that does not page */
    int64_t base;          /* rows before the place where the sweep began */
    int64_t received;      /* rows the API sent */
    int64_t pages;         /* in which they came */
    int64_t first_total;   /* what the API said there was at first, or -1 */
    int64_t api_total;     /* and at last */
    int64_t fell;          /* by how much that ever became less */
    bool liar;             /* it sent more rows than it says there are: what it says is nothing */
    bool claims;           /* the last page says that there is more */
    bool quiet;            /* how many rows come would tell of a person who may not be seen */
    int empty;             /* pages without a row, one after the other */
    struct kmcp_coverage *coverage;
};

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

/* ---- what is asked for ---- */

/* The caller's fields, and those that the host itself looks at. */
static bool choose_fields(struct sweep *s)
{
    const struct kmcp_request *rq = s->request;

    s->fields = rq->fields;
    if (!s->fields)
        return true;
    if (rq->route->row_id)
        s->fields = json_path_members(s->call->arena, s->fields, rq->route->row_id);
    for (size_t i = 0; s->fields && i < rq->n_where; i++)
        if (rq->where[i].value)
            s->fields = json_path_members(s->call->arena, s->fields, rq->where[i].field);
    return s->fields != NULL;
}

static int64_t page_size(const struct kmcp_route *route)
{
    return route->limit ? route->limit : ROWS_PER_PAGE;
}

static bool add_page_size(struct sweep *s)
{
    const struct kmcp_request *base = s->request;
    struct kmcp_param *query = arena_alloc(s->call->arena, (base->n_query + 1) * sizeof *query);
    int64_t rows = s->pick && s->pick->only_total ? 1 : page_size(base->route);
    const char *size = arena_format(s->call->arena, "%lld", (long long)rows);

    if (!query || !size)
        return false;
    if (base->n_query)
        memcpy(query, base->query, base->n_query * sizeof *query);
    s->paged = *base;
    s->paged.query = query;
    if (s->style->size)
        query[s->paged.n_query++] = (struct kmcp_param){ s->style->size, size };
    return true;
}

/* A seat from which the list is read, beginning at s->next ("": at the beginning). */
static bool sit(struct sweep *s)
{
    struct ahead_list list = {
        .kind = AHEAD_QUERY, .name = s->style->place, .start = *s->next ? s->next : NULL, .shared = true
    };

    if (s->seat)
        ahead_leave(s->seat);
    s->place = *s->next && s->style->counts ? strtoll(s->next, NULL, 10) : s->style->first;
    s->page = s->stride = 0;
    s->seat = ahead_join(s->client, s->call, &s->paged, &list);
    if (!s->seat)
        failure_set(s->call->failure, KMCP_E_NOMEM, "out of memory");
    return s->seat != NULL;
}

/* Where the caller wants to begin: at what an earlier coverage's next said. */
static kmcp_rc begin_at(struct sweep *s, const char *from)
{
    size_t digits = strspn(from, "0123456789");
    int64_t place = digits && digits < 16 && !from[digits] ? strtoll(from, NULL, 10) : -1;

    if (!s->style->place || strlen(from) >= sizeof s->next || (s->style->counts && place < s->style->first))
        return failure_set(s->call->failure, KMCP_E_ARG, "this list cannot begin at \"%s\"; leave that out",
                           text_brief(from, 100));
    snprintf(s->next, sizeof s->next, "%s", from);
    if (s->style->counts)
        s->base = s->style->first ? (place - 1) * page_size(s->request->route) : place;
    return KMCP_OK;
}

/* ---- one page ---- */

/* Keeps of ROWS what is new and meets the conditions. NULL when out of memory. *FRESH: how many were new. */
static kmcp_json *select_rows(struct sweep *s, const kmcp_json *rows, size_t *fresh)
{
    const char *name = s->request->route->row_id;
    kmcp_json *kept = json_array(&s->memory);

    *fresh = 0;
    for (const kmcp_json *row = json_first(rows), *next; row && kept; row = next) {
        const char *id = name ? json_str(json_get(row, name)) : NULL;
        bool meets = true;

        next = json_next(row);
        if (id && !seen_add(&s->seen, id))
            continue;
        (*fresh)++;
        for (size_t i = 0; meets && i < s->request->n_where; i++)
            meets = mask_where(row, &s->request->where[i], s->call->redact ? s->request->route->pii : NULL);
        if (meets && s->pick && s->pick->accepts)
            meets = s->pick->accepts(s->pick->arg, row);
        if (!meets && s->pick)
            s->pick->refused++;
        if (meets && !json_move(kept, row))
            return NULL;
    }
    return kept;
}

/* The cursor for the page after ENVELOPE's, into s->next. False: there is none, or it is the same again. */
static bool read_cursor(struct sweep *s, const kmcp_json *envelope)
{
    const char *text = json_str(json_get(envelope, s->style->inside ? "next" : "cursor"));
    char before[CURSOR_MAX];

    memcpy(before, s->next, sizeof before);
    if (!text || !*text)
        return false;
    if (s->style->inside && !uri_query_value(text, s->style->inside, s->next, sizeof s->next))
        return false;
    if (!s->style->inside && strlen(text) >= sizeof s->next)
        return false;
    if (!s->style->inside)
        snprintf(s->next, sizeof s->next, "%s", text);
    return strcmp(before, s->next) != 0;
}

/* The first page shows that the list is to be gone on with the other way: by offset where there is no cursor,
 * as in older shapes; by cursor where nobody says how many rows there are. */
static void change_style(struct sweep *s, const kmcp_json *envelope)
{
    bool cursor = json_str(json_get(envelope, "cursor")) != NULL;

    if (s->request->route->paging != KMCP_PAGES_CURSOR || s->pages != 1 || s->request->from ||
        cursor == !s->style->counts || (cursor && s->api_total >= 0))
        return;
    s->style = cursor ? &styles[KMCP_PAGES_CURSOR] : &by_offset;
    s->stray = true;
}

/* Does ENVELOPE say that there is more, whether or not in a way that can be followed? */
static bool says_more(const struct sweep *s, const kmcp_json *envelope)
{
    const kmcp_json *next = json_get(envelope, "next");
    const char *text = json_str(next);
    bool flag;

    if (text)
        return *text != '\0';
    if (next && json_kind(next) != KMCP_JSON_NULL && (!json_bool(next, &flag) || flag))
        return true;
    text = json_str(json_get(envelope, "cursor"));
    return s->style == &styles[KMCP_PAGES_CURSOR] && s->api_total < 0 && text && *text;
}

/* Is there another page after this one? Then s->next is its place. */
static bool goes_on(struct sweep *s, const kmcp_json *envelope, size_t got)
{
    const kmcp_json *next = json_get(envelope, "next");

    s->claims = says_more(s, envelope);
    s->empty = got ? 0 : s->empty + 1;
    if (!s->style->place || s->empty > EMPTY_PAGES || (!got && (!s->claims || s->style->counts)))
        return false;
    if (!s->claims && s->api_total >= 0 && s->base + s->received >= s->api_total)
        return false;
    change_style(s, envelope);
    if (!s->style->counts && !read_cursor(s, envelope)) {
        s->claims = s->claims && got; /* where nothing came and nothing moves, it waits for what is to come */
        return false;
    }
    if (!s->style->counts)
        return true;
    snprintf(s->next, sizeof s->next, "%lld",
             (long long)(s->style->first ? s->place + s->page : s->base + s->received));
    return !(envelope && next && json_kind(next) == KMCP_JSON_NULL); /* it says plainly that this was all */
}

/* More rows came than there are in all: the number is a page's, or none, and the list is read to its end. */
static void believe_rows(struct sweep *s)
{
    if (s->api_total < 0 || s->received == 0 || s->base + s->received <= s->api_total)
        return;
    s->liar = true;
    s->api_total = s->first_total = -1;
}

static void read_total(struct sweep *s, const struct cache_reply *reply, const kmcp_json *envelope)
{
    static const char *const names[] = { "count", "total", "total_count" };
    int64_t total = reply->total;

    for (size_t i = 0; envelope && total < 0 && i < sizeof names / sizeof *names; i++)
        if (!json_int(json_get(envelope, names[i]), &total))
            total = -1;
    total = s->liar ? -1 : total;
    if (total >= 0 && total < s->api_total)
        s->fell += s->api_total - total;
    if (total >= 0)
        s->api_total = total;
    if (s->pages == 0)
        s->first_total = total;
    if (!s->coverage->as_of_ms || reply->as_of_ms < s->coverage->as_of_ms)
        s->coverage->as_of_ms = reply->as_of_ms;
}

/* A page that comes back unchanged for another place: the server does not page, this was all it has. */
static bool same_again(struct sweep *s, const struct cache_reply *reply, const kmcp_json *rows)
{
    uint64_t before = s->last_page;

    if (s->request->route->row_id && s->api_total >= 0)
        return false; /* rows that come twice are noticed one by one */
    s->last_page = seen_hash(reply->body);
    return s->received && s->last_page == before && json_len(rows);
}

/* How many pages are still to be asked for, at the size of those so far. */
static int64_t calls_left(const struct sweep *s)
{
    int64_t page = s->received / (s->pages ? s->pages : 1), left = s->api_total - s->base - s->received;

    return page > 0 && left > 0 ? (left + page - 1) / page : 0;
}

static void say_progress(struct sweep *s, bool more)
{
    char forecast[120] = "";

    if (!s->call->progress || s->quiet)
        return;
    if (s->pages == 1 && more && s->api_total > s->received)
        client_forecast(s->client, calls_left(s), forecast, sizeof forecast);
    s->call->progress(s->call->progress_arg, (double)s->received, s->api_total > 0 ? (double)s->api_total : 0,
                      *forecast ? forecast : NULL);
}

/* Too much to be kept in the cache, where each page would only push another out? */
static bool is_passing(const struct sweep *s, const struct cache_reply *reply, size_t got)
{
    return got && (double)reply->len / (double)got * (double)s->api_total >
                      0.75 * (double)cache_max_bytes(s->client->cache);
}

/* Says what there is to fetch after the seat's first page, which brought GOT rows. */
static void plan(struct sweep *s, size_t got, bool passing)
{
    int64_t rows = s->api_total - s->base - s->received + (int64_t)got, most = s->client->sweep_rows;

    s->stride = (int64_t)got;
    if (!s->style->counts || s->api_total < 0 || s->strays > 1)
        return;
    if (s->pick && s->pick->enough && s->pick->enough < most)
        most = s->pick->enough;
    most -= s->received - (int64_t)got;
    rows = rows < most ? rows : most;
    if (rows > 0)
        ahead_plan(s->seat, s->place, s->style->first ? 1 : s->stride,
                   (size_t)((rows + s->stride - 1) / s->stride), passing);
}

/* After a page of GOT rows: makes sure that the next one taken is the one at s->next. */
static bool step(struct sweep *s, size_t got, bool passing)
{
    if (s->page > 1 && (int64_t)got != s->stride && s->style->counts && !s->style->first)
        s->stray = true;
    if (s->stray) {
        s->stray = false;
        s->strays++;
        return sit(s);
    }
    if (s->page == 1)
        plan(s, got, passing);
    ahead_follow(s->seat, s->next);
    return true;
}

/* What a page says, before anybody looks at its rows. NULL with the failure set, or (AGAIN) when it is the
 * page before once more. */
static const kmcp_json *read_page(struct sweep *s, const struct cache_reply *reply,
                                  const kmcp_json **envelope, bool *again)
{
    const char *path = s->request->route->path;
    const kmcp_json *rows;
    kmcp_json *body;

    if (reply->status == 206) { /* nobody asked for a part */
        failure_set(s->call->failure, KMCP_E_UPSTREAM, "the API's answer to %s is only a part of one", path);
        return NULL;
    }
    if (client_parse(s->call, &s->memory, s->request, reply, s->fields, false, &body) != KMCP_OK)
        return NULL;
    rows = find_rows(body, envelope);
    if (!rows) {
        failure_set(s->call->failure, KMCP_E_UPSTREAM, "the API's answer to %s holds no list", path);
        return NULL;
    }
    for (const kmcp_json *row = json_first(rows); row; row = json_next(row))
        if (json_kind(row) != KMCP_JSON_OBJECT) {
            failure_set(s->call->failure, KMCP_E_UPSTREAM,
                        "the API's answer to %s holds a row that is no object", path);
            return NULL;
        }
    read_total(s, reply, *envelope);
    *again = same_again(s, reply, rows);
    return *again ? NULL : rows;
}

/* Hands the rows of a page over. *MORE turns false when it has some and none of them is new. */
static kmcp_rc hand_over(struct sweep *s, kmcp_ctx *ctx, const kmcp_json *rows, kmcp_page_fn page, void *arg,
                         bool *more)
{
    size_t fresh = 0;
    kmcp_json *kept;
    kmcp_rc rc;

    if (s->pick)
        s->pick->api_total = s->api_total;
    kept = select_rows(s, rows, &fresh);
    if (!kept)
        return failure_set(s->call->failure, KMCP_E_NOMEM,
                           "a page needs more memory than [limits] call_bytes allows");
    *more = *more && (fresh > 0 || !json_len(rows)); /* the same rows again: a server that does not page */
    s->coverage->seen += (int64_t)json_len(kept);
    rc = client_mask(s->call, &s->memory, s->request->route, kept);
    return rc == KMCP_OK && json_len(kept) ? page(ctx, kept, arg) : rc;
}

/* One page from the seat to the callback. MORE: another follows. FETCHED: its rows were there. */
static kmcp_rc one_page(struct sweep *s, kmcp_ctx *ctx, kmcp_page_fn page, void *arg, bool *more,
                        bool *fetched)
{
    struct cache_reply *reply = ahead_next(s->seat);
    const kmcp_json *envelope = NULL, *rows;
    bool again = false, passing;
    size_t got;
    kmcp_rc rc;

    *more = *fetched = false;
    if (!reply)
        return s->call->failure->rc;
    arena_release(&s->memory, s->call->tool == KMCP_REVEAL);
    rows = read_page(s, reply, &envelope, &again);
    got = json_len(rows);
    s->received += (int64_t)got;
    s->page++;
    s->pages++;
    believe_rows(s);
    *more = rows && goes_on(s, envelope, got);
    passing = is_passing(s, reply, got);
    cache_reply_drop(s->client->cache, reply);
    if (!rows)
        return again ? KMCP_OK : s->call->failure->rc;
    *fetched = true;
    if (*more && s->pages > 1 && !step(s, got, passing))
        return s->call->failure->rc;
    rc = hand_over(s, ctx, rows, page, arg, more);
    /* whoever has enough with the first page makes nobody fetch a second */
    if (rc == KMCP_OK && *more && s->pages == 1 && !step(s, got, passing))
        return s->call->failure->rc;
    say_progress(s, *more);
    return rc;
}

/* A later page failed: what was handed over stands, and the answer says that it is not all. */
static bool partial(struct sweep *s, kmcp_rc rc)
{
    char forecast[120] = "";

    if (s->received == 0 || rc == KMCP_E_CANCELLED || rc == KMCP_E_NOMEM || rc == KMCP_E_BUG)
        return false;
    if (s->call->failure->rc == KMCP_E_RATE && calls_left(s) > 0 && !s->quiet)
        client_forecast(s->client, calls_left(s), forecast, sizeof forecast);
    s->coverage->reason = arena_format(s->call->arena, "%s%s%s%s", s->call->failure->text,
                                       *forecast ? " (" : "", forecast, *forecast ? ")" : "");
    s->call->failure->rc = KMCP_OK;
    return s->coverage->reason != NULL;
}

/* Nothing failed; but are these all rows there were when it began? What came in later may be missing, that is
 * another moment's; what was deleted moves the rest, and one may have slipped through. */
static void doubt_total(struct sweep *s)
{
    int64_t there = (s->seen.n ? s->first_total : s->api_total) - s->base;

    if (s->claims) {
        s->coverage->complete = 0;
        s->coverage->reason = "the API says that there is more, but gives no way to it that brings new rows";
        s->next[0] = '\0';
    }
    if (s->claims ||
        (!s->fell && (s->api_total < 0 || (s->seen.n ? (int64_t)s->seen.n : s->received) >= there)))
        return;
    s->coverage->complete = 0;
    if (s->fell)
        s->coverage->reason = arena_format(
            s->call->arena,
            "%lld rows were deleted while the list was read, so as many others "
            "may be missing; ask again",
            (long long)s->fell);
    else
        s->coverage->reason = arena_format(
            s->call->arena, "the API says there are %lld rows but sent %lld", (long long)s->api_total,
            (long long)(s->base + (s->seen.n ? (int64_t)s->seen.n : s->received)));
    cache_invalidate(s->client->cache, route_tags(s->call->arena, s->request->route->tags, s->request));
}

/* All pages from where the seat is. */
static kmcp_rc all_pages(struct sweep *s, kmcp_ctx *ctx, kmcp_page_fn page, void *arg)
{
    struct kmcp_coverage *coverage = s->coverage;
    bool more = true, fetched = true;
    kmcp_rc rc = KMCP_OK;

    while (rc == KMCP_OK && more && s->received < s->client->sweep_rows)
        rc = one_page(s, ctx, page, arg, &more, &fetched);
    if (rc == KMCP_OK && more)
        coverage->reason = arena_format(s->call->arena, "stopped after %lld rows ([limits] sweep_rows)",
                                        (long long)s->received);
    if (rc != KMCP_OK && rc != KMCP_SWEEP_STOP && (fetched || !partial(s, rc)))
        return rc;
    coverage->complete = rc == KMCP_OK && !coverage->reason;
    if (coverage->complete)
        doubt_total(s);
    if (coverage->reason && s->next[0])
        coverage->next = arena_strdup(s->call->arena, s->next);
    return KMCP_OK;
}

/* Does the API look for a part of what the caller may not see, where the host asks for the whole? */
static bool seeks_person(const struct sweep *s)
{
    const struct kmcp_request *rq = s->request;
    bool seeks = s->pick && s->pick->persons;

    for (size_t i = 0; i < rq->n_where && !seeks; i++)
        seeks = rq->where[i].value && json_path_is_under(rq->route->pii, rq->where[i].field);
    return seeks && s->call->redact;
}

kmcp_rc client_sweep(struct client *cl, struct client_call *call, kmcp_ctx *ctx,
                     const struct kmcp_request *rq, struct client_pick *pick, kmcp_page_fn page, void *arg,
                     struct kmcp_coverage *coverage)
{
    struct sweep s = { .client = cl,
                       .call = call,
                       .request = rq,
                       .pick = pick,
                       .style = style_of(rq),
                       .api_total = -1,
                       .coverage = coverage };
    kmcp_rc rc;

    s.quiet = seeks_person(&s);
    coverage->complete = 0;
    coverage->seen = 0;
    if (rq->from && (rc = begin_at(&s, rq->from)) != KMCP_OK)
        return rc;
    if (!choose_fields(&s) || !add_page_size(&s))
        return failure_set(call->failure, KMCP_E_NOMEM,
                           "the call needs more memory than [limits] call_bytes allows");
    if (!sit(&s))
        return call->failure->rc;
    arena_init(&s.memory, call->arena->ceiling);
    rc = all_pages(&s, ctx, page, arg);
    coverage->total = rq->n_where || pick ? -1 : s.api_total;
    ahead_leave(s.seat);
    arena_release(&s.memory, call->tool == KMCP_REVEAL);
    seen_free(&s.seen);
    return rc;
}
