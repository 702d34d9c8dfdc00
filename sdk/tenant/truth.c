/* /__truth: which question is asked, and one device with its secrets. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "command.h"
#include "field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct call *c, const struct device *d, const char *key, enum field which)
{
    char buf[FLEET_TEXT];
    field_text(&c->t->fleet, d, which, buf);
    out_string(&c->out, key, buf[0] ? buf : NULL);
}

static void truth_device(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    char pin[64] = "";
    if (d->pin)
        snprintf(pin, sizeof pin, "%06u%s", d->pin, c->t->fleet.secret_mark);
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
    if (call_param(c, "prism")) {
        truth_prism(c);
        return;
    }
    if (call_param(c, "compliance")) {
        truth_compliance(c);
        return;
    }
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
