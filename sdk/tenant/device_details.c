/* GET /devices/{id}/details and /details/lostmode: sections differ by platform, and booleans are words on
 * Apple. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include "field.h"
#include "ids.h"
#include "rng.h"
#include "when.h"

#include <stdio.h>
#include <string.h>

static void put(struct call *c, const struct device *d, const char *key, enum field which)
{
    char buf[FLEET_TEXT];
    out_string(&c->out, key, field_text(&c->t->fleet, d, which, buf));
}

static void put_when(struct call *c, const char *key, int64_t us, enum when_form form)
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
    put(c, d, "device_id", FIELD_DEVICE_ID);
    put(c, d, "device_name", FIELD_NAME);
    put_when(c, "last_enrollment", d->enrolled_us + 40 * WHEN_SECOND, WHEN_SPACE);
    put_when(c, "first_enrollment", d->enrolled_us, WHEN_SPACE);
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
            put(c, d, "last_user", FIELD_LOCAL_USER);
        else
            out_string(o, "last_user", "");
    } else {
        out_string(o, "manufacturer", field_model(d)->identifier);
        out_string(o, d->platform == WINDOWS ? "device_model" : "model_name", field_model(d)->model);
        out_string(o, "os_name", field_os(d)->marketing);
        out_string(o, "os_version", d->platform == WINDOWS ? field_os(d)->build : field_os(d)->version);
        out_string(o, "os_build", field_os(d)->build);
        put(c, d, "serial_number", FIELD_SERIAL);
    }
    put(c, d, "asset_tag", FIELD_ASSET_TAG);
    put_user(c, d);
    out_string(o, "blueprint_name", name_blueprints[d->blueprint].name);
    put(c, d, "blueprint_uuid", FIELD_BLUEPRINT_ID);
    out_close(o, '}');
}

static void details_mdm(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    char buf[FLEET_TEXT];
    out_open(o, "mdm", '{');
    out_string(o, "mdm_enabled", d->removed ? "False" : "True");
    if (d->platform != APPLETV)
        out_string(o, "supervised", d->supervised ? "True" : "False");
    put_when(c, "install_date", d->enrolled_us, WHEN_SPACE);
    put_when(c, "last_check_in", d->seen_us, WHEN_SPACE);
    out_open(o, "mdm_enabled_user", '[');
    if (d->platform == MAC)
        out_string(o, NULL, field_text(&c->t->fleet, d, FIELD_LOCAL_USER, buf));
    out_close(o, ']');
    out_close(o, '}');
}

static void details_security(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    bool mac = d->platform == MAC;
    out_open(o, "activation_lock", '{');
    out_bool(o, "bypass_code_failed", false);
    out_bool(o, "user_activation_lock_enabled", field_activation_locked(d));
    out_bool(o, "device_activation_lock_enabled", false);
    if (d->supervised)
        out_bool(o, "activation_lock_allowed_while_supervised", false);
    else
        out_null(o, "activation_lock_allowed_while_supervised");
    out_bool(o, "activation_lock_supported", d->platform != APPLETV);
    out_close(o, '}');
    out_open(o, "filevault", '{');
    if (mac)
        out_bool(o, "filevault_enabled", d->filevault);
    else
        out_null(o, "filevault_enabled");
    out_string(o, "filevault_recoverykey_type", "");
    if (mac)
        out_bool(o, "filevault_prk_escrowed", d->escrowed);
    else
        out_null(o, "filevault_prk_escrowed");
    out_string(o, "filevault_next_rotation", "");
    out_bool(o, "filevault_regen_required", mac && d->filevault && !d->escrowed);
    out_close(o, '}');
    if (!mac)
        return;
    out_open(o, "recovery_information", '{');
    out_bool(o, "recovery_lock_enabled", d->supervised && field_model(d)->silicon);
    out_bool(o, "firmware_password_exist", false);
    out_bool(o, "firmware_password_pending", false);
    out_null(o, "password_rotation_scheduled");
    out_bool(o, "password_has_been_set", d->supervised);
    out_close(o, '}');
    out_open(o, "security_information", '{');
    out_bool(o, "remote_desktop_enabled", false);
    out_close(o, '}');
}

static void details_lost(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    char buf[FLEET_TEXT];
    const char *digits = field_mark_digits(&c->t->fleet);
    int64_t at = d->enrolled_us + 100 * WHEN_DAY;
    out_string(o, "lost_mode_status", "ENABLED");
    out_string(o, "enabled_by", "api");
    put_when(c, "enable_status_at", at, WHEN_ISO);
    out_string(o, "lock_screen_message", "Please return to the front desk");
    put(c, d, "lock_screen_phone_number", FIELD_PHONE);
    out_string(o, "lock_screen_footnote", "");
    out_string(o, "disable_status", "");
    out_null(o, "disabled_by");
    out_null(o, "disable_status_at");
    out_string(o, "last_location_status", "SUCCESS");
    put_when(c, "last_location_status_at", at + WHEN_HOUR, WHEN_ISO);
    out_open(o, "last_location", '{');
    snprintf(buf, sizeof buf, "%u.%03u%s", 30 + rng_below(d->key, 510, 20), rng_below(d->key, 511, 1000),
             digits);
    out_string(o, "latitude", buf);
    snprintf(buf, sizeof buf, "-%u.%03u%s", 60 + rng_below(d->key, 512, 50), rng_below(d->key, 513, 1000),
             digits);
    out_string(o, "longitude", buf);
    out_close(o, '}');
    put_when(c, "last_location_at", at + WHEN_HOUR, WHEN_ISO);
    out_string(o, "sound_status", "");
    out_null(o, "sound_status_at");
}

static void details_hardware_mac(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    char buf[FLEET_TEXT];
    const struct name_model *m = field_model(d);
    out_open(o, "hardware_overview", '{');
    out_string(o, "model_name", m->kind);
    out_string(o, "model_identifier", m->identifier);
    out_string(o, "processor_name", m->silicon ? "Apple M-series" : "6-Core Intel Core i7");
    out_string(o, "processor_speed", m->silicon ? "" : "2.6 GHz");
    out_string(o, "number_of_processors", m->silicon ? "8" : "1");
    out_string(o, "total_number_of_cores", m->silicon ? "8" : "6");
    out_string(o, "memory", m->silicon ? "8 GB LPDDR4" : "16 GB DDR4");
    put(c, d, "udid", FIELD_UDID);
    put(c, d, "serial_number", FIELD_SERIAL);
    out_close(o, '}');
    unsigned used = 10 + rng_below(d->key, 520, 85);
    out_open(o, "volumes", '[');
    out_open(o, NULL, '{');
    out_string(o, "name", "Macintosh HD");
    out_string(o, "format", "APFS");
    snprintf(buf, sizeof buf, "%u%%", used);
    out_string(o, "percent_used", buf);
    out_string(o, "identifier", "disk3s1s1");
    snprintf(buf, sizeof buf, "%d.28 GB", m->capacity_gb);
    out_string(o, "capacity", buf);
    snprintf(buf, sizeof buf, "%u.51 GB", (unsigned)m->capacity_gb * (100 - used) / 100);
    out_string(o, "available", buf);
    out_string(o, "encrypted", d->filevault ? "Yes" : "No");
    out_close(o, '}');
    out_close(o, ']');
}

static void details_users_mac(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    char name[FLEET_TEXT], path[FLEET_TEXT + 8];
    field_text(&c->t->fleet, d, FIELD_LOCAL_USER, name);
    out_open(o, "users", '{');
    out_open(o, "regular_users", '[');
    out_open(o, NULL, '{');
    out_string(o, "username", name);
    out_string(o, "uid", "501");
    snprintf(path, sizeof path, "/Users/%s", name);
    out_string(o, "path", path);
    out_string(o, "admin", rng_below(d->key, 530, 2) ? "Yes" : "No");
    put(c, d, "name", d->user ? FIELD_USER_NAME : FIELD_LOCAL_USER);
    out_close(o, '}');
    out_close(o, ']');
    out_open(o, "system_users", '[');
    out_open(o, NULL, '{');
    out_string(o, "username", "_mbsetupuser");
    out_string(o, "uid", "248");
    out_string(o, "path", "/var/setup");
    out_string(o, "admin", "No");
    out_close(o, '}');
    out_close(o, ']');
    out_close(o, '}');
}

static void details_agent_and_network(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    out_open(o, "kandji_agent", '{');
    if (d->platform == MAC) {
        out_string(o, "agent_installed", "True");
        put_when(c, "install_date", d->enrolled_us - d->enrolled_us % WHEN_SECOND, WHEN_PLAIN);
        put_when(c, "last_check_in", d->seen_us, WHEN_SPACE);
        put(c, d, "agent_version", FIELD_AGENT);
    } else {
        out_string(o, "agent_installed", "False");
    }
    out_close(o, '}');
    if (d->platform != MAC) {
        out_open(o, "hardware_overview", '{');
        put(c, d, "uuid", FIELD_UDID);
        put(c, d, "serial_number", FIELD_SERIAL);
        out_string(o, "model_identifier", field_model(d)->identifier);
        out_close(o, '}');
        out_empty(o, "volumes", '[');
    }
    if (d->platform == APPLETV) {
        out_empty(o, "network", '{');
        return;
    }
    out_open(o, "network", '{');
    put(c, d, "local_hostname", FIELD_HOST);
    put(c, d, "mac_address", FIELD_MAC_ADDRESS);
    put(c, d, "ip_address", FIELD_IP_ADDRESS);
    out_string(o, "public_ip", "203.0.113.7");
    out_close(o, '}');
}

static void details_business_manager(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    if (!d->ade) {
        out_empty(o, "automated_device_enrollment", '{');
        out_empty(o, "apple_business_manager", '{');
        return;
    }
    out_open(o, "automated_device_enrollment", '{');
    out_bool(o, "auto_enroll_eligible", true);
    out_bool(o, "auto_enrolled", true);
    out_close(o, '}');
    out_open(o, "apple_business_manager", '{');
    out_string(o, "model", field_model(d)->kind);
    out_string(o, "color", "SILVER");
    out_string(o, "description", field_model(d)->model);
    put(c, d, "serial_number", FIELD_SERIAL);
    out_string(o, "device_family", name_platforms[d->platform].name);
    out_string(o, "os", d->platform == MAC ? "OSX" : "iOS");
    put_when(c, "device_assigned_date", d->enrolled_us - 20 * WHEN_DAY, WHEN_PLAIN);
    char by[FLEET_TEXT];
    snprintf(by, sizeof by, "it%s@acme.example", c->t->fleet.mark);
    out_string(o, "device_assigned_by", by);
    out_close(o, '}');
}

static void details_profiles(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    char id[IDS_SIZE];
    out_open(o, "installed_profiles", '[');
    out_open(o, NULL, '{');
    out_string(o, "name", "MDM Profile");
    out_string(o, "uuid", ids_text(id, rng_draw(d->key, 540)));
    out_string(o, "verified", "verified");
    out_string(o, "identifier", "com.kandji.profile.mdmprofile");
    out_string(o, "organization", "Acme");
    out_open(o, "payload_types", '[');
    out_string(o, NULL, "com.apple.mdm");
    out_close(o, ']');
    put_when(c, "install_date", d->enrolled_us, WHEN_PROFILE);
    out_close(o, '}');
    out_close(o, ']');
    bool mobile = d->platform == IPHONE || d->platform == IPAD;
    if (!mobile) {
        if (d->platform == MAC)
            out_empty(o, "cellular", '{');
        return;
    }
    out_open(o, "cellular", '{');
    out_bool(o, "voice_roaming", false);
    out_bool(o, "data_roaming", false);
    out_int(o, "cellular_technology", d->platform == IPHONE ? 3 : 0);
    out_null(o, "subscriptions");
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
        put(c, d, "smbios_serial_number", FIELD_SERIAL);
    out_string(o, windows ? "free_capacity" : "available_capacity", windows ? "403272" : "91.40");
    out_string(o, "total_capacity", windows ? "487151" : "118.02");
    out_string(o, "total_ram", windows ? "16384" : "11.28");
    out_close(o, '}');
    if (windows) {
        out_open(o, "network", '{');
        put(c, d, "dns_computer_name", FIELD_HOST);
        put(c, d, "wifi_ipv4_address", FIELD_IP_ADDRESS);
        out_close(o, '}');
        out_open(o, "kandji_agent", '{');
        out_bool(o, "is_agent_installed", true);
        put_when(c, "install_date", d->enrolled_us, WHEN_SPACE);
        put_when(c, "last_check_in_datetime", d->seen_us, WHEN_SPACE);
        put(c, d, "version", FIELD_AGENT);
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
        details_mdm(c, d);
        details_security(c, d);
        if (d->platform != APPLETV) {
            out_open(o, "lost_mode", '{');
            if (d->lost)
                details_lost(c, d);
            out_close(o, '}');
        }
        if (d->platform == MAC) {
            details_hardware_mac(c, d);
            details_users_mac(c, d);
        }
        details_agent_and_network(c, d);
        details_business_manager(c, d);
        details_profiles(c, d);
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

void device_lost_mode(struct call *c)
{
    const struct device *d = call_device(c);
    if (!d)
        return;
    if (!d->lost) {
        call_fail(c, 400, CALL_LIST, "Device is not in lost mode.");
        return;
    }
    out_open(&c->out, NULL, '{');
    put(c, d, "device_id", FIELD_DEVICE_ID);
    out_open(&c->out, "lost_mode", '{');
    details_lost(c, d);
    out_close(&c->out, '}');
    out_close(&c->out, '}');
}
