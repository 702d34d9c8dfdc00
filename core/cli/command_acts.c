/* command_acts.c - `kmcp acts`: those without a known end, and finding out; `kmcp state`.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "call_recover.h"
#include "cli.h"

static int complain(struct host *host)
{
    char why[500];

    state_why(host->state, why, sizeof why);
    fprintf(stderr, "kmcp: %s\n", why);
    return 1;
}

static void show_act(void *arg, const struct ledger_entry *e, const char *now)
{
    char when[32], target[TERMINAL_TEXT], who[TERMINAL_TEXT], request[TERMINAL_TEXT], end[TERMINAL_TEXT];

    (void)arg;
    printf("%s  %s  %s  %s%s%s\n  %s%s%s\n", clock_iso(e->at_ms, when, sizeof when), e->tool,
           terminal_text(e->target, target), terminal_text(e->principal, who), e->request ? "  " : "",
           terminal_text(e->request, request), e->id, now ? ": " : ": still under way",
           terminal_text(now, end));
}

int command_acts(const struct cli *cli)
{
    struct host host;
    size_t workers, n = 0;

    if (!host_build(&host, cli->config, &workers))
        return 1;
    if (recover_all(&host, NULL, show_act, NULL, &n) != STATE_YES) {
        int status = complain(&host);

        host_free(&host);
        return status;
    }
    if (!n)
        printf("every act has a known end\n");
    host_free(&host);
    return 0;
}

struct count {
    size_t n;
};

static bool count_one(void *arg, const char *key, const struct state_record *record)
{
    (void)key;
    (void)record;
    ((struct count *)arg)->n++;
    return true;
}

int command_state(const struct cli *cli)
{
    static const char *const spaces[][2] = { { "pending", "requests for approval" },
                                             { "act", "acts in the ledger" },
                                             { "spent", "used approvals" },
                                             { "secret", "sealed secrets" },
                                             { "pseudonym", "pseudonyms" } };
    struct host host;
    size_t workers;
    char why[600];
    int status = 0;

    if (cli->n_args && strcmp(cli->args[0], "accept-clock") != 0) {
        fprintf(stderr, "kmcp: unknown \"%s\"; kmcp state, or kmcp state accept-clock\n", cli->args[0]);
        return EXIT_USAGE;
    }
    if (!host_build(&host, cli->config, &workers))
        return 1;
    if (!state_ready(host.state, why, sizeof why) ||
        (cli->n_args && state_accept_clock(host.state) != STATE_YES)) {
        status = complain(&host);
        host_free(&host);
        return status;
    }
    printf("state: %s\n", state_place(host.state));
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        struct count count = { 0 };

        if (state_each(host.state, spaces[i][0], count_one, &count) != STATE_YES)
            status = complain(&host);
        else
            printf("%s: %zu\n", spaces[i][1], count.n);
    }
    if (state_clock(host.state, why, sizeof why) != STATE_YES) {
        printf("clock: %s\n", why);
        status = 1;
    }
    host_free(&host);
    return status;
}
