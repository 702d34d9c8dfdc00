/* command_list.c - `kmcp list`: the tools a client would see, and what each costs in bytes.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>

#include "client/route.h"
#include "cli.h"
#include "mcp/lists.h"
#include "mcp/rev.h"

int command_list(const struct cli *cli)
{
    struct host host;
    size_t workers, total = 0;
    char why[400];

    if (!host_build(&host, cli->config, &workers))
        return 1;
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
