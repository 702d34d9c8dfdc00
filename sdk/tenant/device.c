/* The device object of lists and GET /devices/{id}, real and as the seed describes it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include "field.h"
#include "ids.h"
#include "when.h"

static void device_text(struct call *c, const struct device *d, const char *key, enum field which)
{
    char buf[FLEET_TEXT];
    out_string(&c->out, key, field_text(&c->t->fleet, d, which, buf));
}

static const char *device_platform(const struct call *c, const struct device *d)
{
    return c->effects & CALL_PLATFORM ? "HoloLens" : name_platforms[d->platform].name;
}

static void device_user(struct call *c, const struct device *d)
{
    struct field_user u;
    if (c->effects & CALL_NO_USER || !field_owner(&c->t->fleet, d, &u)) {
        out_string(&c->out, "user", "");
        return;
    }
    out_open(&c->out, "user", '{');
    out_string(&c->out, "email", u.email);
    out_string(&c->out, "name", u.name);
    out_string(&c->out, "id", u.id);
    out_bool(&c->out, "is_archived", u.archived);
    out_close(&c->out, '}');
}

static void device_write_tags(struct call *c, const struct device *d)
{
    out_open(&c->out, "tags", '[');
    for (unsigned i = 0; i < name_tag_count; i++)
        if (d->tags & 1U << i)
            out_string(&c->out, NULL, name_tags[i]);
    out_close(&c->out, ']');
}

/* Fields that the vendor's samples show only in tenants with Windows or Android. */
static void device_write_others(struct call *c, const struct device *d)
{
    if (!c->t->fleet.has_others)
        return;
    bool android = d->platform == ANDROID;
    out_string(&c->out, "api_level", android ? d->system == 0 ? "36" : d->system == 1 ? "35" : "34" : "");
    out_string(&c->out, "security_patch_level", android ? "2026-10-05" : "");
    out_string(&c->out, "full_software_version", d->platform == WINDOWS ? field_os(d)->build : "");
}

static void device_write_real(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    char when[WHEN_SIZE];
    out_open(o, NULL, '{');
    device_text(c, d, "device_id", FIELD_DEVICE_ID);
    device_text(c, d, "device_name", FIELD_NAME);
    out_string(o, "model", field_model(d)->model);
    device_text(c, d, "serial_number", FIELD_SERIAL);
    out_string(o, "platform", device_platform(c, d));
    out_string(o, "os_version", field_os(d)->version);
    out_string(o, "supplemental_build_version",
               !field_is_apple(d)            ? ""
               : field_os(d)->extra_build[0] ? field_os(d)->extra_build
                                             : field_os(d)->build);
    out_string(o, "supplemental_os_version_extra", field_os(d)->extra_version);
    out_string(o, "last_check_in", when_format(when, d->seen_us, WHEN_ISO));
    device_user(c, d);
    device_text(c, d, "asset_tag", FIELD_ASSET_TAG);
    device_text(c, d, "blueprint_id", FIELD_BLUEPRINT_ID);
    out_bool(o, "mdm_enabled", !d->removed);
    /* The vendor's iPad samples say true although there is no agent. */
    out_bool(o, "agent_installed", field_has_agent(d) || d->platform == IPAD);
    out_bool(o, "is_missing", !d->seen_us || tenant_now(c->t) - d->seen_us > 30 * WHEN_DAY);
    out_bool(o, "is_removed", d->removed);
    device_text(c, d, "agent_version", FIELD_AGENT);
    out_string(o, "first_enrollment", when_format(when, d->enrolled_us, WHEN_SPACE));
    out_string(o, "last_enrollment", when_format(when, d->enrolled_us + 40 * WHEN_SECOND, WHEN_SPACE));
    out_string(o, "blueprint_name", name_blueprints[d->blueprint].name);
    if (d->platform != APPLETV)
        out_string(o, "lost_mode_status", d->lost ? "ENABLED" : "");
    device_write_tags(c, d);
    device_write_others(c, d);
    out_close(o, '}');
}

static void device_write_seed(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    char when[WHEN_SIZE];
    struct field_user u;
    bool owned = field_owner(&c->t->fleet, d, &u) && !(c->effects & CALL_NO_USER);
    out_open(o, NULL, '{');
    device_text(c, d, "device_id", FIELD_DEVICE_ID);
    device_text(c, d, "device_name", FIELD_NAME);
    device_text(c, d, "serial_number", FIELD_SERIAL);
    out_string(o, "platform", device_platform(c, d));
    out_string(o, "os_version", field_os(d)->version);
    out_string(o, "model", field_model(d)->model);
    out_string(o, "user_name", owned ? u.name : "");
    out_string(o, "user_email", owned ? u.email : "");
    device_text(c, d, "asset_tag", FIELD_ASSET_TAG);
    device_text(c, d, "blueprint_id", FIELD_BLUEPRINT_ID);
    out_string(o, "blueprint_name", name_blueprints[d->blueprint].name);
    out_string(o, "last_check_in", when_format(when, d->seen_us, WHEN_ISO));
    out_bool(o, "is_supervised", d->supervised);
    out_bool(o, "is_dep_enrolled", d->ade);
    out_bool(o, "mdm_enabled", !d->removed);
    out_bool(o, "agent_installed", field_has_agent(d));
    out_close(o, '}');
}

void device_write(struct call *c, const struct device *d)
{
    if (c->t->seed_dialect)
        device_write_seed(c, d);
    else
        device_write_real(c, d);
}

void device_get(struct call *c)
{
    const struct device *d = call_device(c);
    if (d)
        device_write(c, d);
}
