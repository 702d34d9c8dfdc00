/* doctor_files.c - the checks of `kmcp doctor` that ask nobody: state, audit file, token, who may read what.
 * SPDX-License-Identifier: Apache-2.0 */

#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "mcp/lists.h"
#include "policy/approvers.h"
#include "policy/audit_chain.h"
#include "query/export_file.h"

/* False if it is there and others may read or write it, or it is not ours. */
static bool is_closed(struct doctor *d, const char *path)
{
    struct stat st;

    if (!path || !*path || stat(path, &st) != 0)
        return true;
    if (st.st_uid != geteuid() && st.st_uid != 0)
        doctor_say(d, "FAIL", "%s belongs to somebody else; chown it to the user that runs kmcp", path);
    else if (st.st_mode & 077)
        doctor_say(d, "FAIL", "%s may be read or written by others; chmod 600 it", path);
    else
        return true;
    return false;
}

static void check_modes(struct doctor *d)
{
    static const char *const beside[] = { "state.db",  "state.db-wal", "state.db-shm",
                                          "vault.key", "seal.key",     "pseudonym.key",
                                          NULL };
    struct config *c = &d->host.config;
    const char *const named[] = { d->host.policy.approvers, config_str(c, "http", "tokens", NULL),
                                  d->host.tenant.token_file,
                                  config_str(c, "state", "redis_password_file", NULL) };
    const char *folder = state_folder(d->host.state);
    char key[1100];
    bool ok = true;

    for (const char *const *name = beside; *folder && *name; name++)
        ok = is_closed(d, arena_format(&d->arena, "%s/%s", folder, *name)) && ok;
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        ok = is_closed(d, named[i]) && ok;
    chain_key_path(audit_path(d->host.audit), config_str(c, "audit", "key_file", NULL), key, sizeof key);
    ok = is_closed(d, key) && is_closed(d, audit_path(d->host.audit)) && ok;
    if (ok)
        doctor_say(d, "ok", "keys, tokens, state and audit file are closed to others");
}

static void check_approvers(struct doctor *d)
{
    size_t approvers = 0;
    char why[700];

    if (!d->host.policy.approvers)
        return;
    if (approvers_check(d->host.policy.approvers, &approvers, why, sizeof why))
        doctor_say(d, approvers ? "ok" : "FAIL", "%zu approvers in %s%s", approvers, d->host.policy.approvers,
                   approvers ? "" : "; kmcp approver NAME makes the lines for one");
    else
        doctor_say(d, "FAIL", "nobody could approve: %s", why);
}

/* An act that was entered must not come back to life, nor a cap be forgotten. */
static void check_keeping(struct doctor *d)
{
    char why[400];

    if (!state_is_shared(d->host.state) || !state_ready(d->host.state, why, sizeof why))
        return;
    switch (state_keeps(d->host.state, why, sizeof why)) {
    case STATE_YES:
        doctor_say(d, "ok", "Redis keeps what it is told");
        break;
    case STATE_NO:
        doctor_say(d, "warn", "Redis may lose or forget approvals, caps and acts: %s (docs/state.md)", why);
        break;
    case STATE_LOST:
        doctor_say(d, "ok", "that Redis keeps what it is told is unproven: it does not say how it is set up");
        break;
    }
}

static void check_audit(struct doctor *d)
{
    bool read_only = d->host.policy.read_only;
    char why[700];

    if (read_only && !d->host.export_folder) {
        doctor_say(d, "ok", "read-only: no audit file is needed");
        return;
    }
    if (audit_ready(d->host.audit, why, sizeof why))
        doctor_say(d, "ok", "audit: %s", audit_path(d->host.audit));
    else
        doctor_say(d, "FAIL", "%s would be refused: %s", read_only ? "exports" : "acts", why);
    if (!audit_anchors(d->host.audit, why, sizeof why))
        doctor_say(d, "FAIL", "the record would be told nowhere else: %s", why);
}

static bool say_left(void *arg, const char *name, const char *tool, const char *id)
{
    struct doctor *d = arg;

    (void)tool;
    doctor_say(d, "warn",
               "%s/%s.%s.part was left by a process that is gone; the next export removes it, or you do",
               d->host.export_folder, name, id);
    return false;
}

void doctor_files(struct doctor *d)
{
    bool read_only = d->host.policy.read_only;
    struct policy_ruling frozen;
    char why[700];

    doctor_say(d, "ok", "%s and every plugin are as they must be; %zu plugins, %zu tools",
               d->host.config.file, d->host.registry.n_plugins,
               d->host.registry.n_tools + lists_have_get_job(&d->host));
    if (policy_is_frozen(&d->host.policy, &frozen))
        doctor_say(d, "warn", "%s", frozen.why);
    if (state_ready(d->host.state, why, sizeof why))
        doctor_say(d, "ok", "state: %s", state_place(d->host.state));
    else if (read_only)
        doctor_say(d, "warn", "the request budget cannot be shared, so reads have a tenth of it: %s", why);
    else
        doctor_say(d, "FAIL", "acts would be refused: %s", why);
    check_modes(d);
    check_keeping(d);
    if (!read_only && state_clock(d->host.state, why, sizeof why) == STATE_NO)
        doctor_say(d, "FAIL", "acts would be refused: %s", why);
    check_audit(d);
    if (d->host.export_folder)
        export_file_left(d->host.export_folder, say_left, d);
    if (!read_only)
        check_approvers(d);
}

void doctor_token(struct doctor *d)
{
    struct secret token = { 0 };
    char why[700];

    d->token = tenant_token(&d->host.tenant, &token, why, sizeof why);
    if (d->token)
        doctor_say(d, "ok", "there is a token, of %zu characters", token.len);
    else
        doctor_say(d, "FAIL", "%s", why);
    secret_free(&token);
}
