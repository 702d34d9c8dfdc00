/* command_http.c - `kmcp http`: MCP over Streamable HTTP; and `kmcp token`, for those who may use it.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <unistd.h>

#include "call_recover.h"
#include "cli.h"
#include "mcp/server.h"
#include "transport/http_tokens.h"
#include "transport/streamable.h"

static void say_ready(const char *url)
{
    fprintf(stderr, "kmcp: listening on %s\n", url);
}

int command_http(const struct cli *cli)
{
    struct http_settings settings;
    struct server *server;
    struct recovery *recovery;
    struct host host;
    size_t workers;
    int status;

    if (cli->n_args && !http_settings_listen(cli->args[0])) {
        fprintf(stderr, "kmcp: " HTTP_LISTEN_FAULT "\n", cli->args[0]);
        return EXIT_USAGE;
    }
    if (!host_build(&host, cli->config, &workers))
        return 1;
    if (!http_settings_read(&settings, &host.config, cli->n_args ? cli->args[0] : NULL)) {
        fprintf(stderr, "kmcp: %s\n", host.config.error);
        host_free(&host);
        return 1;
    }
    server = server_new(&host, workers);
    if (!server) {
        fprintf(stderr, "kmcp: out of memory\n");
        return 1;
    }
    recovery = recover_start(&host);
    status = streamable_serve(server, &host, &settings, say_ready);
    recover_stop(recovery);
    recover_leave(&host);
    if (status == 2)
        _exit(0); /* a call is stuck: nothing of it may be taken away under its feet */
    server_free(server);
    host_free(&host);
    return status;
}

int command_token(const struct cli *cli)
{
    char token[64], line[200], why[200];

    if (!http_tokens_fit(cli->args[0], cli->args[1], why, sizeof why)) {
        fprintf(stderr, "kmcp: %s\n", why);
        return EXIT_USAGE;
    }
    if (!http_tokens_make(cli->args[0], cli->args[1], token, line, sizeof line, why, sizeof why)) {
        fprintf(stderr, "kmcp: %s\n", why);
        return 1;
    }
    printf("%s\n", line);
    fprintf(stderr,
            "kmcp: add the line above to the file that \"tokens\" in [http] names. The token, shown this "
            "once:\n%s\n",
            token);
    return 0;
}
