/* The prism categories and their columns. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "prism.h"

#include "field.h"
#include "rng.h"
#include "when.h"

#include <stdio.h>
#include <string.h>

#define APPLE   (1U << MAC | 1U << IPHONE | 1U << IPAD | 1U << APPLETV)
#define ONLY(p) (1U << (p))

static void cell_text(struct prism_cell *cell, const char *text)
{
    cell->kind = PRISM_TEXT;
    snprintf(cell->text, sizeof cell->text, "%s", text);
}

static void cell_bool(struct prism_cell *cell, bool value)
{
    cell->kind = PRISM_BOOL;
    cell->number = value;
}

static void cell_when(struct prism_cell *cell, int64_t us)
{
    cell->kind = us ? PRISM_TEXT : PRISM_NULL;
    when_format(cell->text, us, WHEN_OFFSET);
}

#define GETTER(name) static void name(const struct fleet *f, const struct device *d, struct prism_cell *cell)

GETTER(get_null)
{
    (void)f;
    (void)d;
    cell->kind = PRISM_NULL;
}

GETTER(get_user_id)
{
    struct field_user u;
    cell_text(cell, "");
    if (d->user && field_owner(f, d, &u))
        snprintf(cell->text, sizeof cell->text, "%u", u.legacy_id);
}

GETTER(get_tags)
{
    (void)f;
    cell->kind = PRISM_TAGS;
    cell->number = d->tags;
}

GETTER(get_enrolled)
{
    (void)f;
    cell_when(cell, d->enrolled_us);
}

GETTER(get_last_enrolled)
{
    (void)f;
    cell_when(cell, d->enrolled_us + 40 * WHEN_SECOND);
}

GETTER(get_seen)
{
    (void)f;
    cell_when(cell, d->seen_us);
}

GETTER(get_seen_by_agent)
{
    (void)f;
    cell_when(cell, field_has_agent(d) ? d->seen_us : 0);
}

/* Prism's data is as old as the last daily collection. */
GETTER(get_collected)
{
    (void)f;
    cell_when(cell, d->seen_us
                        ? d->seen_us - d->seen_us % WHEN_DAY + (int64_t)(d->key % 3000000000U) - WHEN_DAY
                        : 0);
}

GETTER(get_capacity)
{
    (void)f;
    cell->kind = PRISM_REAL;
    cell->number = field_model(d)->capacity_gb;
}

GETTER(get_silicon)
{
    (void)f;
    cell_bool(cell, d->platform == MAC && field_model(d)->silicon);
}

GETTER(get_mdm_enabled)
{
    (void)f;
    cell_bool(cell, !d->removed);
}

GETTER(get_agent_installed)
{
    (void)f;
    cell_bool(cell, field_has_agent(d));
}

GETTER(get_display_os)
{
    (void)f;
    cell_text(cell, field_os(d)->version);
    if (field_os(d)->extra_version[0])
        snprintf(cell->text, sizeof cell->text, "%s %s", field_os(d)->version, field_os(d)->extra_version);
}

GETTER(get_lost)
{
    (void)f;
    cell_text(cell, d->lost ? "ENABLED" : "");
}

GETTER(get_extra_build)
{
    (void)f;
    cell_text(cell, field_os(d)->extra_build[0] ? field_os(d)->extra_build : field_os(d)->build);
}

GETTER(get_extra_version)
{
    (void)f;
    cell_text(cell, field_os(d)->extra_version);
}

GETTER(get_false)
{
    (void)f;
    (void)d;
    cell_bool(cell, false);
}

/* Switches that all but one Mac in twenty have right. */
GETTER(get_mostly_true)
{
    (void)f;
    cell_bool(cell, rng_below(d->key, 850, 20) != 0);
}

GETTER(get_filevault)
{
    (void)f;
    cell_bool(cell, d->filevault);
}

GETTER(get_key_type)
{
    (void)f;
    cell_text(cell, d->filevault ? "Personal" : "");
}

GETTER(get_escrowed)
{
    (void)f;
    cell_bool(cell, d->escrowed);
}

GETTER(get_regeneration)
{
    (void)f;
    cell_bool(cell, d->filevault && !d->escrowed);
}

/* The seed says that this category tells the compliance status; only its dialect shows it. */
GETTER(get_compliance)
{
    (void)f;
    cell_text(cell, d->platform != MAC || d->filevault ? "compliant" : "non_compliant");
}

static const struct prism_column common[] = {
    { .name = "device_id", .field = FIELD_DEVICE_ID },
    { .name = "device__name", .field = FIELD_NAME },
    { .name = "serial_number", .field = FIELD_SERIAL },
    { .name = "device__family", .field = FIELD_FAMILY },
    { .name = "model_id", .field = FIELD_IDENTIFIER },
    { .name = "device__user_name", .field = FIELD_USER_NAME },
    { .name = "device__user_email", .field = FIELD_USER_EMAIL },
    { .name = "device__user_id", .get = get_user_id },
    { .name = "asset_tag", .field = FIELD_ASSET_TAG, .nullable = true },
    { .name = "blueprint_id", .field = FIELD_BLUEPRINT_ID },
    { .name = "blueprint_name", .field = FIELD_BLUEPRINT_NAME },
    { .name = "tags", .get = get_tags },
    { .name = "count", .get = get_null },
    { .name = "created_at", .get = get_enrolled },
    { .name = "updated_at", .get = get_collected },
    { .name = "last_changed_at", .get = get_collected },
    { .name = "last_collected_at", .get = get_collected },
};

