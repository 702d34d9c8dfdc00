/* command_reconcile.c - `kmcp audit reconcile`: our record beside the tenant's own.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tenant's audit events name an actor, not a token (api section 2.8). Ours is the actor of the events
 * that match acts on our record: same target, no more than two minutes apart.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/clock_read.h"
#include "base/uri.h"
#include "cli.h"
#include "client/route.h"
#include "own_routes.h"

#define NEAR_MS    INT64_C(120000)
#define PAGES_MAX  400
#define CURSOR_MAX ROUTE_MAX /* a longer one could not be sent */
#define ACTORS     16        /* of ours; and so many others are named as candidates */

/* One for each subject of an act that was sent, or may have been. */
struct act {
    int64_t from_ms, to_ms; /* its intent, its outcome */
    char target[64], tool[72], id[40];
    bool known;
};

struct event {
    int64_t at_ms;
    char target[64], actor[64], what[96];
    bool ours;
};

struct books {
    struct act *acts;
    size_t n_acts, cap_acts;
    struct event *events;
    size_t n_events, cap_events;
    char actors[ACTORS][64]; /* ours */
    size_t n_actors;
    bool told;        /* by --actor: nothing else is ours */
    int64_t since_ms; /* what is told of; read is from NEAR_MS before, for the two clocks differ */
};

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

/* The acts of ID end at AT, or are no acts: they were not SENT. False: there are none. */
static bool end_acts(struct books *b, const char *id, int64_t at, bool sent)
{
    bool found = false;

    for (size_t i = b->n_acts; i-- > 0;)
        if (strcmp(b->acts[i].id, id) == 0) {
            found = true;
            b->acts[i].to_ms = at;
            if (sent)
                continue;
            memmove(&b->acts[i], &b->acts[i + 1], (b->n_acts - i - 1) * sizeof *b->acts);
            b->n_acts--;
        }
    return found;
}

/* Could it have been sent? After a crash there is an intent alone, or one that was resolved. */
static bool was_sent(const kmcp_json *r)
{
    const char *result = get(r, "result"), *detail = get(r, "detail");

    if (strcmp(get(r, "event"), "resolved") == 0) /* older ones say it in words alone */
        return strcmp(result, "failed") != 0 && strncmp(detail, "kmcp ended before it was sent", 29) != 0 &&
               strncmp(detail, "it left no trace", 16) != 0;
    return strcmp(result, "failed") != 0 && (*get(r, "request") || strcmp(result, "unknown") == 0);
}

static bool take_act(struct books *b, const kmcp_json *r, int64_t since)
{
    const char *event = get(r, "event");
    int64_t at = clock_read(get(r, "time"));

    if (strcmp(event, "intent") == 0)
        return at < since || add_acts(b, r, at);
    if (strcmp(event, "resolved") == 0) {
        if (!was_sent(r))
            end_acts(b, get(r, "id"), at, false);
        return true;
    }
    if (strcmp(event, "outcome") != 0)
        return true;
    return end_acts(b, get(r, "id"), at, was_sent(r)) || at < since || !was_sent(r) || add_acts(b, r, at);
}

