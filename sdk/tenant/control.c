/* The control paths, and /__truth: what is really so, whatever the API's pages and faults show. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "blueprint.h"
#include "command.h"
#include "field.h"
#include "ids.h"
#include "options.h"
#include "stats.h"
#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void control_refuse(struct call *c, int status, const char *text)
{
    out_free(&c->out);
    c->status = status;
    out_open(&c->out, NULL, '{');
    out_string(&c->out, "control_error", text);
    out_close(&c->out, '}');
}

void control_handle(struct call *c)
{
    bool get = strcmp(c->method, "GET") == 0;
    bool post = strcmp(c->method, "POST") == 0;
    if (strcmp(c->path, "/__truth") == 0 && get) {
        control_truth(c);
    } else if (strcmp(c->path, "/__stats") == 0 && get) {
        stats_write(c);
    } else if (strcmp(c->path, "/__stats") == 0 && post) {
        stats_reset(c->t->stats);
        out_text(&c->out, "{}");
    } else if (strcmp(c->path, "/__set") == 0 && post) {
        control_set(c);
    } else {
        control_refuse(c, 404, "no such control; use GET /__truth, GET or POST /__stats, POST /__set");
    }
}

/* Counts by platform, system version and the like: at most this many different words. */
#define TALLY_WORDS 96

struct tally {
    char words[TALLY_WORDS][64];
    int64_t counts[TALLY_WORDS];
    size_t n;
};

static void tally_add(struct tally *t, const char *word)
{
    size_t i = 0;
    while (i < t->n && strcmp(t->words[i], word) != 0)
        i++;
    if (i == TALLY_WORDS)
        return;
    if (i == t->n)
        snprintf(t->words[t->n++], sizeof t->words[0], "%s", word);
    t->counts[i]++;
}

static void tally_write(struct out *o, const char *key, const struct tally *t)
{
    out_open(o, key, '{');
    for (size_t i = 0; i < t->n; i++)
        out_int(o, t->words[i], t->counts[i]);
    out_close(o, '}');
}

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

struct sums {
    int64_t devices, filevault_on, filevault_off, escrowed, unseen7, unseen30, never, online, locked, removed,
        without_user;
    int64_t tags[8];
    struct tally platforms, systems, agents, by_platform[PLATFORMS];
};

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
    s->unseen7 += !d->seen_us || now - d->seen_us > 7 * WHEN_DAY;
    s->unseen30 += !d->seen_us || now - d->seen_us > 30 * WHEN_DAY;
    s->online += d->online;
    s->locked += d->locked;
    s->removed += d->removed;
    s->without_user += d->user == 0;
    for (unsigned i = 0; i < name_tag_count; i++)
        s->tags[i] += d->tags >> i & 1;
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
    out_open(o, "not_seen_days", '{');
    out_int(o, "7", s->unseen7);
    out_int(o, "30", s->unseen30);
    out_close(o, '}');
    out_int(o, "never_checked_in", s->never);
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

static void truth_fleet(struct call *c)
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
    free(s);
}

static void put(struct call *c, const struct device *d, const char *key, enum field which)
{
    char buf[FLEET_TEXT];
    field_text(&c->t->fleet, d, which, buf);
    out_string(&c->out, key, buf[0] ? buf : NULL);
}

static void truth_device(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    char pin[16] = "";
    if (d->pin)
        snprintf(pin, sizeof pin, "%06u", d->pin);
    out_open(o, NULL, '{');
    out_int(o, "index", d->index);
    put(c, d, "device_id", FIELD_DEVICE_ID);
    put(c, d, "device_name", FIELD_NAME);
    put(c, d, "serial_number", FIELD_SERIAL);
    put(c, d, "platform", FIELD_PLATFORM);
    put(c, d, "model", FIELD_MODEL);
    put(c, d, "os_version", FIELD_OS);
    put(c, d, "user_name", FIELD_USER_NAME);
    put(c, d, "user_email", FIELD_USER_EMAIL);
    put(c, d, "user_id", FIELD_USER_ID);
    put(c, d, "asset_tag", FIELD_ASSET_TAG);
    put(c, d, "blueprint_id", FIELD_BLUEPRINT_ID);
    put(c, d, "blueprint_name", FIELD_BLUEPRINT_NAME);
    put(c, d, "last_check_in", FIELD_SEEN);
    put(c, d, "mac_address", FIELD_MAC_ADDRESS);
    put(c, d, "host_name", FIELD_HOST);
    put(c, d, "local_user", FIELD_LOCAL_USER);
    put(c, d, "phone_number", FIELD_PHONE);
    out_bool(o, "filevault_enabled", d->filevault);
    put(c, d, "filevault_key", FIELD_FILEVAULT_KEY);
    out_string(o, "pin", pin[0] ? pin : NULL);
    out_bool(o, "locked", d->locked);
    out_bool(o, "online", d->online);
    out_bool(o, "supervised", d->supervised);
    out_bool(o, "lost", d->lost);
    out_bool(o, "removed", d->removed);
    out_bool(o, "deleted", d->deleted);
    out_string(o, "next_command", command_outcome_name(command_next_outcome(d)));
    out_open(o, "tags", '[');
    for (unsigned i = 0; i < name_tag_count; i++)
        if (d->tags & 1U << i)
            out_string(o, NULL, name_tags[i]);
    out_close(o, ']');
    out_close(o, '}');
}

