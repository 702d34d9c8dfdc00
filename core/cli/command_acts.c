/* command_acts.c - `kmcp acts`: those without a known end, and finding out; `kmcp state`.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "call_recover.h"
#include "cli.h"
#include "own_left.h"

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
    size_t workers, n = 0, bad = 0, own = 0;
    char why[1200];

    if (!host_build(&host, cli->config, &workers))
        return 1;
    if (recover_all(&host, NULL, show_act, NULL, &n, &bad) != STATE_YES) {
        int status = complain(&host);

        host_free(&host);
        return status;
    }
    if (!own_left_end(&host, &own, why, sizeof why)) {
        int status = cli_complain(why);

        host_free(&host);
        return status;
    }
    if (bad)
        fprintf(stderr, "kmcp: %zu entries of the ledger cannot be read: the state was changed or damaged\n",
                bad);
    else if (!n && !own)
        printf("every act has a known end\n");
    host_free(&host);
    return bad != 0;
}

/* ---- kmcp state ---- */

static bool count_one(void *arg, const char *key, const struct state_record *record)
{
    (void)key;
    (void)record;
    ++*(size_t *)arg;
    return true;
}

struct requests {
    struct arena *a;
    int64_t now_ms;
    size_t by[PENDING_VOID + 1], expired;
};

/* By what is not sealed: counting needs no key. */
static bool count_request(void *arg, const char *key, const struct state_record *record)
{
    struct requests *r = arg;
    const kmcp_json *v = json_parse(r->a, record->value, record->len, 0, NULL);
    const char *stage = json_str(json_get(v, "stage"));
    int64_t expires = 0;

    (void)key;
    for (enum pending_stage i = PENDING_WAITING; stage && i <= PENDING_VOID; i++)
        if (strcmp(stage, pending_stage_name(i)) == 0) {
            bool over = i <= PENDING_APPROVED && json_int(json_get(v, "expires"), &expires) &&
                        expires <= r->now_ms;

            ++*(over ? &r->expired : &r->by[i]);
        }
    return true;
}

/* Requests for a person outside, by what became of them; they are kept for a day after their end, unless the
 * same call is asked for again, which takes their place. */
static bool show_pending(struct host *host, struct arena *a)
{
    struct requests r = { .a = a, .now_ms = state_now(host->state) };

    if (state_each(host->state, "pending", count_request, &r) != STATE_YES)
        return false;
    printf(
        "requests for approval, the latest of each call (kmcp audit show has all): %zu waiting, %zu approved "
        "and not used yet; ended within a day: %zu used, %zu denied, %zu expired or void\n",
        r.by[PENDING_WAITING], r.by[PENDING_APPROVED], r.by[PENDING_USED], r.by[PENDING_DENIED],
        r.by[PENDING_VOID] + r.expired);
    return true;
}

static bool show_ledger(struct host *host, struct arena *a)
{
    struct ledger_entry *list;
    size_t all, open, bad;

    if (ledger_all(host->state, a, false, &list, &all, &bad) != STATE_YES ||
        ledger_all(host->state, a, true, &list, &open, &bad) != STATE_YES)
        return false;
    printf("acts and secret reads of the last 30 days, the latest of each kind and device: %zu, %zu of them "
           "without a known end\n",
           all, open);
    if (bad)
        printf("acts that cannot be read: %zu\n", bad);
    return true;
}

int command_state(const struct cli *cli)
{
    static const char *const spaces[][2] = { { "spent", "answers given at a client and used" },
                                             { "done", "calls that are not sent again" },
                                             { "secret", "sealed secrets" },
                                             { "pseudonym", "pseudonyms" } };
    struct arena arena;
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
    if (cli->n_args)
        printf("clock: %s is taken for right from now on\n",
               clock_iso(state_now(host.state), why, sizeof why));
    arena_init(&arena, 64 << 20);
    if (!show_pending(&host, &arena) || !show_ledger(&host, &arena))
        status = complain(&host);
    arena_release(&arena, false);
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        size_t n = 0;

        if (state_each(host.state, spaces[i][0], count_one, &n) != STATE_YES)
            status = complain(&host);
        else
            printf("%s: %zu\n", spaces[i][1], n);
    }
    if (state_clock(host.state, why, sizeof why) != STATE_YES) {
        printf("clock: %s\n", why);
        status = 1;
    }
    host_free(&host);
    return status;
}
