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

static void add_files(struct paper *p, const struct host *host)
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
    if (p->json)
        buf_puts(&p->text, "]");
}

/* ---- requests ---- */

/* Could a tool of the plugin use the route? The policy's word is not asked. */
static bool is_reachable(const struct plugin *p, const struct kmcp_route *r, bool offered_only,
                         const struct policy *policy, struct buf *tools)
{
    char why[400];
    bool any = false;

    for (size_t i = 0; i < p->n_tools; i++) {
        const struct tool *t = &p->tools[i];

        if (!route_allowed(t->decl.safety, r->safety) ||
            (offered_only && !policy_offers(policy, t->decl.safety, why, sizeof why)))
            continue;
        buf_printf(tools, "%s%s", any ? " " : "", t->decl.name);
        any = true;
    }
    return any || (r->safety == KMCP_READ && (p->n_resources || p->n_prompts));
}

static void add_route(struct paper *p, const char *plugin, const struct kmcp_route *r, bool held,
                      const char *tools, bool *first)
{
    if (p->json)
        buf_printf(&p->text,
                   "%s{\"method\":\"%s\",\"path\":\"%s\",\"class\":\"%s\",\"plugin\":\"%s\",\"held_back\":%s,"
                   "\"tools\":\"%s\"}",
                   *first ? "" : ",", r->method, r->path, route_class_name(r->safety), plugin,
                   held ? "true" : "false", tools);
    else
        buf_printf(&p->text, "%s %-6s %s %s (%s) by %s\n", held ? "held-back" : "request  ", r->method,
                   r->path, route_class_name(r->safety), plugin, *tools ? tools : "resources and prompts");
    *first = false;
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
            reach_now = is_reachable(plugin, r, true, &host->policy, &now) &&
                        !(host->policy.read_only && r->safety != KMCP_READ);
            reach_ever = is_reachable(plugin, r, false, &host->policy, &ever);
            if (reach_ever)
                add_route(p, plugin->decl.name, r, !reach_now,
                          (reach_now ? now.data : ever.data) ? (reach_now ? now.data : ever.data) : "",
                          &first);
            buf_free(&now);
            buf_free(&ever);
        }
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
