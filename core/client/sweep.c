/* sweep.c - all pages of a list, in order, several under way.  SPDX-License-Identifier: Apache-2.0
 *
 * Once the first page has said how many rows there are, the rest is fetched ahead (ahead.c). Offsets are
 * guessed from the rows that came, never from the limit that was asked for, and checked: where a page brings
 * another number of rows than its place promised, the sweep begins anew behind what it has. What a page says
 * of the next one is read in paging.c; which of its rows are handed over, pick.c says: those that come twice
 * over a moving page border are handed over once.
 */

#include <stdlib.h>
#include <string.h>

#include "ahead.h"
#include "base/json.h"
#include "paging.h"
#include "pick.h"
#include "route.h"

struct sweep {
    struct client *client;
    struct client_call *call;
    const struct kmcp_request *request; /* the caller's */
    struct client_pick *pick;           /* NULL: none */
    struct paging paging;
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
    bool quiet; /* how many rows come would tell of a person who may not be seen */
    struct kmcp_coverage *coverage;
};

/* ---- what is asked for ---- */

static bool add_page_size(struct sweep *s)
{
    const struct kmcp_request *base = s->request;
    struct kmcp_param *query = arena_alloc(s->call->arena, (base->n_query + 1) * sizeof *query);
    int64_t rows = s->pick && s->pick->only_total ? 1 : paging_size(base->route);
    const char *size = arena_format(s->call->arena, "%lld", (long long)rows);

    if (!query || !size)
        return false;
    if (base->n_query)
        memcpy(query, base->query, base->n_query * sizeof *query);
    s->paged = *base;
    s->paged.query = query;
    if (s->paging.style->size)
        query[s->paged.n_query++] = (struct kmcp_param){ s->paging.style->size, size };
    return true;
}

/* A seat from which the list is read, beginning at s->paging.next ("": at the beginning). */
static bool sit(struct sweep *s)
{
    struct ahead_list list = { .kind = AHEAD_QUERY,
                               .name = s->paging.style->place,
                               .start = *s->paging.next ? s->paging.next : NULL,
                               .shared = true };

    if (s->seat)
        ahead_leave(s->seat);
    s->place = *s->paging.next && s->paging.style->counts ? strtoll(s->paging.next, NULL, 10)
                                                          : s->paging.style->first;
    s->page = s->stride = 0;
    s->seat = ahead_join(s->client, s->call, &s->paged, &list);
    if (!s->seat)
        failure_set(s->call->failure, KMCP_E_NOMEM, "out of memory");
    return s->seat != NULL;
}

/* ---- one page ---- */

static void say_progress(struct sweep *s, bool more)
{
    char forecast[120] = "";

    if (!s->call->progress || s->quiet)
        return;
    if (s->paging.pages == 1 && more && s->paging.api_total > s->paging.received)
        client_forecast(s->client, paging_calls_left(&s->paging), forecast, sizeof forecast);
    s->call->progress(s->call->progress_arg, (double)s->paging.received,
                      s->paging.api_total > 0 ? (double)s->paging.api_total : 0, *forecast ? forecast : NULL);
}

/* Too much to be kept in the cache, where each page would only push another out? */
static bool is_passing(const struct sweep *s, const struct cache_reply *reply, size_t got)
{
    return got && (double)reply->len / (double)got * (double)s->paging.api_total >
                      0.75 * (double)cache_max_bytes(s->client->cache);
}

/* Says what there is to fetch after the seat's first page, which brought GOT rows. */
static void plan(struct sweep *s, size_t got, bool passing)
{
    int64_t rows = s->paging.api_total - s->paging.base - s->paging.received + (int64_t)got,
            most = s->client->sweep_rows;

    s->stride = (int64_t)got;
    if (!s->paging.style->counts || s->paging.api_total < 0 || s->strays > 1)
        return;
    if (s->pick && s->pick->enough && s->pick->enough < most)
        most = s->pick->enough;
    most -= s->paging.received - (int64_t)got;
    rows = rows < most ? rows : most;
    if (rows > 0)
        ahead_plan(s->seat, s->place, s->paging.style->first ? 1 : s->stride,
                   (size_t)((rows + s->stride - 1) / s->stride), passing);
}

/* After a page of GOT rows: makes sure that the next one taken is the one at s->paging.next. */
static bool step(struct sweep *s, size_t got, bool passing)
{
    if (s->page > 1 && (int64_t)got != s->stride && s->paging.style->counts && !s->paging.style->first)
        s->stray = true;
    if (s->stray) {
        s->stray = false;
        s->strays++;
        return sit(s);
    }
    if (s->page == 1)
        plan(s, got, passing);
    ahead_follow(s->seat, s->paging.next);
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
    rows = paging_rows(body, envelope);
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
    paging_total(&s->paging, reply, *envelope);
    if (!s->coverage->as_of_ms || reply->as_of_ms < s->coverage->as_of_ms)
        s->coverage->as_of_ms = reply->as_of_ms;
    *again = paging_same_again(&s->paging, reply, rows);
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
        s->pick->api_total = s->paging.api_total;
    kept = pick_rows(s->call, &s->memory, s->request, s->pick, &s->seen, rows, &fresh);
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
    const struct paging_style *style = s->paging.style;
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
    s->page++;
    paging_count(&s->paging, got);
    *more = rows && paging_goes_on(&s->paging, envelope, got);
    s->stray = s->stray || s->paging.style != style; /* it is to be gone on with the other way */
    passing = is_passing(s, reply, got);
    cache_reply_drop(s->client->cache, reply);
    if (!rows)
        return again ? KMCP_OK : s->call->failure->rc;
    *fetched = true;
    if (*more && s->paging.pages > 1 && !step(s, got, passing))
        return s->call->failure->rc;
    rc = hand_over(s, ctx, rows, page, arg, more);
    /* whoever has enough with the first page makes nobody fetch a second */
    if (rc == KMCP_OK && *more && s->paging.pages == 1 && !step(s, got, passing))
        return s->call->failure->rc;
    say_progress(s, *more);
    return rc;
}

