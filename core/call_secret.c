/* call_secret.c - what the API returned in a field that is declared a secret goes into the vault; the plugin,
 * and all after it, get a handle.  SPDX-License-Identifier: Apache-2.0 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "call_phase.h"

#define KEPT_MAX 16
#define DAY_MS   INT64_C(86400000)

bool call_is_inline(const struct call *c)
{
    return c->host->policy.inline_secrets && scope_word(c->host->policy.inline_secrets, c->tool->decl.name);
}

/* What people call what the API's field holds; a field that is not here has its own name. */
static const char *name_of(const char *field)
{
    static const char *const names[][2] = {
        { "key", "FileVault recovery key" },
        { "filevault_key", "FileVault recovery key" },
        { "pin", "unlock PIN" },
        { "PIN", "unlock PIN" },
        { "unlock_pin", "unlock PIN" },
        { "recovery_password", "recovery lock password" },
        { "user_based_albc", "user-based activation lock bypass code" },
        { "device_based_albc", "device-based activation lock bypass code" },
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], field) == 0)
            return names[i][1];
    return field;
}

/* To the minute; without the date if it is within a day. */
static const char *until_when(int64_t unix_ms, char *out, size_t size)
{
    bool today = unix_ms - clock_unix_ms() < DAY_MS;
    char iso[32];

    clock_iso(unix_ms, iso, sizeof iso);
    snprintf(out, size, "%.*sZ", today ? 5 : 16, iso + (today ? sizeof "2026-11-26T" - 1 : 0));
    return out;
}

const char *call_keep_secret(void *arg, const char *field, const char *value)
{
    struct call *c = arg;
    struct vault_item item = { .value = value,
                               .what = name_of(field),
                               .tool = c->name,
                               .principal = c->in->principal,
                               .subject = c->n_subjects ? c->subjects[0].id : NULL,
                               .label = c->n_subjects && !c->record.redact ? c->subjects[0].label : NULL };
    char why[600], until[32];

    if (strncmp(value, VAULT_HANDLE, sizeof VAULT_HANDLE - 1) == 0)
        return NULL;
    if (!vault_keep(c->host->vault, &item, why, sizeof why)) {
        log_line(KMCP_LOG_ERROR, "secrets", "a %s of %s is lost to kmcp: %s", field, c->name, why);
        c->unkept = arena_format(&c->arena, "the %s was read but could not be kept, and nobody saw it: %s",
                                 field, why);
        if (!c->unkept)
            c->unkept = "a secret was read but could not be kept, and nobody saw it";
        return NULL;
    }
    c->handles = arena_format(&c->arena, "%s%s%c%s, once, until %s: `kmcp secret open %s --reason \"...\"%s`",
                              c->handles ? c->handles : "", c->handles ? "; " : "",
                              c->handles ? *item.what : toupper((unsigned char)*item.what), item.what + 1,
                              until_when(item.expires_ms, until, sizeof until), item.handle,
                              c->host->config_option);
    return arena_strdup(&c->arena, item.handle);
}

bool call_can_keep(struct call *c)
{
    char why[600];

    if (c->safety != KMCP_REVEAL || call_is_inline(c) || vault_ready(c->host->vault, why, sizeof why))
        return true;
    return call_refuse(c, "%s was not done: the secret could not be kept: %s", c->name, why);
}
