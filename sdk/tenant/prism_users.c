/* Prism's categories local_users and transparency_database: the accounts of a Mac, and what they may do. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "field.h"
#include "ids.h"
#include "prism_table.h"
#include "rng.h"
#include "when.h"

/* Row 0 is the owner's account and row 1 a system account, as in a device's details; then what some Macs
   have besides. */
enum { ACCOUNT_OWNER, ACCOUNT_SYSTEM, ACCOUNT_ADMIN, ACCOUNT_OLD, ACCOUNTS };

enum { USER_NAME, USER_FULL, USER_UID, USER_TYPE, USER_DIRECTORY, USER_HOME, USER_SHELL, USER_UUID };

static unsigned account_rows(const struct device *d)
{
    return 2 + rng_below(d->key, 950, ACCOUNTS - 1);
}

static void put_account_name(const struct prism_row *r, struct cell *cell)
{
    char name[FLEET_TEXT];
    field_text(r->f, r->d, FIELD_LOCAL_USER, name);
    if (r->i == ACCOUNT_OWNER)
        cell_put_text(cell, name);
    else if (r->i == ACCOUNT_OLD)
        cell_put_format(cell, "%s-old", name);
    else
        cell_put_text(cell, r->i == ACCOUNT_SYSTEM ? "_mbsetupuser" : "itadmin");
}

static void put_account_full(const struct prism_row *r, struct cell *cell)
{
    char name[FLEET_TEXT];
    field_text(r->f, r->d, r->d->user ? FIELD_USER_NAME : FIELD_LOCAL_USER, name);
    if (r->i == ACCOUNT_OWNER)
        cell_put_text(cell, name);
    else if (r->i == ACCOUNT_OLD)
        cell_put_format(cell, "%s (old)", name);
    else
        cell_put_text(cell, r->i == ACCOUNT_SYSTEM ? "Setup User" : "IT Administrator");
}

static void put_account_home(const struct prism_row *r, struct cell *cell)
{
    struct cell name;
    put_account_name(r, &name);
    if (r->i == ACCOUNT_SYSTEM)
        cell_put_text(cell, "/var/setup");
    else
        cell_put_format(cell, "/Users/%s", name.text);
}

static PRISM_GETTER(get_account)
{
    static const int uids[ACCOUNTS] = { 501, 248, 502, 503 };
    char id[IDS_SIZE];
    bool admin = r->i == ACCOUNT_ADMIN || (r->i == ACCOUNT_OWNER && rng_below(r->d->key, 530, 2));
    if (arg == USER_NAME)
        put_account_name(r, cell);
    else if (arg == USER_FULL)
        put_account_full(r, cell);
    else if (arg == USER_UID)
        cell_put_int(cell, uids[r->i]);
    else if (arg == USER_TYPE)
        cell_put_text(cell, admin ? "Administrator" : "Standard");
    else if (arg == USER_DIRECTORY)
        cell_put_text(cell, "/Local/Default");
    else if (arg == USER_HOME)
        put_account_home(r, cell);
    else if (arg == USER_SHELL)
        cell_put_text(cell, r->i == ACCOUNT_SYSTEM ? "/usr/bin/false" : "/bin/zsh");
    else
        cell_put_text(cell, ids_text(id, rng_draw(r->d->key, 951 + (uint64_t)r->i)));
}

/* `arg` is a bit for each account that has this property. */
static PRISM_GETTER(get_account_bit)
{
    cell_put_bool(cell, arg >> r->i & 1);
}

static PRISM_GETTER(get_account_filevault)
{
    cell_put_bool(cell, r->d->filevault && (r->i == ACCOUNT_OWNER || r->i == ACCOUNT_ADMIN));
}

/* `arg` is days after enrolment. */
static PRISM_GETTER(get_account_date)
{
    cell_put_when(cell, r->i == ACCOUNT_SYSTEM ? 0 : r->d->enrolled_us + (arg + (int)r->i) * WHEN_DAY);
}

static PRISM_GETTER(get_logged_in)
{
    cell_put_bool(cell, r->i == ACCOUNT_OWNER && r->d->online);
}

static PRISM_GETTER(get_logged_in_time)
{
    cell_put_when(cell, r->i == ACCOUNT_OWNER && r->d->online ? r->d->seen_us - WHEN_HOUR : 0);
}

static PRISM_GETTER(get_failures)
{
    cell_put_int(cell, r->i == ACCOUNT_OWNER ? rng_below(r->d->key, 955, 4) : 0);
}

static PRISM_GETTER(get_failure_time)
{
    bool failed = r->i == ACCOUNT_OWNER && rng_below(r->d->key, 955, 4);
    cell_put_when(cell, failed && r->d->seen_us ? r->d->seen_us - 2 * WHEN_HOUR : 0);
}

#define OF(account) (1 << (account))

