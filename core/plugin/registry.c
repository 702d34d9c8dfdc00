/* registry.c - the plugins the INI names, their options, and their tools by name.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "base/uri.h"
#include "call.h"
#include "registry.h"

/* Typed values of P's options from its section; "yes"/"no" for bools, as api.c reads them. */
static bool read_options(struct plugin *p, struct config *c, const char *section)
{
    p->option_values = calloc(p->n_options + 1, sizeof *p->option_values);
    for (size_t i = 0; p->option_values && i < p->n_options; i++) {
        const struct kmcp_option *o = &p->options[i];
        const struct config_entry *e = config_find(c, section, o->key);

        p->option_values[i] = config_str(c, section, o->key, o->dflt);
        if (!p->option_values[i])
            return config_fail(c, p->line, "[%s] needs \"%s\": %s", section, o->key, o->help);
        if (strcmp(o->type, "int") == 0 && e)
            config_int(c, section, o->key, 0, INT64_C(1000000000000000), 0);
        if (strcmp(o->type, "bool") == 0)
            p->option_values[i] = config_bool(c, section, o->key,
                                              strcmp(o->dflt ? o->dflt : "no", "yes") == 0)
                                      ? "yes"
                                      : "no";
        if (c->error[0])
            return false;
    }
    return p->option_values ? true : config_fail(c, p->line, "out of memory");
}

/* Names the first key of SECTION that neither the host nor the plugin knows. */
static bool check_keys(const struct plugin *p, struct config *c, const char *section)
{
    for (size_t i = 0; i < c->n_entries; i++) {
        struct config_entry *e = &c->entries[i];
        char known[300] = "path, optional";

        if (strcmp(e->section, section) != 0 || e->used)
            continue;
        for (size_t k = 0; k < p->n_options; k++) {
            size_t at = strlen(known);

            snprintf(known + at, sizeof known - at, ", %s", p->options[k].key);
        }
        return config_fail(c, e->line, "unknown key \"%s\" in [%s]; its keys are: %s", e->key, section,
                           known);
    }
    return true;
}

static bool declared_twice(struct config *c, const struct plugin *p, const struct plugin *before,
                           const char *what, const char *name)
{
    if (p == before)
        return config_fail(c, p->line, "plugin \"%s\" declares the %s \"%s\" twice", p->decl.name, what,
                           name);
    return config_fail(c, p->line,
                       "plugins \"%s\" and \"%s\" both declare the %s \"%s\"; remove one of the two sections",
                       before->decl.name, p->decl.name, what, name);
}

static bool add_prompts(struct registry *r, struct plugin *p, struct config *c)
{
    struct prompt **grown = realloc(r->prompts, (r->n_prompts + p->n_prompts + 1) * sizeof *grown);

    if (!grown)
        return config_fail(c, p->line, "out of memory");
    r->prompts = grown;
    for (size_t i = 0; i < p->n_prompts; i++) {
        for (size_t k = 0; k < r->n_prompts; k++)
            if (strcmp(r->prompts[k]->decl.name, p->prompts[i].decl.name) == 0)
                return declared_twice(c, p, r->prompts[k]->plugin, "prompt", p->prompts[i].decl.name);
        r->prompts[r->n_prompts++] = &p->prompts[i];
    }
    return true;
}

static bool add_resources(struct registry *r, struct plugin *p, struct config *c)
{
    struct resource **grown = realloc(r->resources, (r->n_resources + p->n_resources + 1) * sizeof *grown);

    if (!grown)
        return config_fail(c, p->line, "out of memory");
    r->resources = grown;
    for (size_t i = 0; i < p->n_resources; i++) {
        for (size_t k = 0; k < r->n_resources; k++)
            if (strcmp(r->resources[k]->decl.uri, p->resources[i].decl.uri) == 0)
                return declared_twice(c, p, r->resources[k]->plugin, "resource", p->resources[i].decl.uri);
        r->resources[r->n_resources++] = &p->resources[i];
    }
    return true;
}

