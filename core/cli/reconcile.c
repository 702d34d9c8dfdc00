/* reconcile.c - our record and the tenant's own are read and matched.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/clock_read.h"
#include "base/uri.h"
#include "client/route.h"
#include "own_routes.h"
#include "policy/audit_files.h"
#include "reconcile.h"

#define PAGES_MAX  400
#define CURSOR_MAX ROUTE_MAX /* a longer one could not be sent */

static void *grow(void *list, size_t n, size_t *cap, size_t each)
{
    void *grown = list;

    if (n == *cap) {
        size_t more = *cap ? 2 * *cap : 256;

        grown = realloc(list, more * each);
        if (grown)
            *cap = more;
    }
    return grown;
}

static const char *get(const kmcp_json *value, const char *key)
{
    const char *text = json_str(json_get(value, key));

    return text ? text : "";
}

/* ---- our record ---- */

static bool add_acts(struct books *b, const kmcp_json *r, int64_t at)
{
    for (const kmcp_json *subject = json_first(json_get(r, "subjects")); subject;
         subject = json_next(subject)) {
        struct act *grown = grow(b->acts, b->n_acts, &b->cap_acts, sizeof *b->acts);

        if (!grown)
            return false;
        b->acts = grown;
        grown = &b->acts[b->n_acts++];
        *grown = (struct act){ .from_ms = at, .to_ms = at };
        snprintf(grown->target, sizeof grown->target, "%s", get(subject, "id"));
        snprintf(grown->tool, sizeof grown->tool, "%s", get(r, "tool"));
        snprintf(grown->id, sizeof grown->id, "%s", get(r, "id"));
    }
    return true;
}

/* What the tenant may know of a record's act. */
enum sent {
    SENT_NOT,     /* nothing */
    SENT_IN_VAIN, /* it failed then: an event, or none */
    SENT,         /* an event */
};

/* The acts of ID end at AT, or are no acts: they were not sent. False: there are none. */
static bool end_acts(struct books *b, const char *id, int64_t at, enum sent sent)
{
    bool found = false;

    for (size_t i = b->n_acts; i-- > 0;)
        if (strcmp(b->acts[i].id, id) == 0) {
            found = true;
            b->acts[i].to_ms = at;
            b->acts[i].failed = sent == SENT_IN_VAIN;
            if (sent != SENT_NOT)
                continue;
            memmove(&b->acts[i], &b->acts[i + 1], (b->n_acts - i - 1) * sizeof *b->acts);
            b->n_acts--;
        }
    return found;
}

/* Could it have been sent? After a crash there is an intent alone, or one that was resolved. */
static enum sent was_sent(const kmcp_json *r)
{
    const char *result = get(r, "result"), *detail = get(r, "detail");

    if (strcmp(get(r, "event"), "resolved") == 0) /* older ones say it in words alone */
        return strcmp(result, "failed") != 0 && strncmp(detail, "kmcp ended before it was sent", 29) != 0 &&
                       strncmp(detail, "it left no trace", 16) != 0
                   ? SENT
                   : SENT_NOT;
    if (strcmp(result, "failed") == 0 || strcmp(result, "cancelled") == 0)
        return *get(r, "request") ? SENT_IN_VAIN : SENT_NOT;
    return *get(r, "request") || strcmp(result, "unknown") == 0 ? SENT : SENT_NOT;
}

/* What kmcp's own commands and files have on record sends nothing that the tenant has an event of. */
static bool is_act(const kmcp_json *r)
{
    return *get(r, "plugin") && strcmp(get(r, "class"), "READ") != 0;
}

static bool take_act(struct books *b, const kmcp_json *r, int64_t since)
{
    const char *event = get(r, "event"), *id = get(r, "id");
    int64_t at = clock_read(get(r, "time"));

    if (strcmp(event, "intent") == 0)
        return at < since || !is_act(r) || add_acts(b, r, at);
    if (strcmp(event, "resolved") == 0) {
        if (was_sent(r) == SENT_NOT)
            end_acts(b, id, at, SENT_NOT);
        return true;
    }
    if (strcmp(event, "outcome") != 0 || !is_act(r))
        return true;
    if (end_acts(b, id, at, was_sent(r)) || at < since || was_sent(r) == SENT_NOT)
        return true;
    if (!add_acts(b, r, at))
        return false;
    end_acts(b, id, at, was_sent(r));
    return true;
}

static bool read_file(struct books *b, const struct audit_files *f, size_t i, int64_t since)
{
    struct audit_lines lines;
    size_t len;
    bool ok = true;

    if (!audit_lines_open(&lines, f, i))
        return true;
    while (ok && (len = audit_lines_next(&lines)) > 0) {
        struct arena a;
        const kmcp_json *r;

        arena_init(&a, 4 << 20);
        r = json_parse(&a, lines.text, len, 0, NULL);
        ok = !r || take_act(b, r, since);
        arena_release(&a, false);
    }
    audit_lines_close(&lines);
    return ok;
}

bool reconcile_acts(struct books *b, const char *path, int64_t since, char *why, size_t why_size)
{
    struct audit_files f;
    bool ok = audit_files_find(&f, path, why, why_size);

    for (size_t i = 0; ok && i < f.n; i++)
        if (!(ok = read_file(b, &f, i, since)))
            snprintf(why, why_size, "out of memory");
    audit_files_free(&f);
    return ok;
}

