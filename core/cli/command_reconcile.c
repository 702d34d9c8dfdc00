/* command_reconcile.c - `kmcp audit reconcile`: what differs between our record and the tenant's own.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/clock_read.h"
#include "base/text.h"
#include "reconcile.h"

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
        if (!reconcile_is_ours(&others, b->events[k].actor))
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
    size_t strange = 0, lost = 0, acts = 0, events = 0, of_ours = 0;

    for (size_t k = 0; k < b->n_events; k++) {
        const struct event *e = &b->events[k];
        const struct member members[] = { { "what", e->what, "" },
                                          { "target", e->target, " " },
                                          { "actor", e->actor, ", by our actor " } };

        events += e->at_ms >= b->since_ms;
        of_ours += reconcile_is_ours(b, e->actor);
        if (e->ours || !reconcile_is_ours(b, e->actor) || e->at_ms < b->since_ms)
            continue;
        strange++;
        tell(json, "not_sent_by_us", e->at_ms, members, 3, ": not on our record");
    }
    for (size_t i = 0; i < b->n_acts; i++) {
        const struct act *a = &b->acts[i];
        const struct member members[] = { { "tool", a->tool, "" },
                                          { "target", a->target, " " },
                                          { "id", a->id, ", record " } };

        if (a->from_ms < b->since_ms || (!a->known && (a->failed || a->to_ms > b->asked_ms)))
            continue;
        acts++;
        if (a->known)
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
        if (b->told && events && !of_ours) /* nothing was compared with what was asked for */
            buf_puts(&names, ", of whom the tenant has no event: is that the right ID?");
        printf("%zu acts on our record, %zu events of the tenant: %zu of our actor's are not on our record, "
               "%zu of our acts are unknown to the tenant%s%s\n",
               acts, events, strange, lost, names.len ? "; our actor is " : "", names.len ? names.data : "");
        buf_free(&names);
    }
    return strange || lost ? 1 : 0;
}

int reconcile(struct host *host, const struct cli *cli, const char *path)
{
    const char *since = cli->values[OPT_SINCE], *actor = cli->values[OPT_ACTOR];
    struct books b = { 0 };
    char why[1200], month[32], from[32];
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
    b.asked_ms = clock_unix_ms();
    /* the tenant's first: whatever is among them is on our record by then, if it is ours */
    if (!reconcile_events(host, &b, from, why, sizeof why) ||
        !reconcile_acts(&b, path, b.since_ms - NEAR_MS, why, sizeof why))
        status = cli_complain(why);
    else {
        reconcile_match(&b);
        status = report(&b, cli->json);
    }
    free(b.acts);
    free(b.events);
    return status;
}
