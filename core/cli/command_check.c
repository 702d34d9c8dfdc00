/* command_check.c - `kmcp check`: would it start, and could it act?  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>

#include "cli.h"

int command_check(const struct cli *cli)
{
    struct host host;
    size_t workers, offered = 0;
    char why[500];
    int status = 0;

    if (!host_build(&host, cli->config, &workers))
        return 1;
    for (size_t i = 0; i < host.registry.n_tools; i++)
        offered += policy_offers(&host.policy, host.registry.tools[i]->decl.safety, why, sizeof why);
    if (!host.policy.read_only && !audit_ready(host.audit, why, sizeof why)) {
        fprintf(stderr, "kmcp: acts would be refused: %s\n", why);
        status = 1;
    }
    printf(
        "%s: %s\ntenant: %s\nplugins: %zu, tools: %zu, offered: %zu\nread-only: %s, person data masked: %s\n",
        host.config.file, status ? "not ready" : "ok", host.tenant.base_url, host.registry.n_plugins,
        host.registry.n_tools, offered, host.policy.read_only ? "yes" : "no",
        host.policy.redact_pii ? "yes" : "no");
    if (!host.policy.read_only)
        printf("audit: %s\n", audit_path(host.audit));
    host_free(&host);
    return status;
}
