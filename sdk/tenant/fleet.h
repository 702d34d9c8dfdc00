/* The fleet: one small struct per device, drawn from a seed; every text about a device is rendered from it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_FLEET_H
#define TENANT_FLEET_H

#include "names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLEET_TEXT       256 /* room for any one rendered text */
#define FLEET_MARK       32  /* longest --mark */
#define FLEET_BLUEPRINTS 16

struct command;

/* What a control request or a PATCH changed; NULL members keep the drawn value. */
struct fleet_edit {
    char *user_name;
    char *user_email;
    char *device_name;
    char *asset_tag;
};

struct device {
    uint64_t key; /* everything not stored here is drawn from this */
    uint64_t uuid[2];
    int64_t seen_us; /* last check-in, 0 for never */
    int64_t enrolled_us;
    int64_t online_since_us;
    struct fleet_edit *edit;
    struct command *commands; /* made since start, newest first */
    uint32_t index;
    uint32_t user; /* 1-based, 0 for none */
    uint32_t pin;  /* of the last lock, 0 for none */
    uint8_t platform, model, system, agent;
    uint8_t blueprint;
    uint8_t tags;      /* one bit each of name_tags */
    uint8_t acts;      /* commands queued so far, modulo 256 */
    int64_t erased_us; /* when an erase command was completed, 0 for never */
    bool deleted, removed, online, locked, supervised, ade, filevault, escrowed, lost;
};

struct fleet {
    struct device *devices;
    uint32_t count;
    uint32_t users;
    uint64_t seed;
    int64_t born_us; /* the fleet's "now" when it was drawn */
    uint32_t *by_uuid;
    uint32_t by_uuid_mask;
    uint32_t edition; /* grows when something that lists are ordered by changes */
    bool has_others;  /* Windows or Android present: more fields in every device */
    char mark[FLEET_MARK + 1];
    char secret_mark[FLEET_MARK + 1]; /* at the end of every secret */
};

struct fleet_plan {
    uint32_t count;
    uint64_t seed;
    int64_t now_us;
    enum platform only; /* PLATFORMS for the usual mix */
    const char *mark, *secret_mark; /* or NULL */
};

bool fleet_draw(struct fleet *f, const struct fleet_plan *plan);
void fleet_free(struct fleet *f);
struct device *fleet_find(struct fleet *f, const char *uuid); /* also a deleted one; NULL if unknown */
struct fleet_edit *fleet_edit_of(struct fleet *f, struct device *d);

#endif
