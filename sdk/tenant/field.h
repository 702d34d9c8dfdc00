/* Any one text about a device, its user or its blueprint, rendered on demand. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_FIELD_H
#define TENANT_FIELD_H

#include "fleet.h"

enum field {
    FIELD_DEVICE_ID,
    FIELD_NAME,
    FIELD_SERIAL,
    FIELD_MODEL,
    FIELD_IDENTIFIER,
    FIELD_KIND,
    FIELD_OS,
    FIELD_BUILD,
    FIELD_MARKETING,
    FIELD_PLATFORM,
    FIELD_FAMILY,
    FIELD_ASSET_TAG,
    FIELD_BLUEPRINT_ID,
    FIELD_BLUEPRINT_NAME,
    FIELD_USER_NAME,
    FIELD_USER_EMAIL,
    FIELD_USER_ID,
    FIELD_MAC_ADDRESS,
    FIELD_IP_ADDRESS,
    FIELD_SEEN,
    FIELD_AGENT,
    FIELD_HOST,
    FIELD_LOCAL_USER,
    FIELD_PHONE,
    FIELD_UDID,
    FIELD_FILEVAULT_KEY
};

struct field_user {
    char id[40];
    char name[FLEET_TEXT];
    char email[FLEET_TEXT];
    uint32_t legacy_id;
    bool archived;
};

/* "" where the device has no such thing. Returns buf. */
char *field_text(const struct fleet *f, const struct device *d, enum field which, char buf[FLEET_TEXT]);
/* user is 1-based as in struct device. */
void field_user(const struct fleet *f, uint32_t user, struct field_user *u);
/* The user as this device shows it, with what a control request changed; false if the device has none. */
bool field_owner(const struct fleet *f, const struct device *d, struct field_user *u);
uint64_t field_blueprint_key(const struct fleet *f, unsigned blueprint);
uint64_t field_tag_key(const struct fleet *f, unsigned tag);
const struct name_model *field_model(const struct device *d);
const struct name_os *field_os(const struct device *d);
bool field_is_apple(const struct device *d);
bool field_has_agent(const struct device *d);
bool field_activation_locked(const struct device *d); /* by its user's Apple account */
/* Decimal digits at the end of the mark, "" if there are none. */
const char *field_mark_digits(const struct fleet *f);

#endif
