/* command_policy.c - `kmcp policy`, and of it `explain`: which rule decides about one call.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock_read.h"
#include "cli.h"

static int explain(struct host *host, const struct cli *cli)
{
    const char *text = cli->n_args > 2 ? cli->args[2] : "{}";
    struct arena arena;
    struct call_input in = { .kind = CALL_TOOL,
                             .name = cli->args[1],
                             .client = "kmcp policy explain",
                             .principal = cli->values[OPT_AS] ? cli->values[OPT_AS] : host->principal,
                             .transport = cli->values[OPT_AS] && strncmp(cli->values[OPT_AS], "http:", 5) == 0
                                              ? "http"
                                              : "stdio",
                             .can_ask = cli->cannot_ask ? CALL_ASK_NO : CALL_ASK_YES,
                             .explain = true,
                             .real = cli->real };
    const char *at = cli->values[OPT_AT], *transport = cli->values[OPT_TRANSPORT];
    const struct call_output *out;
    const char *as = in.principal;
    char why[300];
    struct call *c;
    int status = 1;

    if (!scope_is_principal(as, strlen(as), why, sizeof why) || strchr(as, '*'))
        return cli_complain(why);
    if (at && (in.at_ms = clock_read(at)) <= 0)
        return cli_complain("--at must look like 2026-11-24T10:00:00Z");
    if (transport && strcmp(transport, "stdio") != 0 && strcmp(transport, "http") != 0 &&
        strcmp(transport, "command line") != 0)
        return cli_complain("--transport must be stdio, http or \"command line\"");
    if (transport)
        in.transport = transport;
    if (at)
        policy_at(&host->policy, in.at_ms);

    arena_init(&arena, 16 << 20);
    in.args = json_parse(&arena, text, strlen(text), JSON_UNIQUE, NULL);
    if (json_kind(in.args) != KMCP_JSON_OBJECT) {
        arena_release(&arena, false);
        return cli_complain("the arguments must be a JSON object such as '{\"device_id\": \"C02ABC\"}'");
    }
    c = call_run(host, &in);
    out = c ? call_output(c) : NULL;
    if (out && out->end == CALL_COMPLETE) {
        fputs(out->text, stdout);
        status = 0;
    } else {
        cli_complain(out && out->text ? out->text : "out of memory");
    }
    if (c)
        call_release(c);
    arena_release(&arena, false);
    return status;
}

int command_policy(const struct cli *cli)
{
    const char *what = cli->args[0];
    struct host host;
    size_t workers;
    int status;

    if (!host_build(&host, cli->config, &workers))
        return 1;
    status = strcmp(what, "explain") == 0 ? explain(&host, cli)
             : strcmp(what, "test") == 0  ? policy_test(&host, cli->args[1])
                                          : policy_replay(&host, cli->args[1]);
    host_free(&host);
    return status;
}
