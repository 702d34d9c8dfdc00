/* command_attest.c - `kmcp attest`: every request this installation could ever send, for who has to sign it
 * off. SPDX-License-Identifier: Apache-2.0 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/lazy.h"
#include "client/route.h"
#include "cli.h"
#include "own_routes.h"

struct paper {
    struct buf text; /* lines, or the members of a JSON object */
    bool json, failed;
};

/* ---- files ---- */

static bool hash_file(const char *path, char hex[2 * DIGEST_SIZE + 1])
{
    FILE *in = fopen(path, "rb");
    uint8_t digest[DIGEST_SIZE];
    char part[65536];
    struct buf all;
    size_t n;
    bool ok;

    if (!in)
        return false;
    buf_init(&all, 256 << 20);
    while ((n = fread(part, 1, sizeof part, in)) > 0)
        buf_add(&all, part, n);
    ok = !ferror(in) && !all.failed && digest_sha256(all.data ? all.data : "", all.len, digest);
    fclose(in);
    buf_free(&all);
    if (ok)
        digest_hex(digest, sizeof digest, hex);
    return ok;
}

static void add_file(struct paper *p, const char *role, const char *path, bool *first)
{
    char hex[2 * DIGEST_SIZE + 1] = "";

    if (!hash_file(path, hex)) {
        fprintf(stderr, "kmcp: \"%s\" cannot be read; its digest is missing\n", path);
        p->failed = true;
    }
    if (p->json) {
        buf_printf(&p->text, "%s{\"role\":\"%s\",\"path\":", *first ? "" : ",", role);
        json_quote(&p->text, path);
        buf_printf(&p->text, ",\"sha256\":\"%s\"}", hex);
    } else {
        buf_printf(&p->text, "file %-8s %s %s\n", role, hex, path);
    }
    *first = false;
}

/* PATH as the INI names it; NULL: it names none, and that is said too. */
static void add_named(struct paper *p, const char *role, const char *path, bool *first)
{
    if (path)
        add_file(p, role, path, first);
    else if (p->json)
        buf_printf(&p->text, ",{\"role\":\"%s\",\"path\":null,\"sha256\":null}", role);
    else
        buf_printf(&p->text, "no file %s\n", role);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_modules(struct paper *p, bool *first)
{
    char folder[1024], path[1400], *names[32];
    size_t n = 0;
    DIR *dir;

    if (!lazy_beside_exe("../lib/kmcp", folder, sizeof folder) || !(dir = opendir(folder)))
        return;
    for (struct dirent *e; (e = readdir(dir)) && n < sizeof names / sizeof *names;)
        if (strncmp(e->d_name, "kmcp-", 5) == 0 && strstr(e->d_name, ".so"))
            names[n++] = strdup(e->d_name);
    closedir(dir);
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i] ? names[i] : "?");
        add_file(p, "module", path, first);
        free(names[i]);
    }
}

static void add_files(struct paper *p, struct host *host)
{
    char exe[1024];
    bool first = true;

    if (p->json)
        buf_puts(&p->text, ",\"files\":[");
    if (lazy_exe(exe, sizeof exe))
        add_file(p, "program", exe, &first);
    add_modules(p, &first);
    for (size_t i = 0; i < host->registry.n_plugins; i++)
        add_file(p, "plugin", host->registry.plugins[i]->path, &first);
    add_file(p, "ini", host->config.file, &first);
    add_named(p, "approvers", host->policy.approvers, &first);
    add_named(p, "ca_file", host->tenant.ca_file, &first);
    add_named(p, "tokens", config_str(&host->config, "http", "tokens", NULL), &first);
    if (p->json)
        buf_puts(&p->text, "]");
}

/* ---- requests ---- */

/* The tools of the plugin that could use the route, of all or of those that the policy does not refuse. */
static bool is_reachable(const struct plugin *p, const struct kmcp_route *r, const struct policy *policy,
                         struct buf *tools)
{
    char rule[80];
    bool any = false;

    for (size_t i = 0; i < p->n_tools; i++) {
        const struct kmcp_tool *t = &p->tools[i].decl;

        if (!route_allowed(t->safety, r->safety) ||
            (policy && policy_refuses(policy, t->name, t->safety, rule)))
            continue;
        buf_printf(tools, "%s%s", any ? " " : "", t->name);
        any = true;
    }
    return any || (r->safety == KMCP_READ && (p->n_resources || p->n_prompts));
}

static void add_route(struct paper *p, const char *plugin, const struct kmcp_route *r, bool held,
                      const char *tools, const char *commands, bool *first)
{
    if (p->json)
        buf_printf(&p->text,
                   "%s{\"method\":\"%s\",\"path\":\"%s\",\"class\":\"%s\",\"plugin\":\"%s\",\"held_back\":%s,"
                   "\"tools\":\"%s\",\"commands\":\"%s\"}",
                   *first ? "" : ",", r->method, r->path, route_class_name(r->safety), plugin,
                   held ? "true" : "false", tools, commands);
    else
        buf_printf(&p->text, "%s %-6s %s %s (%s) by %s%s%s\n", held ? "held-back" : "request  ", r->method,
                   r->path, route_class_name(r->safety), plugin,
                   *tools || *commands ? tools : "resources and prompts", *tools && *commands ? ", " : "",
                   commands);
    *first = false;
}

