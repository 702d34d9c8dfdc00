/* Prism's categories about how a device is protected; one row per device each. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "field.h"
#include "prism_table.h"
#include "rng.h"

/* Switches that all but one Mac in twenty have right. */
static PRISM_GETTER(get_mostly_true)
{
    cell_put_bool(cell, rng_below(r->d->key, 850, 20) != 0);
}

static PRISM_GETTER(get_filevault)
{
    cell_put_bool(cell, r->d->filevault);
}

static PRISM_GETTER(get_key_type)
{
    cell_put_text(cell, r->d->filevault ? "Personal" : "");
}

static PRISM_GETTER(get_escrowed)
{
    cell_put_bool(cell, r->d->escrowed);
}

static PRISM_GETTER(get_regeneration)
{
    cell_put_bool(cell, r->d->filevault && !r->d->escrowed);
}

/* Intel Macs know no bootstrap token for kernel extensions. */
static PRISM_GETTER(get_silicon)
{
    cell_put_bool(cell, field_model(r->d)->silicon);
}

static PRISM_GETTER(get_user_lock)
{
    cell_put_bool(cell, field_activation_locked(r->d));
}

static PRISM_GETTER(get_allowed_lock)
{
    if (r->d->supervised)
        cell_put_bool(cell, false);
    else
        cell_put_null(cell);
}

static PRISM_GETTER(get_can_lock)
{
    cell_put_bool(cell, r->d->platform != APPLETV);
}

static const struct prism_column filevault[] = {
    { .name = "status", .get = get_filevault },
    { .name = "key_type", .get = get_key_type, .nullable = true },
    { .name = "key_escrowed", .get = get_escrowed },
    { .name = "regeneration_needed", .get = get_regeneration },
    { .name = "scheduled_key_rotation", .get = prism_get_null },
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
    { .name = "block_all_incoming", .get = prism_get_false },
    { .name = "logging", .get = get_mostly_true },
    { .name = "logging_option", .fixed = "throttled" },
    { .name = "stealth_mode", .get = prism_get_false },
    { .name = "version", .fixed = "1.6" },
    { .name = "allow_signed_applications", .get = get_mostly_true },
    { .name = "unloading", .get = prism_get_false },
};
static const struct prism_column startup[] = {
    { .name = "sip", .get = get_mostly_true },
    { .name = "ssv", .get = get_mostly_true },
    { .name = "bootstrap_token_auth", .get = get_silicon },
    { .name = "kext_requires_bst", .get = get_silicon },
    { .name = "software_update_requires_bst", .get = get_silicon },
    { .name = "bootstrap_token_escrowed", .get = get_mostly_true },
    { .name = "external_boot_level", .fixed = "allowed" },
    { .name = "secure_boot_level", .fixed = "full" },
    { .name = "any_signed_os", .get = prism_get_false },
    { .name = "mdm_manages_kext", .get = prism_get_false },
    { .name = "user_manages_kext", .get = prism_get_false },
};
/* The vendor never published these; they are the booleans of a device's details. */
static const struct prism_column activation_lock[] = {
    { .name = "bypass_code_failed", .get = prism_get_false },
    { .name = "user_activation_lock_enabled", .get = get_user_lock },
    { .name = "device_activation_lock_enabled", .get = prism_get_false },
    { .name = "activation_lock_allowed_while_supervised", .get = get_allowed_lock },
    { .name = "activation_lock_supported", .get = get_can_lock },
};

const struct prism_category prism_filevault = { "filevault", PRISM_ONLY(MAC), PRISM_COLS(filevault) };
const struct prism_category prism_gatekeeper_and_xprotect = { "gatekeeper_and_xprotect", PRISM_ONLY(MAC),
                                                              PRISM_COLS(gatekeeper) };
const struct prism_category prism_application_firewall = { "application_firewall", PRISM_ONLY(MAC),
                                                           PRISM_COLS(firewall) };
const struct prism_category prism_startup_settings = { "startup_settings", PRISM_ONLY(MAC),
                                                       PRISM_COLS(startup) };
const struct prism_category prism_activation_lock = { "activation_lock", PRISM_APPLE,
                                                      PRISM_COLS(activation_lock) };
/* Its own fields were never published. */
const struct prism_category prism_desktop_and_screensaver = { .name = "desktop_and_screensaver",
                                                              .platforms = PRISM_ONLY(MAC) };