static bool word_is(const char *word, const char *key, const char **value)
{
    size_t n = strlen(key);
    *value = word + n + 1;
    return strncmp(word, key, n) == 0 && word[n] == ':';
}

/* 1 if the device fits "key:value", 0 if not, -1 if this is no such condition. */
static int find_fits(const struct call *c, const struct device *d, const char *word)
{
    const char *value;
    char buf[FLEET_TEXT];
    if (word_is(word, "nth", &value))
        return 1;
    if (word_is(word, "platform", &value))
        return strcmp(value, name_platforms[d->platform].name) == 0;
    if (word_is(word, "filevault", &value))
        return d->platform == MAC && d->filevault == (strcmp(value, "on") == 0);
    if (word_is(word, "escrowed", &value))
        return d->escrowed == (strcmp(value, "yes") == 0);
    if (word_is(word, "online", &value))
        return d->online == (strcmp(value, "yes") == 0);
    if (word_is(word, "locked", &value))
        return d->locked == (strcmp(value, "yes") == 0);
    if (word_is(word, "supervised", &value))
        return d->supervised == (strcmp(value, "yes") == 0);
    if (word_is(word, "lost", &value))
        return d->lost == (strcmp(value, "yes") == 0);
    if (word_is(word, "user", &value))
        return (d->user != 0) == (strcmp(value, "yes") == 0);
    if (word_is(word, "os", &value))
        return strcmp(value, field_os(d)->version) == 0;
    if (word_is(word, "blueprint", &value))
        return strcmp(value, field_text(&c->t->fleet, d, FIELD_BLUEPRINT_ID, buf)) == 0;
    if (word_is(word, "next", &value))
        return strcmp(value, command_outcome_name(command_next_outcome(d))) == 0;
    return -1;
}

/* Returns false if the conditions make no sense. */
static bool truth_find(struct call *c, const char *find, struct device **found)
{
    struct fleet *f = &c->t->fleet;
    const char *at = strstr(find, "nth:");
    int64_t nth = at ? strtol(at + 4, NULL, 10) : 0;
    *found = NULL;
    for (uint32_t i = 0; i < f->count; i++) {
        struct device *d = &f->devices[i];
        command_settle(c->t, d);
        int fits = !d->deleted;
        for (const char *word = find; fits > 0 && *word;) {
            char part[80];
            size_t n = strcspn(word, ",");
            snprintf(part, sizeof part, "%.*s", (int)(n < 79 ? n : 79), word);
            fits = find_fits(c, d, part);
            word += n + (word[n] == ',');
        }
        if (fits < 0)
            return false;
        if (fits && nth-- == 0) {
            *found = d;
            return true;
        }
    }
    return true;
}

void control_truth(struct call *c)
{
    struct fleet *f = &c->t->fleet;
    const char *index = call_param(c, "device");
    const char *serial = call_param(c, "serial");
    const char *id = call_param(c, "device_id");
    const char *find = call_param(c, "find");
    struct device *d = NULL;
    char buf[FLEET_TEXT];
    if (!index && !serial && !id && !find) {
        truth_fleet(c);
        return;
    }
    if (id)
        d = fleet_find(f, id);
    else if (index)
        d = call_number(c, "device", f->count) < f->count ? &f->devices[call_number(c, "device", 0)] : NULL;
    else if (find && !truth_find(c, find, &d)) {
        control_refuse(
            c, 400,
            "unusable find; use key:value pairs of platform, os, blueprint, filevault, escrowed, online, "
            "locked, supervised, lost, user, next, nth");
        return;
    }
    for (uint32_t i = 0; serial && !d && i < f->count; i++)
        if (strcmp(field_text(f, &f->devices[i], FIELD_SERIAL, buf), serial) == 0)
            d = &f->devices[i];
    if (!d) {
        control_refuse(c, 404, "no such device");
        return;
    }
    command_settle(c->t, d);
    truth_device(c, d);
}
