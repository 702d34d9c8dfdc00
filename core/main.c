/* main.c - one binary: a server when no command is given.  SPDX-License-Identifier: Apache-2.0 */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "cli/cli.h"

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct cli *);
    } commands[] = {
        { "check", command_check },       { "list", command_list },           { "dump", command_dump },
        { "call", command_call },         { "http", command_http },           { "token", command_token },
        { "policy", command_policy },     { "approve", command_approve },     { "deny", command_deny },
        { "approver", command_approver }, { "acts", command_acts },           { "state", command_state },
        { "audit", command_audit },       { "secret", command_secret },       { "doctor", command_doctor },
        { "attest", command_attest },     { "pseudonym", command_pseudonym },
    };
    const struct rlimit no_core = { 0, 0 }; /* a core file would hold the token and what a call held */
    struct cli cli;

    setrlimit(RLIMIT_CORE, &no_core);
#ifdef __linux__
    prctl(PR_SET_DUMPABLE,
          0); /* not to a crash handler that ignores the limit, nor to a debugger of this user */
#endif
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, 2);              /* threads come and go; each would leave a heap of its own behind */
    mallopt(M_MMAP_THRESHOLD, 256 << 10); /* and pages of lists go back when they are done with */
#endif
    signal(SIGXFSZ,
           SIG_IGN); /* a file at its limit is a write that fails, not the end between act and record */
    if (!cli_parse(&cli, argc, argv))
        return EXIT_USAGE;
    if (cli.help || cli.version) {
        fputs(cli.help ? cli_help_usage : "kmcp " KMCP_VERSION "\n", stdout);
        fputs(cli.help ? cli_help_options : "", stdout);
        return 0;
    }
    if (!cli.command)
        return command_serve(&cli);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, cli.command) == 0)
            return commands[i].run(&cli);
    return EXIT_USAGE; /* cli_parse knows the same names */
}