/* kmcp doctor tries what only reads, whatever tools there are. */
static bool is_tried(const struct kmcp_route *r)
{
    return r->safety == KMCP_READ && strcmp(r->method, "GET") == 0;
}

static void add_routes(struct paper *p, const struct host *host)
{
    bool first = true;

    if (p->json)
        buf_puts(&p->text, ",\"requests\":[");
    for (size_t i = 0; i < host->registry.n_plugins; i++) {
        const struct plugin *plugin = host->registry.plugins[i];

        for (size_t k = 0; k < plugin->n_routes; k++) {
            const struct kmcp_route *r = &plugin->routes[k];
            struct buf now, ever;
            bool reach_now, reach_ever;

            buf_init(&now, 65536);
            buf_init(&ever, 65536);
            reach_now = is_reachable(plugin, r, &host->policy, &now) || is_tried(r);
            reach_ever = is_reachable(plugin, r, NULL, &ever) || is_tried(r);
            if (reach_ever)
                add_route(p, plugin->decl.name, r, !reach_now,
                          (reach_now ? now.data : ever.data) ? (reach_now ? now.data : ever.data) : "",
                          is_tried(r) ? "kmcp doctor" : "", &first);
            buf_free(&now);
            buf_free(&ever);
        }
    }
    for (size_t i = 0; i < OWN_ROUTES; i++)
        add_route(p, "kmcp", &own_routes[i].route, false, "", own_routes[i].by, &first);
    if (p->json)
        buf_puts(&p->text, "]");
}

/* Tools that answer nothing but no. */
static void add_held_tools(struct paper *p, const struct host *host)
{
    bool first = true;
    char rule[80];

    if (p->json)
        buf_puts(&p->text, ",\"tools_held_back\":[");
    for (size_t i = 0; i < host->registry.n_tools; i++) {
        const struct kmcp_tool *t = &host->registry.tools[i]->decl;

        if (!policy_refuses(&host->policy, t->name, t->safety, rule))
            continue;
        if (p->json) {
            buf_printf(&p->text, "%s{\"tool\":\"%s\",\"by\":", first ? "" : ",", t->name);
            json_quote(&p->text, rule);
            buf_puts(&p->text, "}");
        } else {
            buf_printf(&p->text, "held-back tool %s %s by %s\n", t->name, route_class_name(t->safety), rule);
        }
        first = false;
    }
    if (p->json)
        buf_puts(&p->text, "]");
}

/* ---- policy ---- */

static void add_fact(struct paper *p, const char *key, const char *value)
{
    if (p->json) {
        buf_printf(&p->text, ",\"%s\":", key);
        json_quote(&p->text, value);
    } else {
        buf_printf(&p->text, "%s %s\n", key, value);
    }
}

static void add_policy(struct paper *p, struct host *host)
{
    const struct policy *policy = &host->policy;
    char numbers[64];

    add_fact(p, "tenant", host->tenant.base_url);
    add_fact(p, "read_only", policy->read_only ? "yes" : "no");
    add_fact(p, "policy", host_policy_version(host));
    snprintf(numbers, sizeof numbers, "%zu rules, %zu caps", policy->n_rules, policy->n_caps);
    add_fact(p, "rules", numbers);
    add_fact(p, "persons", policy->pseudonyms ? "pseudonyms" : policy->redact_pii ? "masked" : "in clear");
    add_fact(p, "secrets_in_answers", policy->inline_secrets ? policy->inline_secrets : "none");
    add_fact(p, "unasked",
             policy->unasked_destroy && policy->unasked_reveal ? "DESTROY REVEAL"
             : policy->unasked_destroy                         ? "DESTROY"
             : policy->unasked_reveal                          ? "REVEAL"
                                                               : "none");
}

int command_attest(const struct cli *cli)
{
    struct paper p = { .json = cli->json };
    char hex[2 * DIGEST_SIZE + 1];
    uint8_t digest[DIGEST_SIZE];
    struct host host;
    size_t workers;

    if (!host_build(&host, cli->config, &workers))
        return 1;
    buf_init(&p.text, 16 << 20);
    buf_puts(&p.text, p.json ? "{\"kmcp\":\"" KMCP_VERSION "\"" : "kmcp " KMCP_VERSION "\n");
    add_policy(&p, &host);
    add_files(&p, &host);
    add_held_tools(&p, &host);
    add_routes(&p, &host);
    if (p.text.failed || !digest_sha256(p.text.data, p.text.len, digest)) {
        fprintf(stderr, "kmcp: out of memory, or no OpenSSL\n");
        p.failed = true;
    } else {
        digest_hex(digest, sizeof digest, hex);
        printf(p.json ? "%s,\"sha256\":\"%s\"}\n" : "%sattest sha256 %s\n", p.text.data, hex);
    }
    buf_free(&p.text);
    host_free(&host);
    return p.failed;
}
