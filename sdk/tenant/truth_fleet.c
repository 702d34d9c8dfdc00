/* /__truth without a question: what is really so in the whole fleet. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "blueprint.h"
#include "command.h"
#include "field.h"
#include "ids.h"
#include "tally.h"
#include "when.h"

#include <stdlib.h>

static void truth_blueprints(struct call *c)
{
    struct out *o = &c->out;
    int64_t counts[FLEET_BLUEPRINTS];
    char id[IDS_SIZE];
    blueprint_count(&c->t->fleet, counts);
    out_int(o, "blueprints", (int64_t)name_blueprint_count);
    out_open(o, "by_blueprint", '{');
    for (unsigned i = 0; i < name_blueprint_count; i++) {
        out_open(o, ids_text(id, field_blueprint_key(&c->t->fleet, i)), '{');
        out_string(o, "name", name_blueprints[i].name);
        out_int(o, "count", counts[i]);
        out_close(o, '}');
    }
    out_close(o, '}');
}

/* Days since the last check-in, each bucket with its lower bound. */
static const struct {
    const char *name;
    int days;
} ages[] = { { "0-1", 0 }, { "1-7", 1 }, { "7-30", 7 }, { "30-90", 30 }, { "90+", 90 } };

#define AGES (sizeof ages / sizeof ages[0])

struct sums {
    int64_t devices, filevault_on, filevault_off, escrowed, unseen7, unseen30, never, online, locked, removed,
        without_user;
    int64_t tags[8], ages[AGES];
    struct tally platforms, systems, agents, by_platform[PLATFORMS];
};

static void sums_free(struct sums *s)
{
    tally_free(&s->platforms);
    tally_free(&s->systems);
    tally_free(&s->agents);
    for (int p = 0; p < PLATFORMS; p++)
        tally_free(&s->by_platform[p]);
    free(s);
}

static void sums_age(struct sums *s, int64_t age)
{
    size_t i = AGES - 1;
    while (i > 0 && age < ages[i].days * WHEN_DAY)
        i--;
    s->ages[i]++;
}

static void sums_add(struct sums *s, const struct device *d, int64_t now)
{
    s->devices++;
    tally_add(&s->platforms, name_platforms[d->platform].name);
    tally_add(&s->systems, field_os(d)->version);
    tally_add(&s->by_platform[d->platform], field_os(d)->version);
    if (field_has_agent(d))
        tally_add(&s->agents, d->platform == MAC ? name_mac_agents[d->agent] : name_windows_agents[d->agent]);
    s->filevault_on += d->platform == MAC && d->filevault;
    s->filevault_off += d->platform == MAC && !d->filevault;
    s->escrowed += d->escrowed;
    s->never += !d->seen_us;
    if (d->seen_us)
        sums_age(s, now - d->seen_us);
    s->unseen7 += !d->seen_us || now - d->seen_us > 7 * WHEN_DAY;
    s->unseen30 += !d->seen_us || now - d->seen_us > 30 * WHEN_DAY;
    s->online += d->online;
    s->locked += d->locked;
    s->removed += d->removed;
    s->without_user += d->user == 0;
    for (unsigned i = 0; i < name_tag_count; i++)
        s->tags[i] += d->tags >> i & 1;
}

static void truth_ages(struct out *o, const struct sums *s)
{
    out_open(o, "not_seen_days", '{');
    out_int(o, "7", s->unseen7);
    out_int(o, "30", s->unseen30);
    out_close(o, '}');
    out_int(o, "never_checked_in", s->never);
    out_open(o, "check_in_age_days", '{');
    for (size_t i = 0; i < AGES; i++)
        out_int(o, ages[i].name, s->ages[i]);
    out_int(o, "never", s->never);
    out_close(o, '}');
}

static void truth_write(struct call *c, const struct sums *s, int64_t now)
{
    struct out *o = &c->out;
    char when[WHEN_SIZE];
    out_open(o, NULL, '{');
    out_string(o, "now", when_format(when, now, WHEN_ISO));
    out_int(o, "devices", s->devices);
    tally_write(o, "by_platform", &s->platforms);
    tally_write(o, "by_os_version", &s->systems);
    out_open(o, "by_platform_os", '{');
    for (int p = 0; p < PLATFORMS; p++)
        if (s->by_platform[p].n)
            tally_write(o, name_platforms[p].name, &s->by_platform[p]);
    out_close(o, '}');
    truth_blueprints(c);
    out_open(o, "filevault", '{');
    out_int(o, "on", s->filevault_on);
    out_int(o, "off", s->filevault_off);
    out_int(o, "not_mac", s->devices - s->filevault_on - s->filevault_off);
    out_int(o, "escrowed", s->escrowed);
    out_close(o, '}');
    truth_ages(o, s);
    tally_write(o, "agent_versions", &s->agents);
    out_open(o, "tags", '{');
    for (unsigned i = 0; i < name_tag_count; i++)
        out_int(o, name_tags[i], s->tags[i]);
    out_close(o, '}');
    out_int(o, "users", c->t->fleet.users);
    out_int(o, "without_user", s->without_user);
    out_int(o, "online", s->online);
    out_int(o, "locked", s->locked);
    out_int(o, "removed", s->removed);
    out_close(o, '}');
}

void truth_fleet(struct call *c)
{
    struct sums *s = calloc(1, sizeof *s);
    struct fleet *f = &c->t->fleet;
    int64_t now = tenant_now(c->t);
    if (!s) {
        control_refuse(c, 500, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < f->count; i++) {
        command_settle(c->t, &f->devices[i]);
        if (!f->devices[i].deleted)
            sums_add(s, &f->devices[i], now);
    }
    truth_write(c, s, now);
    sums_free(s);
}