/* ---- the tenant's ---- */

static bool take_event(struct books *b, const kmcp_json *e)
{
    struct event *grown = grow(b->events, b->n_events, &b->cap_events, sizeof *b->events);

    if (!grown)
        return false;
    b->events = grown;
    grown = &b->events[b->n_events++];
    *grown = (struct event){ .at_ms = clock_read(get(e, "occurred_at")) };
    snprintf(grown->target, sizeof grown->target, "%s", get(e, "target_id"));
    snprintf(grown->actor, sizeof grown->actor, "%s", get(e, "actor_id"));
    snprintf(grown->what, sizeof grown->what, "%s %s%s%s", get(e, "action"), get(e, "target_type"),
             *get(e, "target_component") ? " " : "", get(e, "target_component"));
    return true;
}

/* The rows of one page, and the cursor of its "next" link; "": it ends there. The link itself is never
 * followed (api section 1.5). An answer that is no page says nothing of what the tenant knows. */
static bool take_page(struct books *b, const kmcp_json *body, char cursor[CURSOR_MAX], char *why,
                      size_t why_size)
{
    const kmcp_json *rows = json_get(body, "results"), *next = json_get(body, "next");

    cursor[0] = '\0';
    snprintf(why, why_size, "the tenant's answer is no page of audit events; nothing was compared");
    if (json_kind(rows) != KMCP_JSON_ARRAY)
        return false;
    for (const kmcp_json *e = json_first(rows); e; e = json_next(e)) {
        if (json_kind(e) != KMCP_JSON_OBJECT)
            return false;
        if (!take_event(b, e)) {
            snprintf(why, why_size, "out of memory");
            return false;
        }
    }
    if (!json_str(next) || !*json_str(next))
        return true;
    return uri_query_value(json_str(next), "cursor", cursor, CURSOR_MAX);
}

/* The page at CURSOR, which is then that of the next. */
static bool read_page(struct host *host, struct books *b, const char *since, char cursor[CURSOR_MAX],
                      char *why, size_t why_size)
{
    const struct kmcp_param query[] = { { "cursor", *cursor ? cursor : NULL },
                                        { "limit", "500" },
                                        { "sort_by", "-occurred_at" },
                                        { "start_date", since } };
    const struct kmcp_request request = { .struct_size = sizeof request,
                                          .route = &own_routes[OWN_EVENTS].route,
                                          .query = query,
                                          .n_query = sizeof query / sizeof *query };
    struct kmcp_reply reply = { .struct_size = sizeof reply };
    struct failure failure = { .rc = KMCP_OK };
    struct arena a;
    struct client_call call = {
        .arena = &a, .failure = &failure, .tool = KMCP_READ, .deadline_ms = clock_ms() + host->call_timeout_ms
    };
    bool ok;

    arena_init(&a, host->call_bytes);
    ok = client_http(host->client, &call, &request, &reply) == KMCP_OK;
    if (ok)
        ok = take_page(b, reply.body, cursor, why, why_size);
    else
        snprintf(why, why_size, "%s", failure.text[0] ? failure.text : "out of memory");
    arena_release(&a, false);
    return ok;
}

bool reconcile_events(struct host *host, struct books *b, const char *since, char *why, size_t why_size)
{
    char cursor[CURSOR_MAX] = "";
    bool ok = true;

    for (int page = 0; ok && (page == 0 || *cursor); page++) {
        ok = page < PAGES_MAX && read_page(host, b, since, cursor, why, why_size);
        if (page == PAGES_MAX)
            snprintf(why, why_size, "there are more than %d pages of events; give a later --since",
                     PAGES_MAX);
    }
    return ok;
}

/* ---- side by side ---- */

bool reconcile_is_ours(const struct books *b, const char *actor)
{
    for (size_t i = 0; i < b->n_actors; i++)
        if (strcmp(b->actors[i], actor) == 0)
            return true;
    return false;
}

/* Is E what the tenant says of the act A? */
static bool is_event_of(const struct books *b, const struct event *e, const struct act *a)
{
    return !e->ours && strcmp(e->target, a->target) == 0 && e->at_ms >= a->from_ms - NEAR_MS &&
           e->at_ms <= a->to_ms + NEAR_MS && ((!b->told && !a->failed) || reconcile_is_ours(b, e->actor));
}

/* Those that FAILED after the others, which must have an event each; and they do not say who we are. */
static void match_acts(struct books *b, bool failed)
{
    for (size_t i = 0; i < b->n_acts; i++)
        for (size_t k = 0; b->acts[i].failed == failed && k < b->n_events && !b->acts[i].known; k++) {
            struct event *e = &b->events[k];

            if (!is_event_of(b, e, &b->acts[i]))
                continue;
            e->ours = b->acts[i].known = true;
            if (!reconcile_is_ours(b, e->actor) && b->n_actors < ACTORS)
                snprintf(b->actors[b->n_actors++], 64, "%s", e->actor);
        }
}

void reconcile_match(struct books *b)
{
    match_acts(b, false);
    match_acts(b, true);
}
