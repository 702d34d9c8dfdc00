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
#include "base/uri.h"
#include "cli.h"
#include "cli_time.h"

#define NEAR_MS   INT64_C(120000)
#define PAGES_MAX 400
#define ACTORS    16

static const struct kmcp_route events_route = { .method = "GET",
                                                .path = "/api/v1/audit/events",
                                                .permission = "List audit events",
                                                .safety = KMCP_READ,
                                                .flags = KMCP_ROUTE_RETRY };

/* TEXT as it may stand on a terminal and, with its quotes escaped, in JSON; what does not fit in SIZE is none
 * of the tenant's ids. */
static void clean(char *out, size_t size, const char *text)
{
    struct buf b;

    buf_init(&b, size - 1);
    snprintf(out, size, "%s", text_line(&b, text, size, true) && b.data ? b.data : "");
    buf_free(&b);
}

struct act {
    int64_t at_ms;
    char target[64], tool[72], id[40], result[16];
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
    char actors[ACTORS][64];
    size_t n_actors;
};

static int complain(const char *why)
{
    fprintf(stderr, "kmcp: %s\n", why);
    return 1;
}

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

static bool take_act(struct books *b, const kmcp_json *r, int64_t since)
{
    const kmcp_json *subject = json_first(json_get(r, "subjects"));
    int64_t at = cli_time(get(r, "time"));
    struct act *grown;

    if (strcmp(get(r, "event"), "outcome") != 0 || at < since || !subject || !*get(r, "request") ||
        strcmp(get(r, "result"), "failed") == 0)
        return true;
    grown = grow(b->acts, b->n_acts, &b->cap_acts, sizeof *b->acts);
    if (!grown)
        return false;
    b->acts = grown;
    grown = &b->acts[b->n_acts++];
    *grown = (struct act){ .at_ms = at };
    clean(grown->target, sizeof grown->target, get(subject, "id"));
    clean(grown->tool, sizeof grown->tool, get(r, "tool"));
    clean(grown->id, sizeof grown->id, get(r, "id"));
    clean(grown->result, sizeof grown->result, get(r, "result"));
    return true;
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
    char what[200];
    struct event *grown = grow(b->events, b->n_events, &b->cap_events, sizeof *b->events);

    if (!grown)
        return false;
    b->events = grown;
    grown = &b->events[b->n_events++];
    *grown = (struct event){ .at_ms = cli_time(get(e, "occurred_at")) };
    clean(grown->target, sizeof grown->target, get(e, "target_id"));
    clean(grown->actor, sizeof grown->actor, get(e, "actor_id"));
    snprintf(what, sizeof what, "%.60s %.60s %.60s", get(e, "action"), get(e, "target_type"),
             get(e, "target_component"));
    clean(grown->what, sizeof grown->what, what);
    return true;
}

