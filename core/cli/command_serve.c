/* command_serve.c - `kmcp`: MCP on standard input and output.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <unistd.h>

#include "call_recover.h"
#include "cli.h"
#include "mcp/server.h"
#include "transport/stdio.h"

int command_serve(const struct cli *cli)
{
    struct host host;
    struct server *server;
    struct recovery *recovery;
    size_t workers;
    int in, out;
    bool idle;

    if (isatty(STDIN_FILENO))
        fprintf(stderr,
                "kmcp: waiting for an MCP client on standard input; kmcp --help shows the other commands\n");
    if (!stdio_take(&in, &out)) {
        fprintf(stderr, "kmcp: standard input and output must be open\n");
        return 1;
    }
    if (!host_build(&host, cli->config, &workers))
        return 1;
    server = server_new(&host, workers);
    if (!server) {
        fprintf(stderr, "kmcp: out of memory\n");
        return 1;
    }
    recovery = recover_start(&host);
    idle = stdio_serve(server, host.principal, in, out);
    recover_stop(recovery);
    recover_leave(&host);
    if (!idle)
        _exit(0); /* a call is stuck: nothing of it may be taken away under its feet */
    server_free(server);
    host_free(&host);
    return 0;
}
