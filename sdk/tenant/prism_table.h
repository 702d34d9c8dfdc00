/* What the tables of prism columns are written with. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_PRISM_TABLE_H
#define TENANT_PRISM_TABLE_H

#include "prism.h"

#define PRISM_APPLE   (1U << MAC | 1U << IPHONE | 1U << IPAD | 1U << APPLETV)
#define PRISM_ONLY(p) (1U << (p))
#define PRISM_MOBILE  (1U << IPHONE | 1U << IPAD)
#define PRISM_COLS(t) .columns = t, .count = sizeof(t) / sizeof((t)[0])

/* The head of a column's get function; most need neither all of the row nor the argument. */
#define PRISM_GETTER(name)                                                                                   \
    void name(const struct prism_row *r __attribute__((unused)), int arg __attribute__((unused)),            \
              struct cell *cell)

PRISM_GETTER(prism_get_null);
PRISM_GETTER(prism_get_false);
PRISM_GETTER(prism_get_true);
PRISM_GETTER(prism_get_collected); /* when the data was gathered */
/* Of a table of `count` things, the one in this row: each device begins at another, none comes twice. */
unsigned prism_pick(const struct prism_row *r, uint64_t salt, unsigned count);
/* /Users/NAME of the device's user. */
const char *prism_home(const struct prism_row *r, char buf[FLEET_TEXT + 8]);

extern const struct prism_category prism_device_information, prism_filevault, prism_gatekeeper_and_xprotect,
    prism_application_firewall, prism_startup_settings, prism_activation_lock, prism_apps, prism_cellular,
    prism_certificates, prism_desktop_and_screensaver, prism_installed_profiles, prism_kernel_extensions,
    prism_launch_agents_and_daemons, prism_local_users, prism_system_extensions, prism_transparency_database;

#endif