static const struct prism_column local_users[] = {
    { .name = "username", .get = get_account, .arg = USER_NAME },
    { .name = "full_name", .get = get_account, .arg = USER_FULL },
    { .name = "uid", .get = get_account, .arg = USER_UID },
    { .name = "type", .get = get_account, .arg = USER_TYPE },
    { .name = "directory", .get = get_account, .arg = USER_DIRECTORY },
    { .name = "home_directory", .get = get_account, .arg = USER_HOME },
    { .name = "shell", .get = get_account, .arg = USER_SHELL },
    { .name = "generated_uid", .get = get_account, .arg = USER_UUID },
    { .name = "hidden_user", .get = get_account_bit, .arg = OF(ACCOUNT_SYSTEM) | OF(ACCOUNT_ADMIN) },
    { .name = "secure_token", .get = get_account_bit, .arg = OF(ACCOUNT_OWNER) | OF(ACCOUNT_ADMIN) },
    { .name = "filevault_user", .get = get_account_filevault },
    { .name = "volume_owner", .get = get_account_bit, .arg = OF(ACCOUNT_OWNER) },
    { .name = "logged_in", .get = get_logged_in },
    { .name = "logged_in_time", .get = get_logged_in_time },
    { .name = "mobile_account", .get = get_account_bit, .arg = OF(ACCOUNT_OLD) },
    { .name = "home_folder_secure", .get = get_account_bit, .arg = OF(ACCOUNT_OWNER) | OF(ACCOUNT_ADMIN) },
    { .name = "user_created_at", .get = get_account_date, .arg = 0 },
    { .name = "failed_logins", .get = get_failures },
    { .name = "failed_login_time", .get = get_failure_time },
    { .name = "password_last_set", .get = get_account_date, .arg = 30 },
};

/* What people let apps do; the last one lives in the owner's home. */
static const struct {
    const char *service, *application;
} grants[] = {
    { "kTCCServiceSystemPolicyAllFiles", "com.apple.Terminal" },
    { "kTCCServiceScreenCapture", "us.zoom.xos" },
    { "kTCCServiceMicrophone", "us.zoom.xos" },
    { "kTCCServiceCamera", "com.google.Chrome" },
    { "kTCCServiceAccessibility", "local.acme.tool" },
    { "kTCCServiceSystemPolicyDesktopFolder", NULL },
};

#define GRANTS (sizeof grants / sizeof grants[0])

enum {
    GRANT_SERVICE,
    GRANT_APPLICATION,
    GRANT_CLIENT,
    GRANT_STATUS,
    GRANT_REASON,
    GRANT_MODIFIED,
    GRANT_USER
};

static unsigned grant_rows(const struct device *d)
{
    return rng_below(d->key, 960, GRANTS + 1);
}

static PRISM_GETTER(get_grant)
{
    char home[FLEET_TEXT + 8];
    unsigned at = prism_pick(r, 961, GRANTS);
    bool allowed = rng_below(r->d->key, 962 + (uint64_t)at, 4) != 0;
    if (arg == GRANT_SERVICE)
        cell_put_text(cell, grants[at].service);
    else if (arg == GRANT_APPLICATION && grants[at].application)
        cell_put_text(cell, grants[at].application);
    else if (arg == GRANT_APPLICATION)
        cell_put_format(cell, "%s/bin/sync", prism_home(r, home));
    else if (arg == GRANT_CLIENT)
        cell_put_text(cell, grants[at].application ? "Bundle ID" : "Absolute Path");
    else if (arg == GRANT_STATUS)
        cell_put_text(cell, allowed ? "Allowed" : "Denied");
    else if (arg == GRANT_REASON)
        cell_put_text(cell, at % 2 ? "User Consent" : "MDM Policy");
    else if (arg == GRANT_MODIFIED)
        cell_put_when(cell, r->d->enrolled_us + (5 + at) * WHEN_DAY);
    else
        cell_put_text(cell, at == 0 ? "System" : prism_home(r, home) + sizeof "/Users");
}

static const struct prism_column transparency[] = {
    { .name = "service", .get = get_grant, .arg = GRANT_SERVICE },
    { .name = "application", .get = get_grant, .arg = GRANT_APPLICATION },
    { .name = "client_type", .get = get_grant, .arg = GRANT_CLIENT },
    { .name = "status", .get = get_grant, .arg = GRANT_STATUS },
    { .name = "status_reason", .get = get_grant, .arg = GRANT_REASON },
    { .name = "last_modified", .get = get_grant, .arg = GRANT_MODIFIED },
    { .name = "local_user", .get = get_grant, .arg = GRANT_USER },
};

const struct prism_category prism_local_users = { "local_users", PRISM_ONLY(MAC), PRISM_COLS(local_users),
                                                  .rows = account_rows };
const struct prism_category prism_transparency_database = { "transparency_database", PRISM_ONLY(MAC),
                                                            PRISM_COLS(transparency), .rows = grant_rows };
