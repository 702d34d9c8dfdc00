/* options.c - the command line.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "cli.h"

const char cli_help[] =
    "kmcp " KMCP_VERSION " - an MCP host for the Kandji (Iru) API\n"
    "\n"
    "usage: kmcp [--config FILE]                             serve MCP on standard input and output\n"
    "       kmcp http [ADDRESS:PORT] [--config FILE]         serve MCP over HTTP (127.0.0.1:8970)\n"
    "       kmcp check [--config FILE]                       read everything, load everything, say what is "
    "wrong\n"
    "       kmcp list [--json] [--config FILE]               the tools a client would see\n"
    "       kmcp dump PLUGIN [--config FILE]                 what a plugin declares: options, routes, tools\n"
    "       kmcp call TOOL [JSON] [--plan-only] [--config FILE]\n"
    "                                                        one tool from the shell, under the same rules\n"
    "       kmcp policy explain TOOL [JSON] [--as PRINCIPAL]  which rule decides about a call, and why\n"
    "       kmcp policy test FILE                            does the policy decide as FILE expects\n"
    "       kmcp policy replay AUDIT                         what this policy would have said to past calls\n"
    "       kmcp approve [ID]                                agree to a call that waits; without ID: what "
    "waits\n"
    "       kmcp deny ID                                     say no to it\n"
    "       kmcp approver NAME                               lines for the approvers file, from a "
    "passphrase\n"
    "       kmcp acts                                        acts without a known end: find out what became "
    "of them\n"
    "       kmcp state [accept-clock]                        where the state is and what is in it\n"
    "       kmcp token NAME SCOPES                           a token for HTTP, and its line for the token "
    "file\n"
    "       kmcp --version | --help\n"
    "\n"
    "options:\n"
    "  --config FILE   the INI file; else the first of $XDG_CONFIG_HOME/kmcp/kmcp.ini, "
    "~/.config/kmcp/kmcp.ini,\n"
    "                  /etc/kmcp/kmcp.ini\n"
    "  --json          list: the definitions as JSON, one a line\n"
    "  --as PRINCIPAL  policy explain: for this caller (http:ana)\n"
    "  --plan-only     call: say what it would do, and do nothing\n"
    "  --version       print the version\n"
    "  --help          print this\n"
    "\n"
    "environment: KANDJI_API_TOKEN, KANDJI_SUBDOMAIN and KANDJI_REGION fill in what the INI leaves out.\n"
    "exit status: 0 good, 1 refused or failed, 2 wrong usage.\n"
    "manual: kmcp.md, conf/kmcp.ini (every key)\n";

static const struct {
    const char *name;
    int min_args, max_args;
    const char *usage;
} commands[] = {
    { "check", 0, 0, "kmcp check" },
    { "list", 0, 0, "kmcp list [--json]" },
    { "dump", 1, 1, "kmcp dump PLUGIN" },
    { "http", 0, 1, "kmcp http [ADDRESS:PORT]" },
    { "policy", 2, 3, "kmcp policy explain TOOL [JSON], kmcp policy test FILE, kmcp policy replay AUDIT" },
    { "approve", 0, 1, "kmcp approve [ID]" },
    { "deny", 1, 1, "kmcp deny ID" },
    { "approver", 1, 1, "kmcp approver NAME" },
    { "acts", 0, 0, "kmcp acts" },
    { "state", 0, 1, "kmcp state [accept-clock]" },
    { "token", 2, 2, "kmcp token NAME read,reveal,write,destroy" },
    { "call", 1, 2, "kmcp call TOOL '{\"argument\": \"value\"}' [--plan-only]" },
};

static bool usage(const char *what, const char *which, const char *remedy)
{
    fprintf(stderr, "kmcp: %s \"%s\"; %s\n", what, which, remedy);
    return false;
}

static bool take_option(struct cli *cli, int argc, char **argv, int *i)
{
    const char *arg = argv[*i];

    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
        cli->help = true;
    else if (strcmp(arg, "--version") == 0)
        cli->version = true;
    else if (strcmp(arg, "--json") == 0)
        cli->json = true;
    else if (strcmp(arg, "--plan-only") == 0)
        cli->plan_only = true;
    else if (strncmp(arg, "--config=", 9) == 0)
        cli->config = arg + 9;
    else if (strcmp(arg, "--config") == 0 && *i + 1 < argc)
        cli->config = argv[++*i];
    else if (strcmp(arg, "--as") == 0 && *i + 1 < argc)
        cli->as = argv[++*i];
    else
        return usage(strcmp(arg, "--config") == 0 ? "no file after" : "unknown option", arg,
                     "kmcp --help shows them all");
    return true;
}

bool cli_parse(struct cli *cli, int argc, char **argv)
{
    memset(cli, 0, sizeof *cli);
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1]) {
            if (!take_option(cli, argc, argv, &i))
                return false;
        } else if (!cli->command) {
            cli->command = argv[i];
        } else if (cli->n_args < 4) {
            cli->args[cli->n_args++] = argv[i];
        }
    }
    if (!cli->command || cli->help || cli->version) {
        if (!cli->command && (cli->json || cli->plan_only))
            return usage("there is no command for", cli->json ? "--json" : "--plan-only",
                         "kmcp --help shows how to use it");
        return true;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, cli->command) == 0) {
            if (cli->n_args < commands[i].min_args || cli->n_args > commands[i].max_args)
                return usage(cli->n_args < commands[i].min_args ? "something is missing after"
                                                                : "too much after",
                             cli->command, commands[i].usage);
            if ((cli->as && strcmp(cli->command, "policy") != 0) ||
                (cli->json && strcmp(cli->command, "list") != 0) ||
                (cli->plan_only && strcmp(cli->command, "call") != 0))
                return usage("that option is not for", cli->command, commands[i].usage);
            return true;
        }
    return usage("unknown command", cli->command, "kmcp --help shows and explains them all");
}
