/* The fleet: one small struct per device, drawn from a seed; every text about a device is rendered from it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet.h"

#include "ids.h"
#include "rng.h"
#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DRAW_PLATFORM = 1,
    DRAW_MODEL,
    DRAW_SYSTEM,
    DRAW_BLUEPRINT,
    DRAW_USER,
    DRAW_OWNER,
    DRAW_AGE,
    DRAW_ENROLLED,
    DRAW_TAGS,
    DRAW_FLAGS,
    DRAW_AGENT,
    DRAW_MICRO
};

static enum platform draw_platform(uint64_t key, enum platform only)
{
    if (only != PLATFORMS)
        return only;
    uint32_t roll = rng_below(key, DRAW_PLATFORM, 100);
    int p = 0;
    for (; roll >= name_platforms[p].share; p++)
        roll -= name_platforms[p].share;
    return (enum platform)p;
}

/* Newer systems are commoner: the smaller of two draws. */
static uint8_t draw_low(uint64_t key, uint64_t salt, size_t count)
{
    uint32_t a = rng_below(key, salt, (uint32_t)count);
    uint32_t b = rng_below(key, salt + 1000, (uint32_t)count);
    return (uint8_t)(a < b ? a : b);
}

/* Each platform has its usual blueprints; indexes into name_blueprints. */
static uint8_t draw_blueprint(uint64_t key, enum platform p)
{
    static const uint8_t usual[PLATFORMS][6] = {
        [MAC] = { 0, 1, 2, 3, 4, 10 },    [IPHONE] = { 7, 7, 7, 3, 2, 7 },   [IPAD] = { 5, 5, 7, 5, 3, 7 },
        [APPLETV] = { 6, 6, 6, 6, 6, 6 }, [WINDOWS] = { 8, 8, 8, 8, 10, 8 }, [ANDROID] = { 9, 9, 9, 9, 9, 9 },
    };
    return usual[p][rng_below(key, DRAW_BLUEPRINT, 6)];
}

/* No age lies within an hour of a whole day, so that "not seen for N days" has one answer while a test runs.
 */
static int64_t draw_age(uint64_t key)
{
    uint32_t roll = rng_below(key, DRAW_AGE, 100);
    uint32_t days = 0;
    if (roll >= 96)
        days = 30 + rng_below(key, DRAW_AGE + 100, 200);
    else if (roll >= 88)
        days = 7 + rng_below(key, DRAW_AGE + 100, 23);
    else if (roll >= 70)
        days = 1 + rng_below(key, DRAW_AGE + 100, 6);
    int64_t within = WHEN_HOUR + (int64_t)(rng_draw(key, DRAW_AGE + 200) % (uint64_t)(21 * WHEN_HOUR));
    return (int64_t)days * WHEN_DAY + within;
}

static void draw_dates(struct device *d, int64_t now)
{
    d->enrolled_us = now - (int64_t)(240 + rng_below(d->key, DRAW_ENROLLED, 1200)) * WHEN_DAY -
                     (int64_t)(rng_draw(d->key, DRAW_MICRO) % (uint64_t)WHEN_DAY);
    d->seen_us = rng_below(d->key, DRAW_AGE + 300, 100) == 0 ? 0 : now - draw_age(d->key);
    if (d->seen_us && rng_below(d->key, DRAW_MICRO + 100, 9) == 0)
        d->seen_us -= d->seen_us % WHEN_SECOND;
    d->online = d->seen_us && now - d->seen_us < 2 * WHEN_DAY;
    d->online_since_us = d->seen_us;
}

