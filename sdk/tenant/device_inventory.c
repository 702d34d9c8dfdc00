/* What is on a device: apps, library items, parameters, and the two together as its status. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include "apps.h"
#include "field.h"
#include "ids.h"
#include "library.h"
#include "rng.h"
#include "when.h"

#include <stdio.h>
#include <string.h>

static void open_with_id(struct call *c, const struct device *d)
{
    char id[IDS_SIZE];
    out_open(&c->out, NULL, '{');
    out_string(&c->out, "device_id", ids_format(id, d->uuid));
}

static void app_apple(struct call *c, const struct device *d, unsigned i)
{
    struct out *o = &c->out;
    char buf[FLEET_TEXT], when[WHEN_SIZE];
    const struct app *known = apps_known(i);
    bool mac = d->platform == MAC;
    const char *vendable = !known || !mac ? "" : known->vendable ? "True" : "False";
    out_open(o, NULL, '{');
    if (mac)
        snprintf(buf, sizeof buf, "%u", (unsigned)(apps_key(d, i) % 1000000));
    else
        ids_text(buf, apps_key(d, i));
    out_string(o, "app_id", buf);
    out_string(o, "app_name", apps_name(i, buf));
    out_string(o, "path", apps_path(&c->t->fleet, d, i, buf));
    out_string(o, "bundle_id", apps_bundle(i, buf));
    snprintf(buf, sizeof buf, "%u", apps_bytes(d, i));
    out_string(o, "bundle_size", buf);
    out_string(o, "app_store_vendable", vendable);
    out_string(o, "device_based_vpp", vendable);
    out_string(o, "source", mac && known ? known->source : "");
    out_string(o, "process", "");
    out_string(o, "signature", mac ? "Developer ID Application" : "");
    out_string(o, "creation_date", mac ? when_format(when, d->enrolled_us, WHEN_ISO) : "");
    out_string(o, "modification_date", mac ? when_format(when, d->enrolled_us + WHEN_DAY, WHEN_ISO) : "");
    out_string(o, "version", apps_version(d, i, buf));
    out_close(o, '}');
}

static void app_other(struct call *c, const struct device *d, unsigned i)
{
    struct out *o = &c->out;
    char name[FLEET_TEXT], version[FLEET_TEXT], bundle[FLEET_TEXT];
    apps_name(i, name);
    apps_version(d, i, version);
    out_open(o, NULL, '{');
    out_string(o, "display_name", name);
    if (d->platform == WINDOWS) {
        out_string(o, "name", name);
        out_string(o, "publisher", "CN=Example");
        out_string(o, "version", version);
        out_string(o, "architecture", "x64");
        out_string(o, "application_type", i % 2 ? "Win32" : "AppxMsix");
    } else {
        out_string(o, "package_name", apps_bundle(i, bundle));
        out_string(o, "version_name", version);
        out_string(o, "application_source",
                   i % 2 ? "SYSTEM_APP_FACTORY_VERSION" : "INSTALLED_FROM_PLAY_STORE");
        out_empty(o, "sha1_hashes", '[');
    }
    out_close(o, '}');
}

void device_apps(struct call *c)
{
    const struct device *d = call_device(c);
    if (!d)
        return;
    if (!c->t->seed_dialect)
        open_with_id(c, d);
    out_open(&c->out, c->t->seed_dialect ? NULL : "apps", '[');
    for (unsigned i = 0; i < apps_count(d); i++)
        if (field_is_apple(d))
            app_apple(c, d, i);
        else
            app_other(c, d, i);
    out_close(&c->out, ']');
    if (!c->t->seed_dialect)
        out_close(&c->out, '}');
}

static void put_pair(struct call *c, const char *key, const char *id, const char *name)
{
    out_open(&c->out, key, '{');
    out_string(&c->out, "id", id);
    out_string(&c->out, "name", name);
    out_close(&c->out, '}');
}

static void put_edr(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    char when[WHEN_SIZE];
    out_open(o, "edr_status", '{');
    out_string(o, "status", "active");
    out_string(o, "malware_posture", "protect");
    out_string(o, "pup_posture", "detect");
    out_string(o, "last_baseline_scan", when_format(when, d->enrolled_us + 2 * WHEN_DAY, WHEN_SCAN));
    out_string(o, "next_baseline_scan", "");
    out_close(o, '}');
}

/* `whole` is the form of /library-items, otherwise that of /status. */
static void put_items(struct call *c, const struct device *d, bool whole)
{
    struct out *o = &c->out;
    char id[IDS_SIZE], when[WHEN_SIZE], name[FLEET_TEXT];
    out_open(o, "library_items", '[');
    for (unsigned i = 0; i < library_count; i++) {
        if (!library_holds(d->blueprint, i))
            continue;
        const char *status = library_status(d, i);
        bool failed = library_group(status) == LIBRARY_FAILED;
        out_open(o, NULL, '{');
        out_int(o, "id", (int64_t)d->index * library_count + i + 1);
        out_string(o, "item_id", ids_text(id, library_key(&c->t->fleet, i)));
        out_string(o, "name", library_items[i].name);
        out_string(o, "status", status);
        out_string(o, "reported_at", d->seen_us ? when_format(when, d->seen_us, WHEN_ISO) : NULL);
        out_string(o, "type", library_items[i].type);
        out_string(o, "last_audit_log", failed ? "Audit script exited with status 1" : NULL);
        out_string(o, "log", failed ? "The item could not be installed (error 12021)" : NULL);
        if (whole) {
            out_null(o, "last_audit_run");
            out_null(o, "control_log");
            out_null(o, "control_reported_at");
            out_bool(o, "rules_present", i % 5 == 0);
            put_pair(c, "computer", ids_format(id, d->uuid), field_text(&c->t->fleet, d, FIELD_NAME, name));
            put_pair(c, "blueprint", ids_text(id, field_blueprint_key(&c->t->fleet, d->blueprint)),
                     name_blueprints[d->blueprint].name);
            if (strcmp(library_items[i].type, "threat-security-policy") == 0)
                put_edr(c, d);
        }
        out_close(o, '}');
    }
    out_close(o, ']');
}

static void put_parameters(struct call *c, const struct device *d)
{
    struct out *o = &c->out;
    char id[IDS_SIZE];
    out_open(o, "parameters", '[');
    for (unsigned i = 0; library_has_parameters(d) && i < library_parameter_count; i++) {
        const struct library_parameter *p = &library_parameters[i];
        out_open(o, NULL, '{');
        out_string(o, "item_id", ids_text(id, library_parameter_key(&c->t->fleet, i)));
        out_string(o, "status", library_parameter_status(d, i));
        out_string(o, "name", p->name);
        out_string(o, "category", p->category);
        out_string(o, "subcategory", p->subcategory);
        out_close(o, '}');
    }
    out_close(o, ']');
}

static void inventory(struct call *c, bool items, bool parameters)
{
    const struct device *d = call_device(c);
    if (!d)
        return;
    open_with_id(c, d);
    if (items)
        put_items(c, d, !parameters);
    if (parameters)
        put_parameters(c, d);
    out_close(&c->out, '}');
}

void device_library_items(struct call *c)
{
    inventory(c, true, false);
}

void device_parameters(struct call *c)
{
    inventory(c, false, true);
}

void device_status(struct call *c)
{
    inventory(c, true, true);
}