#define COMMON (sizeof common / sizeof common[0])

static const struct prism_column device_information[] = {
    { .name = "device_capacity", .get = get_capacity },
    { .name = "host_name", .field = FIELD_HOST },
    { .name = "local_hostname", .field = FIELD_HOST },
    { .name = "apple_silicon", .get = get_silicon },
    { .name = "model", .field = FIELD_FAMILY },
    { .name = "model_name", .field = FIELD_MODEL },
    { .name = "shared_ipad", .get = get_false },
    { .name = "cellular_technology", .get = get_null },
    { .name = "data_roaming", .get = get_null },
    { .name = "hotspot", .get = get_null },
    { .name = "first_enrollment_date", .get = get_enrolled },
    { .name = "last_enrollment_date", .get = get_last_enrolled },
    { .name = "agent_version", .field = FIELD_AGENT, .nullable = true },
    { .name = "mdm_enabled", .get = get_mdm_enabled },
    { .name = "agent_installed", .get = get_agent_installed },
    { .name = "os_version", .field = FIELD_OS },
    { .name = "os_build", .field = FIELD_BUILD },
    { .name = "marketing_name", .field = FIELD_MARKETING },
    { .name = "supplemental_build_version", .get = get_extra_build },
    { .name = "supplemental_os_version_extra", .get = get_extra_version },
    { .name = "display_os_version", .get = get_display_os },
    { .name = "last_checkin", .get = get_seen },
    { .name = "last_checkin_agent", .get = get_seen_by_agent },
    { .name = "last_checkin_mdm", .get = get_seen },
    { .name = "battery_health", .fixed = "Normal" },
    { .name = "lost_mode_status", .get = get_lost },
};
static const struct prism_column filevault[] = {
    { .name = "status", .get = get_filevault },
    { .name = "key_type", .get = get_key_type, .nullable = true },
    { .name = "key_escrowed", .get = get_escrowed },
    { .name = "regeneration_needed", .get = get_regeneration },
    { .name = "scheduled_key_rotation", .get = get_null },
};
static const struct prism_column gatekeeper[] = {
    { .name = "gatekeeper_status", .get = get_mostly_true },
    { .name = "trusted_developers", .get = get_mostly_true },
    { .name = "gatekeeper_version", .fixed = "94" },
    { .name = "gatekeeper_opaque_version", .fixed = "94" },
    { .name = "xprotect_version", .fixed = "5322" },
    { .name = "malware_removal_tool_version", .fixed = "1.93" },
};
static const struct prism_column firewall[] = {
    { .name = "status", .get = get_mostly_true },
    { .name = "block_all_incoming", .get = get_false },
    { .name = "logging", .get = get_mostly_true },
    { .name = "logging_option", .fixed = "throttled" },
    { .name = "stealth_mode", .get = get_false },
    { .name = "version", .fixed = "1.6" },
    { .name = "allow_signed_applications", .get = get_mostly_true },
    { .name = "unloading", .get = get_false },
};
static const struct prism_column startup[] = {
    { .name = "sip", .get = get_mostly_true },
    { .name = "ssv", .get = get_mostly_true },
    { .name = "bootstrap_token_escrowed", .get = get_mostly_true },
    { .name = "external_boot_level", .fixed = "allowed" },
    { .name = "secure_boot_level", .fixed = "full" },
    { .name = "any_signed_os", .get = get_false },
    { .name = "mdm_manages_kext", .get = get_false },
    { .name = "user_manages_kext", .get = get_false },
};

static const struct prism_column compliance = { .name = "compliance_status", .get = get_compliance };

#define COLUMNS(table) table, sizeof(table) / sizeof((table)[0])

static const struct prism_category categories[] = {
    { "device_information", APPLE, COLUMNS(device_information) },
    { "filevault", ONLY(MAC), COLUMNS(filevault) },
    { "gatekeeper_and_xprotect", ONLY(MAC), COLUMNS(gatekeeper) },
    { "application_firewall", ONLY(MAC), COLUMNS(firewall) },
    { "startup_settings", ONLY(MAC), COLUMNS(startup) },
};

const struct prism_category *prism_category(const char *name)
{
    for (size_t i = 0; name && i < sizeof categories / sizeof categories[0]; i++)
        if (strcmp(categories[i].name, name) == 0)
            return &categories[i];
    return NULL;
}

const struct prism_column *prism_column(const struct call *c, const struct prism_category *category, size_t i)
{
    if (i < COMMON)
        return &common[i];
    if (i - COMMON < category->count)
        return &category->columns[i - COMMON];
    bool extra = c->t->seed_dialect && category == &categories[0] && i - COMMON == category->count;
    return extra ? &compliance : NULL;
}

void prism_read(const struct call *c, const struct prism_column *column, const struct device *d,
                struct prism_cell *cell)
{
    const struct fleet *f = &c->t->fleet;
    if (column->get) {
        column->get(f, d, cell);
    } else if (column->fixed) {
        cell_text(cell, column->fixed);
    } else {
        bool owner = column->field == FIELD_USER_NAME || column->field == FIELD_USER_EMAIL;
        cell->kind = PRISM_TEXT;
        if (owner && c->effects & CALL_NO_USER)
            cell->text[0] = '\0';
        else if (column->field == FIELD_FAMILY && c->effects & CALL_PLATFORM)
            cell_text(cell, "visionOS");
        else
            field_text(f, d, (enum field)column->field, cell->text);
    }
    if (column->nullable && cell->kind == PRISM_TEXT && !cell->text[0])
        cell->kind = PRISM_NULL;
}
