/* What the details of Apple's devices hold: Mac, iPhone, iPad and Apple TV. Booleans are words in some. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "device_details.h"

#include "ids.h"
#include "rng.h"

#include <stdio.h>

static void details_mdm(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    char buf[FLEET_TEXT];
    out_open(o, "mdm", '{');
    out_string(o, "mdm_enabled", d->removed ? "False" : "True");
    if (d->platform != APPLETV)
        out_string(o, "supervised", d->supervised ? "True" : "False");
    details_put_when(c, "install_date", d->enrolled_us, WHEN_SPACE);
    details_put_when(c, "last_check_in", d->seen_us, WHEN_SPACE);
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
    details_put(c, d, "udid", FIELD_UDID);
    details_put(c, d, "serial_number", FIELD_SERIAL);
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
    details_put(c, d, "name", d->user ? FIELD_USER_NAME : FIELD_LOCAL_USER);
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
        details_put_when(c, "install_date", d->enrolled_us - d->enrolled_us % WHEN_SECOND, WHEN_PLAIN);
        details_put_when(c, "last_check_in", d->seen_us, WHEN_SPACE);
        details_put(c, d, "agent_version", FIELD_AGENT);
    } else {
        out_string(o, "agent_installed", "False");
    }
    out_close(o, '}');
    if (d->platform != MAC) {
        out_open(o, "hardware_overview", '{');
        details_put(c, d, "uuid", FIELD_UDID);
        details_put(c, d, "serial_number", FIELD_SERIAL);
        out_string(o, "model_identifier", field_model(d)->identifier);
        out_close(o, '}');
        out_empty(o, "volumes", '[');
    }
    if (d->platform == APPLETV) {
        out_empty(o, "network", '{');
        return;
    }
    out_open(o, "network", '{');
    details_put(c, d, "local_hostname", FIELD_HOST);
    details_put(c, d, "mac_address", FIELD_MAC_ADDRESS);
    details_put(c, d, "ip_address", FIELD_IP_ADDRESS);
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
    details_put(c, d, "serial_number", FIELD_SERIAL);
    out_string(o, "device_family", name_platforms[d->platform].name);
    out_string(o, "os", d->platform == MAC ? "OSX" : "iOS");
    details_put_when(c, "device_assigned_date", d->enrolled_us - 20 * WHEN_DAY, WHEN_PLAIN);
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
    details_put_when(c, "install_date", d->enrolled_us, WHEN_PROFILE);
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

void details_apple(struct call *c, const struct device *d)
{
    details_mdm(c, d);
    details_security(c, d);
    if (d->platform != APPLETV) {
        out_open(&c->out, "lost_mode", '{');
        if (d->lost)
            details_lost(c, d);
        out_close(&c->out, '}');
    }
    if (d->platform == MAC) {
        details_hardware_mac(c, d);
        details_users_mac(c, d);
    }
    details_agent_and_network(c, d);
    details_business_manager(c, d);
    details_profiles(c, d);
}
