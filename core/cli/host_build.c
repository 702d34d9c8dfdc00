/* host_build.c - from the INI to a host that is ready to be called.  SPDX-License-Identifier: Apache-2.0 */

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lazy.h"
#include "base/log.h"
#include "base/text.h"
#include "base/wipe.h"
#include "cli.h"
#include "plugin/api.h"
#include "transport/http_settings.h"

/* The first INI there is. Never one in the current directory. */
static const char *find_config(char *out, size_t size)
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (xdg && *xdg == '/' && snprintf(out, size, "%s/kmcp/kmcp.ini", xdg) < (int)size &&
        access(out, F_OK) == 0)
        return out;
    if (home && *home == '/' && snprintf(out, size, "%s/.config/kmcp/kmcp.ini", home) < (int)size &&
        access(out, F_OK) == 0)
        return out;
    snprintf(out, size, "/etc/kmcp/kmcp.ini");
    return access(out, F_OK) == 0 ? out : NULL;
}

static uint32_t read_log_level(struct config *c)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    const char *name = config_str(c, "log", "level", "info");

    for (uint32_t i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    config_fail(c, config_find(c, "log", "level")->line,
                "\"level\" must be error, warn, info or debug, not \"%.40s\"", name);
    return KMCP_LOG_INFO;
}

static const char *plugin_dir(struct config *c, char *out, size_t size)
{
    const char *dir = config_path(c, "server", "plugin_dir");

    if (dir)
        return dir;
    if (lazy_beside_exe("../lib/kmcp/plugins", out, size) || lazy_beside_exe("../plugins", out, size))
        return out;
    return "/usr/lib/kmcp/plugins";
}

static void name_principal(struct host *host)
{
    struct passwd *user = getpwuid(getuid());

    snprintf(host->principal, sizeof host->principal, "local:%lu(%.60s)", (unsigned long)getuid(),
             user ? user->pw_name : "unknown");
}

static bool is_tool(const struct host *host, const char *name)
{
    for (size_t i = 0; i < host->registry.n_tools; i++)
        if (text_casecmp(host->registry.tools[i]->decl.name, name) == 0)
            return true;
    return false;
}

/* A tool that is misspelt, or not loaded, would be ruled on otherwise than was meant. NAMES: the value of
 * KEY. It may be one of an optional plugin that is not there (PARTIAL). */
static bool names_tools(const struct host *host, struct config *c, const char *section, const char *key,
                        const char *names, bool stars, bool partial)
{
    const char *word;
    size_t len;

    while (names && (word = scope_next(&names, &len))) {
        int line = config_find(c, section, key)->line;
        char name[65];

        snprintf(name, sizeof name, "%.*s", len > 64 ? 64 : (int)len, word);
        if ((stars && strchr(name, '*')) || is_tool(host, name))
            continue;
        if (!partial)
            return config_fail(c, line,
                               "\"%s\" names \"%s\", which is no loaded tool; kmcp list shows those that are",
                               key, name);
        log_line(KMCP_LOG_WARN, "policy", "%s:%d: \"%s\" names \"%s\", which is no loaded tool", c->file,
                 line, key, name);
    }
    return true;
}

/* Where questions may leave files. */
static bool read_export(struct host *host, struct config *c)
{
    host->export_folder = config_path(c, "export", "folder");
    host->export_bytes = config_int(c, "export", "max_bytes", 1024, INT64_C(1) << 40, INT64_C(1) << 30);
    return !c->error[0];
}

/* A platform that the API does not have today may be one that it has tomorrow. */
static void know_platforms(const struct config *c, const char *section, const char *words)
{
    static const char known[] = "Mac, iPhone, iPad, AppleTV, Windows, Android";
    const char *word;
    size_t len;

    while (words && (word = scope_next(&words, &len))) {
        char name[65];

        snprintf(name, sizeof name, "%.*s", len > 64 ? 64 : (int)len, word);
        if (!strchr(name, '*') && !scope_word(known, name))
            log_line(KMCP_LOG_WARN, "policy",
                     "%s:%d: \"platforms\" names \"%s\", which no device may ever have; known are %s",
                     c->file, config_find(c, section, "platforms")->line, name, known);
    }
}

static bool names_what_there_is(const struct host *host, struct config *c)
{
    size_t plugins = 0;
    bool partial;

    for (size_t i = 0; i < c->n_sections; i++)
        plugins += strncmp(c->sections[i].name, "plugin ", 7) == 0;
    partial = plugins > host->registry.n_plugins;
    for (size_t i = 0; i < c->n_sections; i++) {
        const char *section = c->sections[i].name;

        if (strncmp(section, "rule ", 5) != 0 && strncmp(section, "cap ", 4) != 0)
            continue;
        if (!names_tools(host, c, section, "tools", config_str(c, section, "tools", NULL), true, partial))
            return false;
        know_platforms(c, section, config_str(c, section, "platforms", NULL));
    }
    return names_tools(host, c, "policy", "inline_secrets", host->policy.inline_secrets, false, partial);
}