static bool add_plugin(struct registry *r, struct plugin *p, struct config *c)
{
    struct plugin **plugins = realloc(r->plugins, (r->n_plugins + 1) * sizeof *plugins);
    struct tool **tools;

    if (!plugins)
        return config_fail(c, p->line, "out of memory");
    r->plugins = plugins;
    r->plugins[r->n_plugins++] = p;
    tools = realloc(r->tools, (r->n_tools + p->n_tools + 1) * sizeof(struct tool *));
    if (!tools)
        return config_fail(c, p->line, "out of memory");
    r->tools = tools;
    for (size_t i = 0; i < p->n_tools; i++) {
        for (size_t k = 0; k < r->n_tools; k++)
            if (strcmp(r->tools[k]->decl.name, p->tools[i].decl.name) == 0)
                return declared_twice(c, p, r->tools[k]->plugin, "tool", p->tools[i].decl.name);
        r->tools[r->n_tools++] = &p->tools[i];
    }
    return add_prompts(r, p, c) && add_resources(r, p, c);
}

static bool load_one(struct registry *r, struct config *c, const char *section, int line,
                     const char *plugin_dir)
{
    const char *name = section + strlen("plugin "), *path = config_path(c, section, "path");
    bool optional = config_bool(c, section, "optional", false);
    char dflt[PATH_MAX], why[900];
    struct plugin *p;

    if (c->error[0])
        return false;
    if (!text_is_name(name, 32))
        return config_fail(c, line, "plugin name \"%.40s\" is refused; use lower-case letters, digits and _",
                           name);
    snprintf(dflt, sizeof dflt, "%s/kmcp-%s.so", plugin_dir, name);
    p = loader_load(path ? path : dflt, name, why, sizeof why);
    if (!p && optional) {
        log_line(KMCP_LOG_WARN, name, "%s:%d: not loaded, and marked optional: %s", c->file, line, why);
        for (size_t i = 0; i < c->n_entries; i++)
            if (strcmp(c->entries[i].section, section) == 0)
                c->entries[i].used = true; /* nobody knows its keys */
        return true;
    }
    if (!p && access(path ? path : dflt, F_OK) != 0)
        return config_fail(c, line,
                           "there is no plugin \"%s\": %s does not exist; kmcp-NAME.so files are in %s", name,
                           path ? path : dflt, plugin_dir);
    if (!p)
        return config_fail(c, line, "plugin \"%s\" (%s) is refused: %s", name, path ? path : dflt, why);
    p->line = line;
    return add_plugin(r, p, c) && read_options(p, c, section) && check_keys(p, c, section);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct tool *const *)a)->decl.name, (*(struct tool *const *)b)->decl.name);
}

static int by_prompt_name(const void *a, const void *b)
{
    return strcmp((*(struct prompt *const *)a)->decl.name, (*(struct prompt *const *)b)->decl.name);
}

static int by_uri(const void *a, const void *b)
{
    return strcmp((*(struct resource *const *)a)->decl.uri, (*(struct resource *const *)b)->decl.uri);
}

bool registry_load(struct registry *r, struct config *c, const char *plugin_dir)
{
    memset(r, 0, sizeof *r);
    for (size_t i = 0; i < c->n_sections; i++)
        if (strncmp(c->sections[i].name, "plugin ", 7) == 0 &&
            !load_one(r, c, c->sections[i].name, c->sections[i].line, plugin_dir))
            return false;
    if (r->n_tools)
        qsort(r->tools, r->n_tools, sizeof *r->tools, by_name);
    if (r->n_prompts)
        qsort(r->prompts, r->n_prompts, sizeof *r->prompts, by_prompt_name);
    if (r->n_resources)
        qsort(r->resources, r->n_resources, sizeof *r->resources, by_uri);
    return true;
}

const struct kmcp_route **registry_routes(const struct registry *r, size_t *n)
{
    const struct kmcp_route **routes;
    size_t count = 0;

    for (size_t i = 0; i < r->n_plugins; i++)
        count += r->plugins[i]->n_routes;
    routes = calloc(count + 1, sizeof *routes);
    *n = 0;
    for (size_t i = 0; routes && i < r->n_plugins; i++)
        for (size_t k = 0; k < r->plugins[i]->n_routes; k++)
            routes[(*n)++] = &r->plugins[i]->routes[k];
    return routes;
}

