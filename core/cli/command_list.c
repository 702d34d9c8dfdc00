/* command_list.c - `kmcp list`: the tools a client would see, and what each costs in bytes.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>

#include "client/route.h"
#include "cli.h"
#include "mcp/lists.h"
#include "mcp/rev.h"

/* What the tools of PLUGIN cost, or of all (NULL). */
static size_t cost_of(const struct host *host, const struct plugin *plugin, size_t *tools)
{
    size_t bytes = 0;
    char why[400];

    *tools = 0;
    for (size_t i = 0; i < host->registry.n_tools; i++) {
        const struct tool *tool = host->registry.tools[i];
        struct buf text;

        if ((plugin && tool->plugin != plugin) ||
            !policy_offers(&host->policy, tool->decl.safety, why, sizeof why))
            continue;
        buf_init(&text, 1 << 20);
        lists_add_tool(&text, tool, rev_latest_legacy(), host->structured);
        bytes += text.len + ((*tools)++ > 0); /* and a comma */
        buf_free(&text);
    }
    return bytes;
}

static void show_cost(const struct host *host)
{
    size_t tools, bytes;

    for (size_t i = 0; i < host->registry.n_plugins; i++) {
        const struct plugin *p = host->registry.plugins[i];

        bytes = cost_of(host, p, &tools);
        printf("%-16s %3zu tools %6zu bytes, about %5zu tokens\n", p->decl.name, tools, bytes,
               (bytes + 3) / 4);
    }
    bytes = cost_of(host, NULL, &tools);
    printf("%-16s %3zu tools %6zu bytes, about %5zu tokens\n", "all", tools, bytes, (bytes + 3) / 4);
}

int command_list(const struct cli *cli)
{
    struct host host;
    size_t workers, total = 0;
    char why[400];

    if (!host_build(&host, cli->config, &workers))
        return 1;
    if (cli->cost) {
        show_cost(&host);
        host_free(&host);
        return 0;
    }
    for (size_t i = 0; i < host.registry.n_tools; i++) {
        const struct tool *tool = host.registry.tools[i];
        struct buf text;

        if (!policy_offers(&host.policy, tool->decl.safety, why, sizeof why))
            continue;
        buf_init(&text, 1 << 20);
        lists_add_tool(&text, tool, rev_latest_legacy(), host.structured);
        if (cli->json)
            printf("%s\n", text.data);
        else
            printf("%-28s %-8s %-12s %5zu bytes  %s\n", tool->decl.name, route_class_name(tool->decl.safety),
                   tool->plugin->decl.name, text.len, tool->decl.title);
        total += text.len;
        buf_free(&text);
    }
    if (!cli->json)
        printf("%zu bytes in all\n", total);
    host_free(&host);
    return 0;
}
