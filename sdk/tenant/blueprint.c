/* GET /blueprints and the reads below it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "blueprint.h"

#include "field.h"
#include "ids.h"
#include "library.h"
#include "page.h"
#include "rng.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void blueprint_count(const struct fleet *f, int64_t *counts)
{
    memset(counts, 0, FLEET_BLUEPRINTS * sizeof *counts);
    for (uint32_t i = 0; i < f->count; i++)
        if (!f->devices[i].deleted)
            counts[f->devices[i].blueprint]++;
}

/* Codes may begin with 0 and are strings. */
static void blueprint_code(const struct fleet *f, unsigned i, char buf[64], bool *active)
{
    uint64_t key = rng_draw(f->seed, 0xC0DE000U + i);
    snprintf(buf, 64, "%06u%s", (unsigned)(key % (i % 3 == 0 ? 99999 : 999999)), f->secret_mark);
    *active = key >> 40 & 1;
}

static void blueprint_write_items(struct call *c, unsigned i)
{
    struct out *o = &c->out;
    char id[IDS_SIZE];
    out_open(o, "library_items", '[');
    for (unsigned k = 0; k < library_count; k++) {
        if (!library_holds(i, k))
            continue;
        out_open(o, NULL, '{');
        out_string(o, "id", ids_text(id, library_key(&c->t->fleet, k)));
        out_string(o, "name", library_items[k].name);
        out_string(o, "type", library_items[k].seed_type);
        out_close(o, '}');
    }
    out_close(o, ']');
}

static void blueprint_write(struct call *c, unsigned i, int64_t devices, bool with_items)
{
    struct out *o = &c->out;
    char id[IDS_SIZE], code[64];
    bool active;
    blueprint_code(&c->t->fleet, i, code, &active);
    out_open(o, NULL, '{');
    out_string(o, "id", ids_text(id, field_blueprint_key(&c->t->fleet, i)));
    out_string(o, "name", name_blueprints[i].name);
    if (c->t->seed_dialect) {
        out_string(o, "description", name_blueprints[i].description);
        out_bool(o, "enrollment_code_is_active", active);
        out_string(o, "enrollment_code", code);
        if (with_items)
            blueprint_write_items(c, i);
    } else {
        out_string(o, "icon", "ss-files");
        out_string(o, "color", "aqua-800");
        out_string(o, "description", name_blueprints[i].description);
        out_open(o, "params", '{');
        if (!name_blueprints[i].map) {
            out_open(o, ids_text(id, rng_draw(c->t->fleet.seed, 0x9A00000U)), '{');
            out_bool(o, "mute", false);
            out_bool(o, "daily", true);
            out_close(o, '}');
        }
        out_close(o, '}');
        out_int(o, "computers_count", devices);
        out_open(o, "enrollment_code", '{');
        out_string(o, "code", code);
        out_bool(o, "is_active", active);
        out_close(o, '}');
        out_string(o, "type", name_blueprints[i].map ? "map" : "classic");
    }
    out_close(o, '}');
}

static bool blueprint_wanted(const struct call *c, unsigned i)
{
    char id[IDS_SIZE];
    const char *only = call_param(c, "id");
    const char *any = call_param(c, "id__in");
    const char *name = call_param(c, "name");
    ids_text(id, field_blueprint_key(&c->t->fleet, i));
    if (only && *only && strcmp(only, id) != 0)
        return false;
    if (any && *any && !page_in_list(any, id))
        return false;
    if (!name || !*name)
        return true;
    for (const char *at = name_blueprints[i].name; *at; at++)
        if (strncasecmp(at, name, strlen(name)) == 0)
            return true;
    return false;
}

void blueprint_list(struct call *c)
{
    int64_t counts[FLEET_BLUEPRINTS];
    blueprint_count(&c->t->fleet, counts);
    struct page page = page_start(c, CALL_PAGE, CALL_PAGE);
    if (c->t->seed_dialect && !call_param(c, "limit"))
        page.limit = INT64_MAX;
    out_open(&c->out, NULL, '[');
    for (unsigned i = 0; i < name_blueprint_count; i++)
        if (blueprint_wanted(c, i) && page_takes(&page))
            blueprint_write(c, i, counts[i], false);
    out_close(&c->out, ']');
    if (c->t->seed_dialect)
        return;
    struct out rows = page_rows(c);
    out_open(&c->out, NULL, '{');
    page_write(c, &page, &rows);
    out_close(&c->out, '}');
}

/* The number of the blueprint in the path, or name_blueprint_count with 404 written. */
static unsigned blueprint_named(struct call *c)
{
    uint64_t asked[2], id[2];
    unsigned i = 0;
    if (!ids_parse(c->args[0], asked))
        i = (unsigned)name_blueprint_count;
    for (; i < name_blueprint_count; i++) {
        ids_uuid(field_blueprint_key(&c->t->fleet, i), id);
        if (id[0] == asked[0] && id[1] == asked[1])
            return i;
    }
    call_not_found(c);
    return i;
}

void blueprint_get(struct call *c)
{
    int64_t counts[FLEET_BLUEPRINTS];
    unsigned i = blueprint_named(c);
    if (i == name_blueprint_count)
        return;
    blueprint_count(&c->t->fleet, counts);
    blueprint_write(c, i, counts[i], true);
}

void blueprint_items(struct call *c)
{
    char id[IDS_SIZE];
    unsigned i = blueprint_named(c);
    if (i == name_blueprint_count)
        return;
    struct page page = page_start(c, CALL_PAGE, CALL_PAGE);
    out_open(&c->out, NULL, '[');
    for (unsigned k = 0; k < library_count; k++) {
        if (!library_holds(i, k) || !page_takes(&page))
            continue;
        out_open(&c->out, NULL, '{');
        out_string(&c->out, "id", ids_text(id, library_key(&c->t->fleet, k)));
        out_string(&c->out, "name", library_items[k].name);
        out_close(&c->out, '}');
    }
    out_close(&c->out, ']');
    struct out rows = page_rows(c);
    out_open(&c->out, NULL, '{');
    page_write(c, &page, &rows);
    out_close(&c->out, '}');
}