/* A later page failed: what was handed over stands, and the answer says that it is not all. */
static bool partial(struct sweep *s, kmcp_rc rc)
{
    char forecast[120] = "";

    if (s->paging.received == 0 || rc == KMCP_E_CANCELLED || rc == KMCP_E_NOMEM || rc == KMCP_E_BUG)
        return false;
    if (s->call->failure->rc == KMCP_E_RATE && paging_calls_left(&s->paging) > 0 && !s->quiet)
        client_forecast(s->client, paging_calls_left(&s->paging), forecast, sizeof forecast);
    s->coverage->reason = arena_format(s->call->arena, "%s%s%s%s", s->call->failure->text,
                                       *forecast ? " (" : "", forecast, *forecast ? ")" : "");
    s->call->failure->rc = KMCP_OK;
    return s->coverage->reason != NULL;
}

/* Nothing failed; but are these all rows there were when it began? What came in later may be missing, that is
 * another moment's; what was deleted moves the rest, and one may have slipped through. */
static void doubt_total(struct sweep *s)
{
    int64_t there = (s->seen.n ? s->paging.first_total : s->paging.api_total) - s->paging.base;

    if (s->paging.claims) {
        s->coverage->complete = 0;
        s->coverage->reason = "the API says that there is more, but gives no way to it that brings new rows";
        s->paging.next[0] = '\0';
    }
    if (s->paging.claims ||
        (!s->paging.fell &&
         (s->paging.api_total < 0 || (s->seen.n ? (int64_t)s->seen.n : s->paging.received) >= there)))
        return;
    s->coverage->complete = 0;
    if (s->paging.fell)
        s->coverage->reason = arena_format(
            s->call->arena,
            "%lld rows were deleted while the list was read, so as many others "
            "may be missing; ask again",
            (long long)s->paging.fell);
    else
        s->coverage->reason = arena_format(
            s->call->arena, "the API says there are %lld rows but sent %lld", (long long)s->paging.api_total,
            (long long)(s->paging.base + (s->seen.n ? (int64_t)s->seen.n : s->paging.received)));
    cache_invalidate(s->client->cache, route_tags(s->call->arena, s->request->route->tags, s->request));
}

/* All pages from where the seat is. */
static kmcp_rc all_pages(struct sweep *s, kmcp_ctx *ctx, kmcp_page_fn page, void *arg)
{
    struct kmcp_coverage *coverage = s->coverage;
    bool more = true, fetched = true;
    kmcp_rc rc = KMCP_OK;

    while (rc == KMCP_OK && more && s->paging.received < s->client->sweep_rows)
        rc = one_page(s, ctx, page, arg, &more, &fetched);
    if (rc == KMCP_OK && more)
        coverage->reason = arena_format(s->call->arena, "stopped after %lld rows ([limits] sweep_rows)",
                                        (long long)s->paging.received);
    if (rc != KMCP_OK && rc != KMCP_SWEEP_STOP && (fetched || !partial(s, rc)))
        return rc;
    coverage->complete = rc == KMCP_OK && !coverage->reason;
    if (coverage->complete)
        doubt_total(s);
    if (coverage->reason && s->paging.next[0])
        coverage->next = arena_strdup(s->call->arena, s->paging.next);
    return KMCP_OK;
}

kmcp_rc client_sweep(struct client *cl, struct client_call *call, kmcp_ctx *ctx,
                     const struct kmcp_request *rq, struct client_pick *pick, kmcp_page_fn page, void *arg,
                     struct kmcp_coverage *coverage)
{
    struct sweep s = { .client = cl, .call = call, .request = rq, .pick = pick, .coverage = coverage };
    kmcp_rc rc;

    paging_init(&s.paging, rq);
    s.quiet = pick_seeks_person(call, rq, pick);
    coverage->complete = 0;
    coverage->seen = 0;
    if (rq->from && (rc = paging_begin_at(&s.paging, rq->from, call->failure)) != KMCP_OK)
        return rc;
    if (!pick_fields(call->arena, rq, &s.fields) || !add_page_size(&s))
        return failure_set(call->failure, KMCP_E_NOMEM,
                           "the call needs more memory than [limits] call_bytes allows");
    if (!sit(&s))
        return call->failure->rc;
    arena_init(&s.memory, call->arena->ceiling);
    rc = all_pages(&s, ctx, page, arg);
    coverage->total = rq->n_where || pick ? -1 : s.paging.api_total;
    whole_remember(cl, rq, s.paging.api_total);
    ahead_leave(s.seat);
    arena_release(&s.memory, call->tool == KMCP_REVEAL);
    seen_free(&s.seen);
    return rc;
}