/* The cursor inside a "next" link, decoded; the link itself is never followed (api section 1.5). */
static const char *cursor_of(struct arena *a, const char *next)
{
    const char *at = next ? strstr(next, "cursor=") : NULL;
    char *text = at ? arena_strdup(a, at + 7) : NULL, *out = text;

    if (!text)
        return NULL;
    text[strcspn(text, "&")] = '\0';
    for (const char *in = text; *in; in++) {
        char hex[3] = { in[0] == '%' ? in[1] : '\0', in[0] == '%' && in[1] ? in[2] : '\0', '\0' };

        if (hex[1]) {
            *out++ = (char)strtol(hex, NULL, 16);
            in += 2;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
    return text;
}

static bool read_events(struct host *host, struct books *b, const char *since, char *why, size_t why_size)
{
    struct failure failure = { .rc = KMCP_OK };
    char cursor[300] = "";

    for (int page = 0; page < PAGES_MAX; page++) {
        const struct kmcp_param query[] = { { "cursor", *cursor ? cursor : NULL },
                                            { "limit", "500" },
                                            { "sort_by", "-occurred_at" },
                                            { "start_date", since } };
        const struct kmcp_request request = { .struct_size = sizeof request,
                                              .route = &events_route,
                                              .query = query,
                                              .n_query = sizeof query / sizeof *query };
        struct kmcp_reply reply = { .struct_size = sizeof reply };
        const char *next = NULL;
        struct arena a;
        struct client_call call = { .arena = &a,
                                    .failure = &failure,
                                    .tool = KMCP_READ,
                                    .deadline_ms = clock_ms() + host->call_timeout_ms };
        bool ok;

        arena_init(&a, host->call_bytes);
        ok = client_http(host->client, &call, &request, &reply) == KMCP_OK;
        for (const kmcp_json *e = json_first(json_get(reply.body, "results")); ok && e; e = json_next(e))
            ok = take_event(b, e);
        next = ok ? cursor_of(&a, json_str(json_get(reply.body, "next"))) : NULL;
        snprintf(cursor, sizeof cursor, "%s", next ? next : "");
        arena_release(&a, false);
        if (!ok) {
            snprintf(why, why_size, "%s", failure.text[0] ? failure.text : "out of memory");
            return false;
        }
        if (!*cursor)
            return true;
    }
    snprintf(why, why_size, "there are more than %d pages of events; give a later --since", PAGES_MAX);
    return false;
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
            int64_t apart = e->at_ms - b->acts[i].at_ms;

            if (e->ours || strcmp(e->target, b->acts[i].target) != 0 || apart > NEAR_MS || apart < -NEAR_MS)
                continue;
            e->ours = b->acts[i].known = true;
            if (!is_ours(b, e->actor) && b->n_actors < ACTORS)
                snprintf(b->actors[b->n_actors++], 64, "%s", e->actor);
        }
}

static int report(const struct books *b, bool json)
{
    size_t strange = 0, lost = 0;
    char when[32];

    for (size_t k = 0; k < b->n_events; k++) {
        const struct event *e = &b->events[k];

        if (e->ours || !is_ours(b, e->actor))
            continue;
        strange++;
        printf(json ? "{\"found\":\"not_sent_by_us\",\"time\":\"%s\",\"what\":\"%s\",\"target\":\"%s\","
                      "\"actor\":\"%s\"}\n"
                    : "%s  %s %s, by our actor %s: not on our record\n",
               clock_iso(e->at_ms, when, sizeof when), e->what, e->target, e->actor);
    }
    for (size_t i = 0; i < b->n_acts; i++) {
        const struct act *a = &b->acts[i];

        if (a->known)
            continue;
        lost++;
        printf(json ? "{\"found\":\"unknown_to_tenant\",\"time\":\"%s\",\"tool\":\"%s\",\"target\":\"%s\","
                      "\"id\":\"%s\"}\n"
                    : "%s  %s %s (%s): the tenant knows no such event\n",
               clock_iso(a->at_ms, when, sizeof when), a->tool, a->target, a->id);
    }
    if (!json)
        printf("%zu acts on our record, %zu events of the tenant: %zu of our actor's are not on our record, "
               "%zu of our acts "
               "are unknown to the tenant\n",
               b->n_acts, b->n_events, strange, lost);
    if (!json && b->n_acts && !b->n_actors)
        printf("no act of ours was found among the events, so our actor is not known; --actor ID names it\n");
    return strange || lost ? 1 : 0;
}

int reconcile(struct host *host, const struct cli *cli, const char *const *files, size_t n)
{
    const char *since = cli->values[OPT_SINCE], *actor = cli->values[OPT_ACTOR];
    struct books b = { 0 };
    char why[700], month[32];
    int status;

    if (!since)
        since = clock_iso(clock_unix_ms() - INT64_C(30) * 86400000, month, sizeof month);
    if (cli_time(since) < 0)
        return complain("--since must look like 2026-11-24 or 2026-11-24T10:00:00Z");
    if (actor)
        snprintf(b.actors[b.n_actors++], 64, "%s", actor);
    if (!read_acts(&b, files, n, cli_time(since)))
        status = complain("out of memory");
    else if (!read_events(host, &b, since, why, sizeof why))
        status = complain(why);
    else {
        match(&b);
        status = report(&b, cli->json);
    }
    free(b.acts);
    free(b.events);
    return status;
}
