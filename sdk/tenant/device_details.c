/* GET /devices/{id}/details: its sections differ by platform. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "device_details.h"

#include "ids.h"
#include "rng.h"

#include <stdio.h>

void details_put(struct call *c, const struct device *d, const char *key, enum field which)
{
    char buf[FLEET_TEXT];
    out_string(&c->out, key, field_text(&c->t->fleet, d, which, buf));
}

void details_put_when(struct call *c, const char *key, int64_t us, enum when_form form)
{
    char when[WHEN_SIZE];
    out_string(&c->out, key, when_format(when, us, form));
}

static void put_user(struct call *c, const struct device *d)
{
    struct field_user u;
    if (d->platform == ANDROID) {
        out_null(&c->out, "assigned_user");
    } else if (c->effects & CALL_NO_USER || !field_owner(&c->t->fleet, d, &u)) {
        out_string(&c->out, "assigned_user", "");
    } else {
        out_open(&c->out, "assigned_user", '{');
        out_string(&c->out, "id", u.id);
        out_string(&c->out, "email", u.email);
        out_string(&c->out, "name", u.name);
        out_bool(&c->out, "is_archived", u.archived);
        out_close(&c->out, '}');
    }
}

static void details_general(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    char buf[FLEET_TEXT];
    out_open(o, "general", '{');
    details_put(c, d, "device_id", FIELD_DEVICE_ID);
    details_put(c, d, "device_name", FIELD_NAME);
    details_put_when(c, "last_enrollment", d->enrolled_us + 40 * WHEN_SECOND, WHEN_SPACE);
    details_put_when(c, "first_enrollment", d->enrolled_us, WHEN_SPACE);
    out_string(o, "model", field_model(d)->model);
    out_string(o, "platform", c->effects & CALL_PLATFORM ? "HoloLens" : name_platforms[d->platform].name);
    if (field_is_apple(d)) {
        out_string(o, "os_version", field_os(d)->version);
        out_string(o, "supplemental_build_version", field_os(d)->build);
        out_string(o, "supplemental_os_version_extra", field_os(d)->extra_version);
        snprintf(buf, sizeof buf, "%s (%s)", field_os(d)->version, field_os(d)->build);
        out_string(o, "system_version", buf);
        out_string(o, "boot_volume", d->platform == MAC ? "Macintosh HD" : "");
        out_string(o, "time_since_boot", when_ago(buf, (int64_t)rng_below(d->key, 500, 60) * WHEN_DAY));
        if (d->platform == MAC)
            details_put(c, d, "last_user", FIELD_LOCAL_USER);
        else
            out_string(o, "last_user", "");
    } else {
        out_string(o, "manufacturer", field_model(d)->identifier);
        out_string(o, d->platform == WINDOWS ? "device_model" : "model_name", field_model(d)->model);
        out_string(o, "os_name", field_os(d)->marketing);
        out_string(o, "os_version", d->platform == WINDOWS ? field_os(d)->build : field_os(d)->version);
        out_string(o, "os_build", field_os(d)->build);
        details_put(c, d, "serial_number", FIELD_SERIAL);
    }
    details_put(c, d, "asset_tag", FIELD_ASSET_TAG);
    put_user(c, d);
    out_string(o, "blueprint_name", name_blueprints[d->blueprint].name);
    details_put(c, d, "blueprint_uuid", FIELD_BLUEPRINT_ID);
    out_close(o, '}');
}

static void details_other(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    bool windows = d->platform == WINDOWS;
    char id[IDS_SIZE];
    out_open(o, windows ? "mdm" : "management", '{');
    out_string(o, windows ? "management_client_revision" : "management_mode",
               windows ? "10.0.26100" : "PROFILE_OWNER");
    out_string(o, windows ? "windows_device_id" : "ownership",
               windows ? ids_text(id, rng_draw(d->key, 550)) : "COMPANY_OWNED");
    out_close(o, '}');
    out_open(o, windows ? "hardware_overview" : "hardware", '{');
    if (windows)
        details_put(c, d, "smbios_serial_number", FIELD_SERIAL);
    out_string(o, windows ? "free_capacity" : "available_capacity", windows ? "403272" : "91.40");
    out_string(o, "total_capacity", windows ? "487151" : "118.02");
    out_string(o, "total_ram", windows ? "16384" : "11.28");
    out_close(o, '}');
    if (windows) {
        out_open(o, "network", '{');
        details_put(c, d, "dns_computer_name", FIELD_HOST);
        details_put(c, d, "wifi_ipv4_address", FIELD_IP_ADDRESS);
        out_close(o, '}');
        out_open(o, "kandji_agent", '{');
        out_bool(o, "is_agent_installed", true);
        details_put_when(c, "install_date", d->enrolled_us, WHEN_SPACE);
        details_put_when(c, "last_check_in_datetime", d->seen_us, WHEN_SPACE);
        details_put(c, d, "version", FIELD_AGENT);
        out_close(o, '}');
    } else {
        out_open(o, "security", '{');
        out_null(o, "android_debug_bridge_enabled");
        out_string(o, "device_posture", "SECURE");
        out_bool(o, "has_passcode", true);
        out_bool(o, "is_encrypted", true);
        out_close(o, '}');
    }
}

void device_details(struct call *c)
{
    const struct device *d = call_device(c);
    if (!d)
        return;
    struct out *o = &c->out;
    out_open(o, NULL, '{');
    details_general(c, d);
    if (field_is_apple(d)) {
        details_apple(c, d);
    } else {
        details_other(c, d);
    }
    out_open(o, "tags", '[');
    for (unsigned i = 0; i < name_tag_count; i++)
        if (d->tags & 1U << i)
            out_string(o, NULL, name_tags[i]);
    out_close(o, ']');
    out_close(o, '}');
}
