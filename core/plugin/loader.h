/* loader.h - one plugin file, from its path to a checked descriptor.  SPDX-License-Identifier: Apache-2.0
 *
 * Order: trust walk, manifest (read from the file's bytes: no plugin code has run), dlopen(RTLD_NOW |
 * RTLD_LOCAL | RTLD_NODELETE), descriptor checks, table checks. Never dlclose. Every refusal is one sentence;
 * tests/abi/bad/ has one plugin for each.
 */
#ifndef KMCP_LOADER_H
#define KMCP_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <kmcp/plugin.h>
#include "base/schema.h"

/* A tool as the host knows it: normalised to the host's struct, schemas compiled. */
#define TOOL_HEADERS_MAX 16 /* x-mcp-header arguments of one tool */

struct tool {
    struct kmcp_tool decl;
    struct schema *input, *output; /* OUTPUT may be NULL */
    struct plugin *plugin;
    int hidden; /* show() took it away; __atomic, as below */
};

struct resource {
    struct kmcp_resource decl;
    struct plugin *plugin;
    bool is_template;
    int hidden;
};

struct prompt {
    struct kmcp_prompt decl;
    struct kmcp_prompt_arg *args; /* normalised copies */
    size_t n_args;
    struct plugin *plugin;
    int hidden;
};

struct plugin {
    struct kmcp_plugin decl;     /* normalised copy, tables not to be walked through it */
    char *path;                  /* resolved */
    const char *raw_routes;      /* the plugin's own table, its own stride, for finding a route by address */
    struct kmcp_option *options; /* normalised copies */
    struct kmcp_route *routes;
    struct tool *tools;
    struct resource *resources;
    struct prompt *prompts;
    size_t n_options, n_routes, n_tools, n_resources, n_prompts;
    void *state;
    const char **option_values; /* per option, from the INI or the default */
    void *lock;                 /* pthread_mutex_t *, for KMCP_SERIAL */
    int line;                   /* of its section in the INI */
};

/* NULL with one sentence in WHY, without the file's path in front (the caller adds FILE:LINE and the path).
 * NAME is the INI's. */
struct plugin *loader_load(const char *path, const char *name, char *why, size_t why_size);
void loader_free(struct plugin *p); /* our copies only; the object stays mapped */

/* The host's copy of the route at ADDRESS in the plugin's own table, or NULL if it is not one of them. */
const struct kmcp_route *loader_route(const struct plugin *p, const struct kmcp_route *address);

#endif
