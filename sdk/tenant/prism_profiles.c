/* Prism's categories installed_profiles and certificates. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "field.h"
#include "ids.h"
#include "prism_table.h"
#include "rng.h"

#include <stdio.h>

static const struct {
    const char *name, *identifier, *payload, *description;
    bool removable;
} profiles[] = {
    { "Wi-Fi “Büro”", "com.kandji.profile.wifi", "com.apple.wifi.managed", "Office network", false },
    { "Passcode", "com.kandji.profile.passcode", "com.apple.mobiledevice.passwordpolicy", "", false },
    { "FileVault", "com.kandji.profile.filevault", "com.apple.MCX.FileVault2", "Disk encryption", false },
    { "Lab settings", "example.lab.settings", "com.apple.ManagedClient.preferences", "Made by hand", true },
    { "Old VPN", "example.vpn.old", "com.apple.vpn.managed", "Before the migration", true },
};

#define PROFILES (sizeof profiles / sizeof profiles[0])

enum {
    PROFILE_NAME,
    PROFILE_IDENTIFIER,
    PROFILE_UUID,
    PROFILE_PASSCODE,
    PROFILE_DESCRIPTION,
    PROFILE_COMPANY
};

/* Row 0 is the MDM profile that a device's details show; the others are of the table. */
static unsigned profile_pick(const struct prism_row *r)
{
    return prism_pick(r, 930, PROFILES);
}

static unsigned profile_rows(const struct device *d)
{
    return d->removed ? 0 : 1 + rng_below(d->key, 931, PROFILES);
}

static bool profile_removable(const struct prism_row *r)
{
    return r->i && profiles[profile_pick(r)].removable;
}

static PRISM_GETTER(get_profile)
{
    unsigned at = profile_pick(r);
    char secret[64], id[IDS_SIZE];
    cell_put_text(cell, "");
    if (arg == PROFILE_NAME)
        cell_put_text(cell, r->i ? profiles[at].name : "MDM Profile");
    else if (arg == PROFILE_IDENTIFIER)
        cell_put_text(cell, r->i ? profiles[at].identifier : "com.kandji.profile.mdmprofile");
    else if (arg == PROFILE_UUID)
        cell_put_text(cell, ids_text(id, rng_draw(r->d->key, r->i ? 10000 + (uint64_t)at : 540)));
    else if (arg == PROFILE_DESCRIPTION)
        cell_put_text(cell, r->i ? profiles[at].description : "");
    else if (arg == PROFILE_COMPANY)
        cell_put_text(cell, profile_removable(r) ? "" : "Acme");
    else if (profile_removable(r) && rng_below(r->d->key, 932, 2)) {
        ids_letters(secret, 10, rng_draw(r->d->key, 933 + (uint64_t)at), "ABCDEFGHJKLMNPQRSTUVWXYZ23456789");
        snprintf(secret + 10, sizeof secret - 10, "%s", r->f->secret_mark);
        cell_put_text(cell, secret);
    }
}

static PRISM_GETTER(get_managed)
{
    cell_put_bool(cell, !profile_removable(r));
}

static PRISM_GETTER(get_removable)
{
    cell_put_bool(cell, profile_removable(r));
}

static void write_payloads(const struct prism_row *r, struct out *o, const char *key)
{
    char id[IDS_SIZE], identifier[FLEET_TEXT];
    unsigned at = profile_pick(r);
    const char *base = r->i ? profiles[at].identifier : "com.kandji.profile.mdmprofile";
    out_open(o, key, '[');
    out_open(o, NULL, '{');
    out_string(o, "type", r->i ? profiles[at].payload : "com.apple.mdm");
    out_string(o, "uuid", ids_text(id, rng_draw(r->d->key, 10100 + (uint64_t)r->i)));
    out_int(o, "version", 1);
    snprintf(identifier, sizeof identifier, "%s.payload", base);
    out_string(o, "identifier", identifier);
    out_close(o, '}');
    out_close(o, ']');
}

static const struct prism_column installed_profiles[] = {
    { .name = "profile_display_name", .get = get_profile, .arg = PROFILE_NAME },
    { .name = "payload_identifier", .get = get_profile, .arg = PROFILE_IDENTIFIER },
    { .name = "payload_uuid", .get = get_profile, .arg = PROFILE_UUID },
    { .name = "removal_passcode", .get = get_profile, .arg = PROFILE_PASSCODE, .nullable = true },
    { .name = "encrypted", .get = prism_get_false },
    { .name = "managed", .get = get_managed },
    { .name = "profile_description", .get = get_profile, .arg = PROFILE_DESCRIPTION, .nullable = true },
    { .name = "organization", .get = get_profile, .arg = PROFILE_COMPANY, .nullable = true },
    { .name = "removable", .get = get_removable },
    { .name = "signed", .get = get_managed },
    { .name = "profile_data", .write = write_payloads },
};

enum { CERTIFICATE_MDM, CERTIFICATE_ROOT, CERTIFICATE_HOST, CERTIFICATE_MAIL };

/* A person's certificate bears the mail address. */
static PRISM_GETTER(get_common_name)
{
    char buf[FLEET_TEXT], id[IDS_SIZE];
    if (r->i == CERTIFICATE_MDM)
        cell_put_format(cell, "MDM Identity %s", ids_text(id, rng_draw(r->d->key, 940)));
    else if (r->i == CERTIFICATE_ROOT)
        cell_put_text(cell, "Acme Root CA");
    else
        cell_put_text(cell,
                      field_text(r->f, r->d, r->i == CERTIFICATE_HOST ? FIELD_HOST : FIELD_USER_EMAIL, buf));
}

static PRISM_GETTER(get_identity)
{
    cell_put_bool(cell, r->i != CERTIFICATE_ROOT);
}

static unsigned certificate_rows(const struct device *d)
{
    unsigned n = rng_below(d->key, 941, 5);
    return n == CERTIFICATE_MAIL + 1 && !d->user ? CERTIFICATE_MAIL : n;
}

static const struct prism_column certificates[] = {
    { .name = "common_name", .get = get_common_name },
    { .name = "identity_certificate", .get = get_identity },
};

const struct prism_category prism_installed_profiles = { "installed_profiles", PRISM_APPLE,
                                                         PRISM_COLS(installed_profiles),
                                                         .rows = profile_rows };
const struct prism_category prism_certificates = { "certificates", PRISM_APPLE, PRISM_COLS(certificates),
                                                   .rows = certificate_rows };