struct tool *registry_find(const struct registry *r, const char *name)
{
    size_t low = 0, high = r->n_tools;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, r->tools[middle]->decl.name);

        if (order == 0)
            return r->tools[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

struct prompt *registry_prompt(const struct registry *r, const char *name)
{
    for (size_t i = 0; i < r->n_prompts; i++)
        if (strcmp(r->prompts[i]->decl.name, name) == 0)
            return r->prompts[i];
    return NULL;
}

struct resource *registry_resource(const struct registry *r, const char *uri)
{
    for (size_t i = 0; i < r->n_resources; i++)
        if (strcmp(r->resources[i]->decl.uri, uri) == 0)
            return r->resources[i];
    return NULL;
}

struct resource *registry_resource_at(const struct registry *r, struct arena *a, const char *uri,
                                      kmcp_json **vars)
{
    struct resource *exact = registry_resource(r, uri);

    *vars = json_object(a);
    if (exact && !exact->is_template)
        return exact;
    for (size_t i = 0; i < r->n_resources; i++)
        if (r->resources[i]->is_template && (*vars = uri_match(a, r->resources[i]->decl.uri, uri)))
            return r->resources[i];
    return NULL;
}

bool registry_has_feature(const struct registry *r, uint32_t feature)
{
    for (size_t i = 0; i < r->n_plugins; i++)
        if (r->plugins[i]->decl.features & feature)
            return true;
    return false;
}

bool registry_has_tool_flag(const struct registry *r, uint32_t flag)
{
    for (size_t i = 0; i < r->n_tools; i++)
        if (r->tools[i]->decl.flags & flag)
            return true;
    return false;
}

bool registry_has_updates(const struct registry *r)
{
    for (size_t i = 0; i < r->n_resources; i++)
        if (r->resources[i]->decl.flags & KMCP_RESOURCE_UPDATES)
            return true;
    return false;
}

bool registry_has_completion(const struct registry *r)
{
    for (size_t i = 0; i < r->n_prompts; i++)
        if (r->prompts[i]->decl.complete)
            return true;
    for (size_t i = 0; i < r->n_resources; i++)
        if (r->resources[i]->decl.complete)
            return true;
    return false;
}

struct plugin *registry_plugin(const struct registry *r, const char *name)
{
    for (size_t i = 0; i < r->n_plugins; i++)
        if (strcmp(r->plugins[i]->decl.name, name) == 0)
            return r->plugins[i];
    return NULL;
}

/* open() with a context that knows its plugin and its memory, and nothing of a call. */
static bool open_plugin(struct plugin *p, struct config *c, const struct kmcp_host *host)
{
    struct call opening = { .ctx = { host }, .plugin = p, .phase = CALL_OPENING };
    kmcp_rc rc;

    arena_init(&opening.arena, 1 << 20);
    rc = p->decl.open(&opening.ctx, &p->state);
    arena_release(&opening.arena, 0);
    if (rc == KMCP_OK)
        return true;
    return config_fail(c, p->line, "plugin \"%s\" does not open: %s", p->decl.name,
                       opening.failure.rc ? opening.failure.text : "it did not say why");
}

bool registry_open(struct registry *r, struct config *c, const struct kmcp_host *host)
{
    for (size_t i = 0; i < r->n_plugins; i++)
        if (r->plugins[i]->decl.open && !open_plugin(r->plugins[i], c, host)) {
            while (i-- > 0)
                if (r->plugins[i]->decl.close)
                    r->plugins[i]->decl.close(r->plugins[i]->state);
            return false;
        }
    return true;
}

void registry_close(struct registry *r)
{
    for (size_t i = r->n_plugins; i-- > 0;)
        if (r->plugins[i]->decl.close)
            r->plugins[i]->decl.close(r->plugins[i]->state);
    registry_free(r);
}

void registry_free(struct registry *r)
{
    for (size_t i = 0; i < r->n_plugins; i++)
        loader_free(r->plugins[i]);
    free(r->plugins);
    free(r->tools);
    free(r->prompts);
    free(r->resources);
    memset(r, 0, sizeof *r);
}
