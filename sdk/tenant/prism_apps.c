/* Prism's category apps: the same apps as GET /devices/{id}/apps. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "apps.h"
#include "prism_table.h"

#include <stdio.h>

enum {
    APP_NAME,
    APP_BUNDLE,
    APP_VERSION,
    APP_PATH,
    APP_BYTES,
    APP_SOURCE,
    APP_TEAM,
    APP_DEVELOPER,
    APP_SIGNATURE,
    APP_COPYRIGHT,
    APP_INFO
};

static const char *app_known(const struct prism_row *r, int arg)
{
    const struct app *known = apps_known(r->i);
    if (r->d->platform != MAC || !known)
        return "";
    return arg == APP_SOURCE ? known->source : arg == APP_TEAM ? known->team : known->developer;
}

static PRISM_GETTER(get_app)
{
    const struct device *d = r->d;
    char buf[FLEET_TEXT];
    cell->kind = CELL_TEXT;
    if (arg == APP_NAME)
        apps_name(r->i, cell->text);
    else if (arg == APP_BUNDLE)
        apps_bundle(r->i, cell->text);
    else if (arg == APP_VERSION)
        apps_version(d, r->i, cell->text);
    else if (arg == APP_PATH)
        apps_path(r->f, d, r->i, cell->text);
    else if (arg == APP_BYTES)
        cell_put_int(cell, apps_bytes(d, r->i));
    else if (arg == APP_SIGNATURE)
        cell_put_text(cell, d->platform == MAC ? "Developer ID Application" : "");
    else if (arg == APP_COPYRIGHT)
        cell_put_format(cell, "Copyright © %s", app_known(r, APP_DEVELOPER));
    else if (arg == APP_INFO)
        cell_put_format(cell, "%s %s", apps_name(r->i, buf), apps_known(r->i) ? "" : "(made up)");
    else
        cell_put_text(cell, app_known(r, arg));
}

static PRISM_GETTER(get_vendable)
{
    const struct app *known = apps_known(r->i);
    if (!known || r->d->platform != MAC)
        cell_put_null(cell);
    else
        cell_put_bool(cell, known->vendable);
}

static PRISM_GETTER(get_outdated)
{
    cell_put_bool(cell, apps_key(r->d, r->i) % 9 == 0);
}

static const struct prism_column apps[] = {
    { .name = "name", .get = get_app, .arg = APP_NAME },
    { .name = "version", .get = get_app, .arg = APP_VERSION },
    { .name = "short_version", .get = get_app, .arg = APP_VERSION },
    { .name = "bundle_id", .get = get_app, .arg = APP_BUNDLE },
    { .name = "path", .get = get_app, .arg = APP_PATH, .nullable = true },
    { .name = "obtained_from", .get = get_app, .arg = APP_SOURCE, .nullable = true },
    { .name = "bundle_size", .get = get_app, .arg = APP_BYTES },
    { .name = "signature", .get = get_app, .arg = APP_SIGNATURE, .nullable = true },
    { .name = "team_id", .get = get_app, .arg = APP_TEAM, .nullable = true },
    { .name = "developer_name", .get = get_app, .arg = APP_DEVELOPER, .nullable = true },
    { .name = "executable", .get = get_app, .arg = APP_NAME },
    { .name = "bundle_name", .get = get_app, .arg = APP_NAME },
    { .name = "bundle_type", .fixed = "APPL" },
    { .name = "bundle_display_name", .get = get_app, .arg = APP_NAME },
    { .name = "bundle_region", .fixed = "en" },
    { .name = "category", .fixed = "public.app-category.productivity" },
    { .name = "copyright", .get = get_app, .arg = APP_COPYRIGHT },
    { .name = "minimum_system_version", .fixed = "12.0" },
    { .name = "compiler", .fixed = "com.apple.compilers.llvm.clang.1_0" },
    { .name = "info", .get = get_app, .arg = APP_INFO },
    { .name = "apple_scriptable", .get = prism_get_false },
    { .name = "ad_hoc_code_signed", .get = prism_get_false },
    { .name = "app_store_vendable", .get = get_vendable },
    { .name = "beta_app", .get = prism_get_false },
    { .name = "device_based_vpp", .get = get_vendable },
    { .name = "download_canceled", .get = prism_get_false },
    { .name = "download_failed", .get = prism_get_false },
    { .name = "download_paused", .get = prism_get_false },
    { .name = "download_waiting", .get = prism_get_false },
    { .name = "dynamic_size", .get = get_app, .arg = APP_BYTES },
    { .name = "external_version_identifier", .get = prism_get_null },
    { .name = "has_update_available", .get = get_outdated },
    { .name = "installing", .get = prism_get_false },
    { .name = "app_clip", .get = prism_get_false },
    { .name = "validated", .get = prism_get_true },
    { .name = "environment_variables", .get = prism_get_null },
};

const struct prism_category prism_apps = { "apps", PRISM_APPLE, PRISM_COLS(apps), .rows = apps_count };