static bool build(struct host *host, struct config *c, size_t *workers)
{
    static const char *const sections[] = { "tenant", "policy", "audit", "cache",  "limits", "server",
                                            "http",   "log",    "state", "export", NULL };
    const struct kmcp_route **routes;
    char dir[PATH_MAX];
    size_t n_routes;

    struct http_settings http; /* checked whoever serves; used by `kmcp http` */

    log_set_level(read_log_level(c));
    host->structured = config_bool(c, "server", "structured_content", false);
    host->answer_bytes = (size_t)config_int(c, "server", "answer_bytes", 1000, 10000000, 20000);
    if (!read_export(host, c))
        return false;
    host->call_timeout_ms = 1000 * config_int(c, "limits", "call_seconds", 1, 3600, 60);
    host->task_timeout_ms = 1000 * config_int(c, "limits", "task_seconds", 1, 86400, 3600);
    host->job_after_ms = 1000 * config_int(c, "server", "job_after", 1, 3600, 20);
    host->list_page = (size_t)config_int(c, "server", "list_page", 1, 10000, 1000);
    host->call_bytes = (size_t)config_int(c, "limits", "call_bytes", 1 << 20, INT64_C(1) << 32, 64 << 20);
    *workers = (size_t)config_int(c, "limits", "workers", 1, 256, 32);
    if (c->error[0] || !http_settings_read(&http, c, NULL) || !tenant_read(&host->tenant, c) ||
        !(host->state = state_new(c, host->tenant.base_url)) || !policy_read(&host->policy, c) ||
        !(host->audit = audit_new(c)) || !registry_load(&host->registry, c, plugin_dir(c, dir, sizeof dir)))
        return false;
    if (host->policy.redact_pii || !host->policy.read_only)
        wipe_begin();
    audit_use_state(host->audit, host->state);
    if (!names_what_there_is(host, c))
        return false;
    if (!(host->pseudonyms = pseudonyms_new(host->state)) ||
        !(host->vault = vault_new(host->state, host->policy.secret_ms)))
        return config_fail(c, 0, "out of memory");
    routes = registry_routes(&host->registry, &n_routes);
    host->client = routes ? client_new(c, &host->tenant, routes, n_routes) : NULL;
    free(routes);
    if (host->client)
        client_use_state(host->client, host->state);
    if (!host->client || !config_all_used(c, sections))
        return c->error[0] ? false : config_fail(c, 0, "out of memory");
    if (!host->registry.n_plugins)
        return config_fail(c, 0,
                           "no plugin is loaded, so there is nothing to serve; add a line [plugin devices]");
    return registry_open(&host->registry, c, &api_host);
}

/* What people have to write to reach the same INI: whoever runs the command may be in another folder. */
static void name_config(struct host *host, const char *config_file)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,";
    char full[PATH_MAX], dflt[PATH_MAX];
    const char *found = find_config(dflt, sizeof dflt), *quote;

    host->config_option[0] = '\0';
    if (!config_file || !realpath(config_file, full) || (found && strcmp(found, full) == 0))
        return;
    quote = full[strspn(full, plain)] ? "'" : "";
    if (strchr(full, '\'') || snprintf(host->config_option, sizeof host->config_option, " --config %s%s%s",
                                       quote, full, quote) >= (int)sizeof host->config_option)
        snprintf(host->config_option, sizeof host->config_option, " --config FILE");
}

bool host_build(struct host *host, const char *config_file, size_t *workers)
{
    char found[PATH_MAX];

    host_init(host);
    name_config(host, config_file);
    if (!config_file)
        config_file = find_config(found, sizeof found);
    if (!config_file) {
        fprintf(
            stderr,
            "kmcp: there is no configuration; looked for $XDG_CONFIG_HOME/kmcp/kmcp.ini, "
            "~/.config/kmcp/kmcp.ini and /etc/kmcp/kmcp.ini. Copy conf/kmcp.ini to one of them, or name one "
            "with --config FILE\n");
        return false;
    }
    name_principal(host);
    if (config_read(&host->config, config_file) && build(host, &host->config, workers))
        return true;
    fprintf(stderr, "kmcp: %s\n", host->config.error);
    registry_free(&host->registry);
    client_free(host->client);
    vault_free(host->vault);
    pseudonyms_free(host->pseudonyms);
    state_free(host->state);
    policy_free(&host->policy);
    audit_free(host->audit);
    config_free(&host->config);
    return false;
}

void host_free(struct host *host)
{
    client_free(host->client);
    vault_free(host->vault);
    pseudonyms_free(host->pseudonyms);
    state_free(host->state);
    registry_close(&host->registry);
    consent_free(host->consent);
    policy_free(&host->policy);
    audit_free(host->audit);
    config_free(&host->config);
}