static bool read_acts(struct books *b, const char *const *files, size_t n, int64_t since)
{
    for (size_t i = 0; i < n; i++) {
        FILE *in = files[i] ? fopen(files[i], "r") : NULL;
        char *line = NULL;
        size_t cap = 0;
        ssize_t len;
        bool ok = true;

        while (in && ok && (len = getline(&line, &cap, in)) > 0) {
            struct arena a;
            const kmcp_json *r;

            arena_init(&a, 4 << 20);
            r = json_parse(&a, line, (size_t)len, 0, NULL);
            ok = !r || take_act(b, r, since);
            arena_release(&a, false);
        }
        free(line);
        if (in)
            fclose(in);
        if (!ok)
            return false;
    }
    return true;
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

static bool read_events(struct host *host, struct books *b, const char *since, char *why, size_t why_size)
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

static bool is_ours(const struct books *b, const char *actor)
{
    for (size_t i = 0; i < b->n_actors; i++)
        if (strcmp(b->actors[i], actor) == 0)
            return true;
    return false;
}

static void match(struct books *b)
{
    for (size_t i = 0; i < b->n_acts; i++)
        for (size_t k = 0; k < b->n_events && !b->acts[i].known; k++) {
            struct event *e = &b->events[k];

            if (e->ours || strcmp(e->target, b->acts[i].target) != 0 ||
                e->at_ms < b->acts[i].from_ms - NEAR_MS || e->at_ms > b->acts[i].to_ms + NEAR_MS ||
                (b->told && !is_ours(b, e->actor)))
                continue;
            e->ours = b->acts[i].known = true;
            if (!is_ours(b, e->actor) && b->n_actors < ACTORS)
                snprintf(b->actors[b->n_actors++], 64, "%s", e->actor);
        }
}

/* One finding: a line for people, or a JSON object. What the tenant says is text, and never more. */
struct member {
    const char *key, *value, *lead; /* LEAD comes before it for people */
};

static void tell(bool json, const char *found, int64_t at, const struct member *members, size_t n,
                 const char *sentence)
{
    struct buf line, clean;
    char when[32];

    buf_init(&line, 8192);
    buf_printf(&line, json ? "{\"found\":\"%s\",\"time\":\"%s\"" : "%.0s%s  ", found,
               clock_iso(at, when, sizeof when));
    for (size_t i = 0; i < n; i++) {
        buf_init(&clean, 1024);
        text_line(&clean, members[i].value, 200, false);
        if (json) {
            buf_printf(&line, ",\"%s\":", members[i].key);
            json_quote(&line, clean.data ? clean.data : "");
        } else {
            buf_printf(&line, "%s%s", members[i].lead, clean.data ? clean.data : "");
        }
        buf_free(&clean);
    }
    printf("%s%s\n", line.data ? line.data : "", json ? "}" : sentence);
    buf_free(&line);
}

/* The actors in B, as they may be shown. */
static void list_actors(struct buf *out, const struct books *b)
{
    for (size_t i = 0; i < b->n_actors; i++) {
        buf_puts(out, i ? ", " : "");
        text_line(out, b->actors[i], 64, false);
    }
}

/* Without our actor nothing can be said: whoever else has the token is among the others. */
static int complain_unknown(const struct books *b)
{
    struct books others = { .n_acts = 0 };
    struct buf names;

    buf_init(&names, 1 << 16);
    for (size_t k = 0; k < b->n_events && others.n_actors < ACTORS; k++)
        if (!is_ours(&others, b->events[k].actor))
            snprintf(others.actors[others.n_actors++], 64, "%s", b->events[k].actor);
    list_actors(&names, &others);
    fprintf(
        stderr,
        "kmcp: our actor could not be found out: none of %zu acts on our record is among %zu events of the "
        "tenant; give --actor ID (candidates: %s)\n",
        b->n_acts, b->n_events, names.data ? names.data : "none");
    buf_free(&names);
    return 1;
}

static int report(const struct books *b, bool json)
{
    size_t strange = 0, lost = 0, acts = 0, events = 0;

    for (size_t k = 0; k < b->n_events; k++) {
        const struct event *e = &b->events[k];
        const struct member members[] = { { "what", e->what, "" },
                                          { "target", e->target, " " },
                                          { "actor", e->actor, ", by our actor " } };

        events += e->at_ms >= b->since_ms;
        if (e->ours || !is_ours(b, e->actor) || e->at_ms < b->since_ms)
            continue;
        strange++;
        tell(json, "not_sent_by_us", e->at_ms, members, 3, ": not on our record");
    }
    for (size_t i = 0; i < b->n_acts; i++) {
        const struct act *a = &b->acts[i];
        const struct member members[] = { { "tool", a->tool, "" },
                                          { "target", a->target, " " },
                                          { "id", a->id, ", record " } };

        acts += a->from_ms >= b->since_ms;
        if (a->known || a->from_ms < b->since_ms)
            continue;
        lost++;
        tell(json, "unknown_to_tenant", a->from_ms, members, 3, ": the tenant knows no such event");
    }
    if (!b->n_actors && events)
        return complain_unknown(b);
    if (!json) {
        struct buf names;

        buf_init(&names, 1 << 16);
        list_actors(&names, b);
        printf("%zu acts on our record, %zu events of the tenant: %zu of our actor's are not on our record, "
               "%zu of our acts are unknown to the tenant%s%s\n",
               acts, events, strange, lost, names.len ? "; our actor is " : "", names.len ? names.data : "");
        buf_free(&names);
    }
    return strange || lost ? 1 : 0;
}

int reconcile(struct host *host, const struct cli *cli, const char *const *files, size_t n)
{
    const char *since = cli->values[OPT_SINCE], *actor = cli->values[OPT_ACTOR];
    struct books b = { 0 };
    char why[700], month[32], from[32];
    int status;

    if (!since)
        since = clock_iso(clock_unix_ms() - INT64_C(30) * 86400000, month, sizeof month);
    if (clock_read(since) < 0)
        return cli_complain("--since must look like 2026-11-24 or 2026-11-24T10:00:00Z");
    b.since_ms = clock_read(since);
    clock_iso(b.since_ms - NEAR_MS, from, sizeof from);
    if (actor) {
        snprintf(b.actors[b.n_actors++], 64, "%s", actor);
        b.told = true;
    }
    if (!read_acts(&b, files, n, b.since_ms - NEAR_MS))
        status = cli_complain("out of memory");
    else if (!read_events(host, &b, from, why, sizeof why))
        status = cli_complain(why);
    else {
        match(&b);
        status = report(&b, cli->json);
    }
    free(b.acts);
    free(b.events);
    return status;
}
