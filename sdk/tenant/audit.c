/* The tenant's audit events: some from before the start, and one for each act and each secret read since. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit.h"

#include "field.h"
#include "ids.h"
#include "page.h"
#include "rng.h"
#include "when.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUDIT_OLD  60   /* events from before the start */
#define AUDIT_KEPT 4000 /* the latest since the start */
#define AUDIT_PAGE 500

struct audit_event {
    int64_t at_us;
    uint64_t key;
    uint64_t target[2];
    const char *action, *component, *type;
};

struct audit {
    struct audit_event events[AUDIT_KEPT];
    int64_t made;
};

struct audit *audit_new(void)
{
    return calloc(1, sizeof(struct audit));
}

void audit_free(struct audit *a)
{
    free(a);
}

void audit_device(struct tenant *t, const struct device *d, const char *action, const char *component)
{
    struct audit *a = t->audit;
    struct audit_event *e = &a->events[a->made % AUDIT_KEPT];
    *e = (struct audit_event){ .at_us = tenant_now(t),
                               .key = rng_draw(t->fleet.seed, 0xA0D170000U + (uint64_t)a->made) };
    memcpy(e->target, d->uuid, sizeof e->target);
    e->action = action;
    e->component = component;
    e->type = "device";
    a->made++;
}

/* Event number i in the order of time. */
static struct audit_event audit_event(const struct tenant *t, int64_t i)
{
    const struct audit *a = t->audit;
    if (i >= AUDIT_OLD) {
        int64_t first = a->made > AUDIT_KEPT ? a->made - AUDIT_KEPT : 0;
        return a->events[(first + i - AUDIT_OLD) % AUDIT_KEPT];
    }
    static const char *const actions[] = { "create", "update", "update", "delete" };
    uint64_t key = rng_draw(t->fleet.seed, 0xA0D150000U + (uint64_t)i);
    struct audit_event e = { .at_us = t->fleet.born_us - (AUDIT_OLD - i) * 7 * WHEN_HOUR -
                                      (int64_t)(key % 999999),
                             .key = key,
                             .action = actions[key >> 20 & 3],
                             .component = "",
                             .type = key >> 30 & 1 ? "blueprint" : "library_item" };
    ids_uuid(e.type[0] == 'b' ? field_blueprint_key(&t->fleet, (unsigned)(key % name_blueprint_count)) : key,
             e.target);
    if (e.type[0] == 'b' && key >> 31 & 1)
        e.component = "library_items";
    return e;
}

/* 48 bits of milliseconds and 80 of chance, in Crockford's base 32. */
static void audit_ulid(char buf[27], const struct audit_event *e)
{
    static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint64_t ms = (uint64_t)e->at_us / 1000;
    for (int i = 9; i >= 0; i--, ms >>= 5)
        buf[i] = letters[ms & 31];
    ids_letters(buf + 10, 16, e->key, letters);
}

static void audit_write(struct call *c, const struct audit_event *e)
{
    struct out *o = &c->out;
    char id[IDS_SIZE], ulid[27], when[WHEN_SIZE];
    bool token = strcmp(e->type, "device") == 0;
    audit_ulid(ulid, e);
    out_open(o, NULL, '{');
    out_string(o, "id", ulid);
    out_string(o, "action", e->action);
    out_string(o, "occurred_at", when_format(when, e->at_us, WHEN_ISO));
    out_string(o, "actor_id", ids_text(id, rng_draw(c->t->fleet.seed, token ? 0xA5 : 0xA6)));
    out_string(o, "actor_type", token ? "api_token" : "user");
    out_string(o, "target_id", ids_format(id, e->target));
    out_string(o, "target_type", e->type);
    out_string(o, "target_component", e->component);
    out_null(o, "new_state");
    out_null(o, "metadata");
    out_close(o, '}');
}

/* The cursor is base64 of ">dt:" and a position. */
static bool audit_position(struct call *c, int64_t *at)
{
    char text[64];
    const char *cursor = call_param(c, "cursor");
    *at = 0;
    if (!cursor || !*cursor)
        return true;
    if (ids_base64_read(text, sizeof text, cursor) < 0 || sscanf(text, ">dt:%" SCNd64, at) != 1 || *at < 0) {
        call_fail(c, 400, CALL_DETAIL, "Invalid cursor");
        return false;
    }
    return true;
}

static int64_t audit_bound(const struct call *c, const char *name, int64_t otherwise)
{
    const char *text = call_param(c, name);
    int64_t us;
    return text && when_parse(text, &us) ? us : otherwise;
}

void audit_list(struct call *c)
{
    const struct audit *a = c->t->audit;
    const char *sort = call_param(c, "sort_by");
    bool newest = sort && (strcmp(sort, "-occurred_at") == 0 || strcmp(sort, "-id") == 0);
    int64_t at;
    if (!audit_position(c, &at))
        return;
    int64_t limit = call_limit(c, AUDIT_PAGE, AUDIT_PAGE);
    int64_t from = audit_bound(c, "start_date", INT64_MIN), to = audit_bound(c, "end_date", INT64_MAX);
    int64_t total = AUDIT_OLD + (a->made > AUDIT_KEPT ? AUDIT_KEPT : a->made);
    int64_t left = limit;
    char next[2048] = "";
    out_open(&c->out, NULL, '[');
    for (; at < total; at++) {
        struct audit_event e = audit_event(c->t, newest ? total - 1 - at : at);
        if (e.at_us < from || e.at_us > to)
            continue;
        if (left-- == 0)
            break;
        audit_write(c, &e);
    }
    out_close(&c->out, ']');
    if (at < total) {
        char position[40];
        snprintf(position, sizeof position, ">dt:%" PRId64, at);
        page_cursor_url(c, PAGE_HOST, "cursor", position, next, sizeof next);
    }
    struct out rows = page_rows(c);
    out_open(&c->out, NULL, '{');
    out_string(&c->out, "next", next[0] ? next : NULL);
    out_null(&c->out, "previous");
    out_raw(&c->out, "results", &rows);
    out_close(&c->out, '}');
    out_free(&rows);
}
