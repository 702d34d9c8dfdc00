/* registry.h - the plugins the INI names, loaded in its order, and their tools by name.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_REGISTRY_H
#define KMCP_REGISTRY_H

#include <stdbool.h>
#include "base/config.h"
#include "loader.h"

struct registry {
    struct plugin **plugins; /* in the INI's order */
    size_t n_plugins;
    struct tool **tools; /* all tools, sorted by name: the stable order of tools/list */
    size_t n_tools;
    struct prompt **prompts; /* likewise */
    size_t n_prompts;
    struct resource **resources; /* and templates, sorted by URI */
    size_t n_resources;
};

/* Loads every [plugin NAME] of C: file "path", else PLUGIN_DIR/kmcp-NAME.so. Checks options against the
 * section's keys and tool names across plugins. A failing plugin is fatal (false, C's error: "FILE:LINE:
 * plugin "x" (PATH): sentence") unless its section says optional = yes: then a warning in the log. */
bool registry_load(struct registry *r, struct config *c, const char *plugin_dir);
/* All routes of all plugins, for the client; the caller frees the array. */
const struct kmcp_route **registry_routes(const struct registry *r, size_t *n);
struct tool *registry_find(const struct registry *r, const char *name);
struct prompt *registry_prompt(const struct registry *r, const char *name);
/* The row declared with exactly this URI or template. */
struct resource *registry_resource(const struct registry *r, const char *uri);
/* The resource that URI names, else the first template it matches; VARS gets the template's variables, in A.
 */
struct resource *registry_resource_at(const struct registry *r, struct arena *a, const char *uri,
                                      kmcp_json **vars);
/* Does some plugin, or some row of it, make use of this? */
bool registry_has_feature(const struct registry *r, uint32_t feature);
bool registry_has_tool_flag(const struct registry *r, uint32_t flag);
bool registry_has_updates(const struct registry *r);
bool registry_has_completion(const struct registry *r);
struct plugin *registry_plugin(const struct registry *r, const char *name);
/* Calls open() of each in order, then close() in reverse; false with the config's error if one fails. */
bool registry_open(struct registry *r, struct config *c, const struct kmcp_host *host);
void registry_close(struct registry *r); /* and frees */
/* Frees without close(): after a failed load or open, and for commands that only look. */
void registry_free(struct registry *r);

#endif
