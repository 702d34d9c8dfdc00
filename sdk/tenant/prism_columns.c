/* The prism categories, the columns that they all have, and the reading of any cell. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "field.h"
#include "prism_table.h"
#include "rng.h"
#include "when.h"

#include <stdio.h>
#include <string.h>

PRISM_GETTER(prism_get_null)
{
    cell->kind = CELL_NULL;
}

PRISM_GETTER(prism_get_false)
{
    cell_put_bool(cell, false);
}

PRISM_GETTER(prism_get_true)
{
    cell_put_bool(cell, true);
}

/* Prism's data is as old as the last daily collection. */
PRISM_GETTER(prism_get_collected)
{
    const struct device *d = r->d;
    cell_put_when(cell, d->seen_us
                            ? d->seen_us - d->seen_us % WHEN_DAY + (int64_t)(d->key % 3000000000U) - WHEN_DAY
                            : 0);
}

unsigned prism_pick(const struct prism_row *r, uint64_t salt, unsigned count)
{
    return (rng_below(r->d->key, salt, count) + r->i) % count;
}

const char *prism_home(const struct prism_row *r, char buf[FLEET_TEXT + 8])
{
    char name[FLEET_TEXT];
    snprintf(buf, FLEET_TEXT + 8, "/Users/%s", field_text(r->f, r->d, FIELD_LOCAL_USER, name));
    return buf;
}

static PRISM_GETTER(get_user_id)
{
    struct field_user u;
    cell_put_text(cell, "");
    if (r->d->user && field_owner(r->f, r->d, &u))
        cell_put_format(cell, "%u", u.legacy_id);
}

static PRISM_GETTER(get_tags)
{
    cell->kind = CELL_TAGS;
    cell->number = r->d->tags;
}

static PRISM_GETTER(get_enrolled)
{
    cell_put_when(cell, r->d->enrolled_us);
}

/* The seed says that device_information tells the compliance status; only its dialect shows it. */
static PRISM_GETTER(get_compliance)
{
    cell_put_text(cell, r->d->platform != MAC || r->d->filevault ? "compliant" : "non_compliant");
}

static const struct prism_column common[] = {
    { .name = "device_id", .arg = FIELD_DEVICE_ID },
    { .name = "device__name", .arg = FIELD_NAME },
    { .name = "serial_number", .arg = FIELD_SERIAL },
    { .name = "device__family", .arg = FIELD_FAMILY },
    { .name = "model_id", .arg = FIELD_IDENTIFIER },
    { .name = "device__user_name", .arg = FIELD_USER_NAME },
    { .name = "device__user_email", .arg = FIELD_USER_EMAIL },
    { .name = "device__user_id", .get = get_user_id },
    { .name = "asset_tag", .arg = FIELD_ASSET_TAG, .nullable = true },
    { .name = "blueprint_id", .arg = FIELD_BLUEPRINT_ID },
    { .name = "blueprint_name", .arg = FIELD_BLUEPRINT_NAME },
    { .name = "tags", .get = get_tags },
    { .name = "count", .get = prism_get_null },
    { .name = "created_at", .get = get_enrolled },
    { .name = "updated_at", .get = prism_get_collected },
    { .name = "last_changed_at", .get = prism_get_collected },
    { .name = "last_collected_at", .get = prism_get_collected },
};

#define COMMON (sizeof common / sizeof common[0])

static const struct prism_column compliance = { .name = "compliance_status", .get = get_compliance };

static const struct prism_category *const categories[] = {
    &prism_device_information,
    &prism_filevault,
    &prism_gatekeeper_and_xprotect,
    &prism_application_firewall,
    &prism_startup_settings,
    &prism_activation_lock,
    &prism_apps,
    &prism_cellular,
    &prism_certificates,
    &prism_desktop_and_screensaver,
    &prism_installed_profiles,
    &prism_kernel_extensions,
    &prism_launch_agents_and_daemons,
    &prism_local_users,
    &prism_system_extensions,
    &prism_transparency_database,
};

const struct prism_category *prism_category(const char *name)
{
    for (size_t i = 0; name && i < sizeof categories / sizeof categories[0]; i++)
        if (strcmp(categories[i]->name, name) == 0)
            return categories[i];
    return NULL;
}

const struct prism_column *prism_column(const struct call *c, const struct prism_category *category, size_t i)
{
    if (i < COMMON)
        return &common[i];
    if (i - COMMON < category->count)
        return &category->columns[i - COMMON];
    bool extra = c->t->seed_dialect && category == &prism_device_information && i - COMMON == category->count;
    return extra ? &compliance : NULL;
}

const struct prism_column *prism_column_named(const struct call *c, const struct prism_category *category,
                                              const char *name)
{
    const struct prism_column *column;
    for (size_t i = 0; (column = prism_column(c, category, i)); i++)
        if (strcmp(column->name, name) == 0)
            return column;
    return NULL;
}

static void read_field(const struct call *c, const struct prism_column *column, const struct prism_row *r,
                       struct cell *cell)
{
    bool owner = column->arg == FIELD_USER_NAME || column->arg == FIELD_USER_EMAIL;
    cell->kind = CELL_TEXT;
    if (owner && c->effects & CALL_NO_USER)
        cell->text[0] = '\0';
    else if (column->arg == FIELD_FAMILY && c->effects & CALL_PLATFORM)
        cell_put_text(cell, "visionOS");
    else
        field_text(r->f, r->d, (enum field)column->arg, cell->text);
}

void prism_read(const struct call *c, const struct prism_column *column, const struct prism_row *r,
                struct cell *cell)
{
    if (column->get)
        column->get(r, column->arg, cell);
    else if (column->write)
        cell->kind = CELL_NULL;
    else if (column->fixed)
        cell_put_text(cell, column->fixed);
    else
        read_field(c, column, r, cell);
    if (column->nullable && cell->kind == CELL_TEXT && !cell->text[0])
        cell->kind = CELL_NULL;
}
