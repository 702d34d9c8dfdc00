/* GET /users and GET /tags. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "people.h"

#include "field.h"
#include "ids.h"
#include "page.h"
#include "rng.h"
#include "when.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void user_write(struct call *c, uint32_t user, uint32_t devices)
{
    struct out *o = &c->out;
    struct field_user u;
    char buf[FLEET_TEXT];
    field_user(&c->t->fleet, user, &u);
    uint64_t key = rng_draw(c->t->fleet.seed, 0x300000000U + user);
    out_open(o, NULL, '{');
    out_bool(o, "active", !u.archived);
    out_bool(o, "archived", u.archived);
    out_string(
        o, "created_at",
        when_format(buf, c->t->fleet.born_us - 900 * WHEN_DAY - (int64_t)(key % 86400000000U), WHEN_ISO));
    out_string(o, "department", key & 1 ? "Engineering" : NULL);
    snprintf(buf, sizeof buf, "%u", u.legacy_id);
    out_string(o, "deprecated_user_id", buf);
    out_string(o, "email", u.email);
    out_string(o, "id", u.id);
    out_open(o, "integration", '{');
    out_int(o, "id", 7);
    out_string(o, "name", "Directory");
    out_string(o, "uuid", ids_text(buf, rng_draw(c->t->fleet.seed, 0x1D)));
    out_string(o, "type", "office365");
    out_close(o, '}');
    out_string(o, "job_title", key & 2 ? "Analyst" : NULL);
    out_string(o, "name", u.name);
    out_int(o, "device_count", devices);
    out_string(o, "updated_at", when_format(buf, c->t->fleet.born_us - 3 * WHEN_DAY, WHEN_ISO));
    out_close(o, '}');
}

/* Devices per user, to be freed. */
static uint32_t *user_devices(const struct fleet *f)
{
    uint32_t *counts = calloc(f->users + 1, sizeof *counts);
    for (uint32_t i = 0; counts && i < f->count; i++)
        if (!f->devices[i].deleted)
            counts[f->devices[i].user]++;
    return counts;
}

static bool user_wanted(const struct call *c, uint32_t user)
{
    const char *email = call_param(c, "email");
    const char *id = call_param(c, "id");
    const char *archived = call_param(c, "archived");
    if (!email && !id && !archived)
        return true;
    struct field_user u;
    field_user(&c->t->fleet, user, &u);
    return (!email || strstr(u.email, email)) && (!id || strcmp(u.id, id) == 0) &&
           (!archived || u.archived == (strcmp(archived, "true") == 0));
}

/* The cursor is base64 of "p=" and the last user shown, inside the next URL, whose host is the console's. */
void people_users(struct call *c)
{
    char text[64];
    uint32_t last = 0;
    const char *cursor = call_param(c, "cursor");
    if (cursor && *cursor &&
        (ids_base64_read(text, sizeof text, cursor) < 0 || sscanf(text, "p=%" SCNu32, &last) != 1)) {
        call_fail(c, 404, CALL_DETAIL, "Invalid cursor");
        return;
    }
    uint32_t *counts = user_devices(&c->t->fleet);
    char next[2048] = "";
    int shown = 0;
    out_open(&c->out, NULL, '[');
    for (uint32_t i = last < UINT32_MAX ? last + 1 : last; counts && i <= c->t->fleet.users; i++) {
        if (!user_wanted(c, i))
            continue;
        if (shown++ == CALL_PAGE) {
            snprintf(text, sizeof text, "p=%" PRIu32, last);
            page_cursor_url(c, PAGE_CONSOLE_HOST, "cursor", text, next, sizeof next);
            break;
        }
        user_write(c, i, counts[i]);
        last = i;
    }
    out_close(&c->out, ']');
    free(counts);
    struct out rows = page_rows(c);
    out_open(&c->out, NULL, '{');
    out_string(&c->out, "next", next[0] ? next : NULL);
    out_null(&c->out, "previous");
    out_raw(&c->out, "results", &rows);
    out_close(&c->out, '}');
    out_free(&rows);
}

void people_user(struct call *c)
{
    struct field_user u;
    for (uint32_t i = 1; i <= c->t->fleet.users; i++) {
        field_user(&c->t->fleet, i, &u);
        if (strcmp(u.id, c->args[0]) != 0)
            continue;
        uint32_t *counts = user_devices(&c->t->fleet);
        user_write(c, i, counts ? counts[i] : 0);
        free(counts);
        return;
    }
    call_not_found(c);
}

void people_tags(struct call *c)
{
    const char *search = call_param(c, "search");
    struct page page = page_start(c, CALL_PAGE, CALL_PAGE);
    out_open(&c->out, NULL, '[');
    for (unsigned i = 0; i < name_tag_count; i++) {
        char id[IDS_SIZE];
        if ((search && !strstr(name_tags[i], search)) || !page_takes(&page))
            continue;
        out_open(&c->out, NULL, '{');
        out_string(&c->out, "id", ids_text(id, field_tag_key(&c->t->fleet, i)));
        out_string(&c->out, "name", name_tags[i]);
        out_close(&c->out, '}');
    }
    out_close(&c->out, ']');
    struct out rows = page_rows(c);
    out_open(&c->out, NULL, '{');
    page_write(c, &page, &rows);
    out_close(&c->out, '}');
}