static void draw_device(struct fleet *f, struct device *d, uint32_t index, const struct fleet_plan *plan)
{
    uint64_t key = rng_draw(f->seed, index);
    enum platform p = draw_platform(key, plan->only);
    const struct name_platform *table = &name_platforms[p];
    d->key = key;
    d->index = index;
    ids_uuid(rng_draw(key, 77), d->uuid);
    d->platform = (uint8_t)p;
    d->model = (uint8_t)rng_below(key, DRAW_MODEL, (uint32_t)table->model_count);
    d->system = draw_low(key, DRAW_SYSTEM, table->system_count);
    d->blueprint = draw_blueprint(key, p);
    d->agent = draw_low(key, DRAW_AGENT, NAME_AGENTS);
    bool shared = p == APPLETV || rng_below(key, DRAW_OWNER, 100) < 8;
    d->user = shared ? 0 : 1 + rng_below(key, DRAW_USER, f->users);
    uint64_t tags = rng_draw(key, DRAW_TAGS);
    d->tags = (uint8_t)(tags % 3 == 0 ? tags >> 8 & tags >> 16 & ((1U << name_tag_count) - 1) : 0);
    uint64_t flags = rng_draw(key, DRAW_FLAGS);
    d->supervised = flags % 100 < 85;
    d->ade = d->supervised && flags / 100 % 100 < 90;
    d->filevault = p == MAC && flags / 10000 % 100 < 86;
    d->escrowed = d->filevault && flags / 1000000 % 100 < 93;
    d->lost = (p == IPHONE || p == IPAD) && d->supervised && flags / 100000000 % 100 < 2;
    draw_dates(d, plan->now_us);
}

static bool fleet_hash(struct fleet *f)
{
    uint32_t size = 16;
    while (size < f->count * 2)
        size *= 2;
    f->by_uuid = calloc(size, sizeof *f->by_uuid);
    if (!f->by_uuid)
        return false;
    f->by_uuid_mask = size - 1;
    for (uint32_t i = 0; i < f->count; i++) {
        uint32_t slot = (uint32_t)f->devices[i].uuid[0] & f->by_uuid_mask;
        while (f->by_uuid[slot])
            slot = (slot + 1) & f->by_uuid_mask;
        f->by_uuid[slot] = i + 1;
    }
    return true;
}

bool fleet_draw(struct fleet *f, const struct fleet_plan *plan)
{
    memset(f, 0, sizeof *f);
    f->count = plan->count;
    f->seed = rng_mix(plan->seed);
    f->born_us = plan->now_us;
    f->users = plan->count / 10 * 9 + 3;
    snprintf(f->mark, sizeof f->mark, "%s", plan->mark ? plan->mark : "");
    snprintf(f->secret_mark, sizeof f->secret_mark, "%s", plan->secret_mark ? plan->secret_mark : "");
    f->devices = calloc(f->count ? f->count : 1, sizeof *f->devices);
    if (!f->devices)
        return false;
    for (uint32_t i = 0; i < f->count; i++) {
        draw_device(f, &f->devices[i], i, plan);
        f->has_others |= f->devices[i].platform == WINDOWS || f->devices[i].platform == ANDROID;
    }
    return fleet_hash(f);
}

void fleet_free(struct fleet *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        struct fleet_edit *e = f->devices[i].edit;
        if (!e)
            continue;
        free(e->user_name);
        free(e->user_email);
        free(e->device_name);
        free(e->asset_tag);
        free(e);
    }
    free(f->devices);
    free(f->by_uuid);
}

struct device *fleet_find(struct fleet *f, const char *uuid)
{
    uint64_t id[2];
    if (!ids_parse(uuid, id))
        return NULL;
    uint32_t slot = (uint32_t)id[0] & f->by_uuid_mask;
    for (; f->by_uuid[slot]; slot = (slot + 1) & f->by_uuid_mask) {
        struct device *d = &f->devices[f->by_uuid[slot] - 1];
        if (d->uuid[0] == id[0] && d->uuid[1] == id[1])
            return d;
    }
    return NULL;
}

struct fleet_edit *fleet_edit_of(struct fleet *f, struct device *d)
{
    if (!d->edit)
        d->edit = calloc(1, sizeof *d->edit);
    f->edition++;
    return d->edit;
}
