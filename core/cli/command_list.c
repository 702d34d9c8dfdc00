/* command_list.c - `kmcp list`: the tools a client would see, and what each costs in bytes.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "client/route.h"
#include "cli.h"
#include "mcp/lists.h"
#include "mcp/rev.h"

/* One tool as tools/list spells it. TOOL NULL: the host's own, get_job. */
typedef void (*each_fn)(void *arg, const struct tool *tool, const struct buf *text);

static void each_tool(const struct host *host, each_fn each, void *arg)
{
    const struct registry *r = &host->registry;
    bool own = lists_have_get_job(host);
    struct buf text;
    char why[400];

    for (size_t i = 0; i <= r->n_tools; i++) {
        const struct tool *tool = i < r->n_tools ? r->tools[i] : NULL;

        buf_init(&text, 1 << 20);
        if (own && (!tool || strcmp(tool->decl.name, LISTS_GET_JOB) > 0)) { /* by name, as the others */
            own = false;
            lists_add_get_job(&text, rev_latest_legacy());
            each(arg, NULL, &text);
            buf_reset(&text);
        }
        if (tool && policy_offers(&host->policy, tool->decl.safety, why, sizeof why)) {
            lists_add_tool(&text, tool, rev_latest_legacy(), host->structured);
            each(arg, tool, &text);
        }
        buf_free(&text);
    }
}

struct cost {
    const struct plugin *plugin; /* NULL: the host's own */
    bool all;
    size_t tools, bytes;
};

static void add_cost(void *arg, const struct tool *tool, const struct buf *text)
{
    struct cost *c = arg;

    if (c->all || (tool ? tool->plugin : NULL) == c->plugin)
        c->bytes += text->len + (c->tools++ > 0); /* and a comma */
}

static void show_cost(const struct host *host, const struct plugin *plugin, const char *name, bool all)
{
    struct cost c = { .plugin = plugin, .all = all };

    each_tool(host, add_cost, &c);
    if (plugin || all || c.tools)
        printf("%-16s %3zu tools %6zu bytes, about %5zu tokens\n", name, c.tools, c.bytes, (c.bytes + 3) / 4);
}

static void show_costs(const struct host *host)
{
    for (size_t i = 0; i < host->registry.n_plugins; i++)
        show_cost(host, host->registry.plugins[i], host->registry.plugins[i]->decl.name, false);
    show_cost(host, NULL, "kmcp", false);
    show_cost(host, NULL, "all", true);
}

static void show_json(void *arg, const struct tool *tool, const struct buf *text)
{
    (void)arg;
    (void)tool;
    printf("%s\n", text->data);
}

static void show_line(void *arg, const struct tool *tool, const struct buf *text)
{
    printf("%-28s %-8s %-12s %5zu bytes  %s\n", tool ? tool->decl.name : LISTS_GET_JOB,
           route_class_name(tool ? tool->decl.safety : KMCP_READ), tool ? tool->plugin->decl.name : "kmcp",
           text->len, tool ? tool->decl.title : "Get a job's result");
    add_cost(arg, tool, text);
}

int command_list(const struct cli *cli)
{
    struct cost all = { .all = true };
    struct host host;
    size_t workers;

    if (!host_build(&host, cli->config, &workers))
        return 1;
    if (cli->cost) {
        show_costs(&host);
    } else if (cli->json) {
        each_tool(&host, show_json, NULL);
    } else {
        each_tool(&host, show_line, &all);
        printf("%zu bytes in all\n", all.bytes);
    }
    host_free(&host);
    return 0;
}
