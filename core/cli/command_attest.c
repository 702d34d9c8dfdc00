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

/* MAKES: what makes such a file, or NULL. */
static void add_file(struct paper *p, const char *role, const char *path, const char *makes, bool *first)
{
    char hex[2 * DIGEST_SIZE + 1] = "";
    bool ok = hash_file(path, hex);

    if (!ok) {
        fprintf(stderr, "kmcp: the file \"%s\" (%s) cannot be read, so its digest is missing%s%s\n", path,
                role, makes ? "; what stands in it is made by " : "", makes ? makes : "");
        p->failed = true;
    }
    if (p->json) {
        buf_printf(&p->text, "%s{\"role\":\"%s\",\"path\":", *first ? "" : ",", role);
        json_quote(&p->text, path);
        buf_printf(&p->text, ok ? ",\"sha256\":\"%s\"}" : ",\"sha256\":null%s}", hex);
    } else if (ok) {
        buf_printf(&p->text, "file %-8s %s %s\n", role, hex, path);
    } else {
        buf_printf(&p->text, "no digest %s %s\n", role, path);
    }
    *first = false;
}

/* PATH as the INI names it; NULL: it names none, and that is said too. */
static void add_named(struct paper *p, const char *role, const char *path, const char *makes, bool *first)
{
    if (path)
        add_file(p, role, path, makes, first);
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
        add_file(p, "module", path, NULL, first);
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
        add_file(p, "program", exe, NULL, &first);
    add_modules(p, &first);
    for (size_t i = 0; i < host->registry.n_plugins; i++)
        add_file(p, "plugin", host->registry.plugins[i]->path, NULL, &first);
    add_file(p, "ini", host->config.file, NULL, &first);
    add_named(p, "approvers", host->policy.approvers, "kmcp approver NAME", &first);
    add_named(p, "ca_file", host->tenant.ca_file, NULL, &first);
    add_named(p, "tokens", config_str(&host->config, "http", "tokens", NULL), "kmcp token NAME SCOPES",
              &first);
    if (p->json)
        buf_puts(&p->text, "]");
}

/* ---- requests ---- */

/* Has the plugin a tool that could use the route, of all or of those that the policy does not refuse? Which
 * one does is in its code: the host holds tools to the class alone. */
static bool has_tool(const struct plugin *p, const struct kmcp_route *r, const struct policy *policy)
{
    char rule[80];

    for (size_t i = 0; i < p->n_tools; i++) {
        const struct kmcp_tool *t = &p->tools[i].decl;

        if (route_allowed(t->safety, r->safety) &&
            !(policy && policy_refuses(policy, t->name, t->safety, rule)))
            return true;
    }
    return false;
}

/* Who could send it, in words. */
static void say_who(const struct plugin *p, const struct kmcp_route *r, bool tools, bool tried,
                    struct buf *out)
{
    if (tools)
        buf_printf(out, "tools of module %s%s%s%s", p->decl.name, r->safety == KMCP_READ ? "" : " of class ",
                   r->safety == KMCP_READ ? "" : route_class_name(r->safety),
                   r->safety == KMCP_WRITE ? " or above" : "");
    if (r->safety == KMCP_READ && (p->n_resources || p->n_prompts))
        buf_printf(out, "%sits resources and prompts", tools ? ", " : "");
    if (tried)
        buf_printf(out, "%skmcp doctor", out->len ? ", " : "");
}

static void add_route(struct paper *p, const char *plugin, const struct kmcp_route *r, bool held,
                      const char *by, bool *first)
{
    if (p->json)
        buf_printf(&p->text,
                   "%s{\"method\":\"%s\",\"path\":\"%s\",\"class\":\"%s\",\"plugin\":\"%s\",\"held_back\":%s,"
                   "\"by\":\"%s\"}",
                   *first ? "" : ",", r->method, r->path, route_class_name(r->safety), plugin,
                   held ? "true" : "false", by);
    else
        buf_printf(&p->text, "%s %-6s %s %s (%s) by %s\n", held ? "held-back" : "request  ", r->method,
                   r->path, route_class_name(r->safety), plugin, by);
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
            bool reads = r->safety == KMCP_READ && (plugin->n_resources || plugin->n_prompts);
            bool now = has_tool(plugin, r, &host->policy), ever = now || has_tool(plugin, r, NULL);
            bool held = !now && !reads && !is_tried(r);
            struct buf by;

            if (held && !ever)
                continue;
            buf_init(&by, 4096);
            say_who(plugin, r, held ? ever : now, is_tried(r), &by);
            add_route(p, plugin->decl.name, r, held, by.data ? by.data : "", &first);
            buf_free(&by);
        }
    }
    for (size_t i = 0; i < OWN_ROUTES; i++)
        add_route(p, "kmcp", &own_routes[i].route, false, own_routes[i].by, &first);
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

static bool is_ruling(const char *section)
{
    return strncmp(section, "rule ", 5) == 0 || strncmp(section, "cap ", 4) == 0;
}

/* Rules and caps as the INI has them, in its order, which decides; and what it says of [policy]. */
static void add_rules(struct paper *p, const struct config *c)
{
    bool first = true;

    if (p->json)
        buf_puts(&p->text, ",\"rules\":[");
    for (size_t i = 0; i < c->n_sections; i++) {
        const char *section = c->sections[i].name;
        bool begun = false;

        if (!is_ruling(section) && strcmp(section, "policy") != 0)
            continue;
        if (p->json)
            buf_printf(&p->text, "%s{\"section\":\"%s\"", first ? "" : ",", section);
        else
            buf_printf(&p->text, "[%s]", section);
        first = false;
        for (size_t k = 0; k < c->n_entries; k++) {
            const struct config_entry *e = &c->entries[k];

            if (strcmp(e->section, section) != 0)
                continue;
            if (p->json) {
                buf_printf(&p->text, ",\"%s\":", e->key);
                json_quote(&p->text, e->value);
            } else {
                buf_printf(&p->text, "%s %s = %s", begun ? ";" : "", e->key, e->value);
            }
            begun = true;
        }
        buf_puts(&p->text, p->json ? "}" : "\n");
    }
    if (p->json)
        buf_puts(&p->text, "]");
}

static void add_policy(struct paper *p, struct host *host)
{
    const struct policy *policy = &host->policy;

    add_fact(p, "tenant", host->tenant.base_url);
    add_fact(p, "read_only", policy->read_only ? "yes" : "no");
    add_fact(p, "policy", host_policy_version(host));
    add_rules(p, &host->config);
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
