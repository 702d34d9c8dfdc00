/* Prism's general category: device_information. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "field.h"
#include "prism_table.h"
#include "when.h"

enum { DATE_FIRST, DATE_LAST, DATE_SEEN, DATE_AGENT };

static PRISM_GETTER(get_date)
{
    const struct device *d = r->d;
    int64_t us = arg == DATE_FIRST                        ? d->enrolled_us
                 : arg == DATE_LAST                       ? d->enrolled_us + 40 * WHEN_SECOND
                 : arg == DATE_SEEN || field_has_agent(d) ? d->seen_us
                                                          : 0;
    cell_put_when(cell, us);
}

static PRISM_GETTER(get_capacity)
{
    cell->kind = CELL_REAL;
    cell->number = field_model(r->d)->capacity_gb;
}

static PRISM_GETTER(get_silicon)
{
    cell_put_bool(cell, r->d->platform == MAC && field_model(r->d)->silicon);
}

static PRISM_GETTER(get_mdm_enabled)
{
    cell_put_bool(cell, !r->d->removed);
}

static PRISM_GETTER(get_agent_installed)
{
    cell_put_bool(cell, field_has_agent(r->d));
}

static PRISM_GETTER(get_display_os)
{
    const struct name_os *os = field_os(r->d);
    cell_put_format(cell, "%s%s%s", os->version, os->extra_version[0] ? " " : "", os->extra_version);
}

static PRISM_GETTER(get_lost)
{
    cell_put_text(cell, r->d->lost ? "ENABLED" : "");
}

static PRISM_GETTER(get_extra_build)
{
    const struct name_os *os = field_os(r->d);
    cell_put_text(cell, os->extra_build[0] ? os->extra_build : os->build);
}

static PRISM_GETTER(get_extra_version)
{
    cell_put_text(cell, field_os(r->d)->extra_version);
}

static const struct prism_column device_information[] = {
    { .name = "device_capacity", .get = get_capacity },
    { .name = "host_name", .arg = FIELD_HOST },
    { .name = "local_hostname", .arg = FIELD_HOST },
    { .name = "apple_silicon", .get = get_silicon },
    { .name = "model", .arg = FIELD_FAMILY },
    { .name = "model_name", .arg = FIELD_MODEL },
    { .name = "shared_ipad", .get = prism_get_false },
    { .name = "cellular_technology", .get = prism_get_null },
    { .name = "data_roaming", .get = prism_get_null },
    { .name = "hotspot", .get = prism_get_null },
    { .name = "first_enrollment_date", .get = get_date, .arg = DATE_FIRST },
    { .name = "last_enrollment_date", .get = get_date, .arg = DATE_LAST },
    { .name = "agent_version", .arg = FIELD_AGENT, .nullable = true },
    { .name = "mdm_enabled", .get = get_mdm_enabled },
    { .name = "agent_installed", .get = get_agent_installed },
    { .name = "os_version", .arg = FIELD_OS },
    { .name = "os_build", .arg = FIELD_BUILD },
    { .name = "marketing_name", .arg = FIELD_MARKETING },
    { .name = "supplemental_build_version", .get = get_extra_build },
    { .name = "supplemental_os_version_extra", .get = get_extra_version },
    { .name = "display_os_version", .get = get_display_os },
    { .name = "last_checkin", .get = get_date, .arg = DATE_SEEN },
    { .name = "last_checkin_agent", .get = get_date, .arg = DATE_AGENT },
    { .name = "last_checkin_mdm", .get = get_date, .arg = DATE_SEEN },
    { .name = "battery_health", .fixed = "Normal" },
    { .name = "lost_mode_status", .get = get_lost },
};

const struct prism_category prism_device_information = { "device_information", PRISM_APPLE,
                                                         PRISM_COLS(device_information) };
