/* command_approve.c - `kmcp approve` and `kmcp deny`: a person decides about a call that waits, outside the
 * model and its client.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "approve.h"
#include "base/clock.h"
#include "base/text.h"

#define WORDS_MAX    200  /* characters of what somebody else wrote */
#define SENTENCE_MAX 4000 /* and of what a plugin made of it */

/* What came from outside is text, and never more; MAX characters of it. */
static void say(const char *label, const char *text, size_t max)
{
    struct buf clean;

    if (!text || !*text)
        return;
    buf_init(&clean, 1 << 20);
    text_line(&clean, text, max, false);
    printf("  %-13s %s\n", label, clean.data ? clean.data : "");
    buf_free(&clean);
}

static void complain_unread(size_t n)
{
    if (n)
        fprintf(stderr, "kmcp: %zu requests for approval cannot be read: the state was changed or damaged\n",
                n);
}

/* Can it still be decided about? An approval can be taken back until it is used. */
static bool is_open(const struct desk *d, const struct pending *p)
{
    return (p->stage == PENDING_WAITING || p->stage == PENDING_APPROVED) &&
           p->expires_ms > state_now(d->host.state);
}

static int list(struct desk *d)
{
    struct pending *all;
    size_t n, bad, waiting = 0, approved = 0;
    char until[32];

    if (pending_all(d->host.state, &d->arena, d->key, &all, &n, &bad) != STATE_YES)
        return approve_lost(d);
    for (size_t i = 0; i < n; i++) {
        if (!is_open(d, &all[i]))
            continue;
        printf("%s  %s, for %s, until %s%s\n", all[i].id, all[i].tool, all[i].principal,
               clock_iso(all[i].expires_ms, until, sizeof until),
               all[i].stage == PENDING_APPROVED ? ", approved and not used yet (kmcp deny takes that back)"
               : all[i].n_by                    ? ", one of two has agreed"
                                                : "");
        say("", all[i].sentence, SENTENCE_MAX);
        waiting += all[i].stage == PENDING_WAITING;
        approved += all[i].stage == PENDING_APPROVED;
    }
    if (waiting)
        printf("kmcp approve%s ID shows one as it is now, and asks\n", d->host.config_option);
    else if (!bad && !approved)
        printf("nothing waits in %s\n", state_place(d->host.state));
    complain_unread(bad);
    return bad != 0;
}

void approve_show(const struct desk *d)
{
    static const char *const shown[][2] = { { "name", "device" },
                                            { "serial", "serial" },
                                            { "platform", "platform" },
                                            { "user_name", "user" },
                                            { "user", "" },
                                            { "blueprint", "blueprint" },
                                            { "tag", "tag" },
                                            { "last_check_in", "last check-in" } };
    const struct pending *p = &d->pending;
    const struct call *c = d->call;
    char when[32], by[POLICY_BY];

    printf("\n%s\n", p->tool);
    say("what", c->out.text, SENTENCE_MAX);
    if (strcmp(c->out.text, p->sentence) != 0)
        say("note", p->sentence, SENTENCE_MAX);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        for (size_t k = 0; k < c->n_facts; k++)
            if (strcmp(c->facts[k].name, shown[i][0]) == 0)
                say(shown[i][1], *c->facts[k].value ? c->facts[k].value : "none", WORDS_MAX);
    say("request", p->request ? p->request : "not known before it runs", SENTENCE_MAX);
    say("reason", p->reason, WORDS_MAX);
    say("asked by", p->principal, WORDS_MAX);
    say("on", p->host, WORDS_MAX);
    say("through", p->client, WORDS_MAX);
    say("decided by", p->rule ? policy_by(p->rule, c->safety, by) : NULL, WORDS_MAX);
    say("asked at", clock_iso(p->asked_ms, when, sizeof when), WORDS_MAX);
    say("counts until", clock_iso(p->expires_ms, when, sizeof when), WORDS_MAX);
    for (int i = 0; i < p->n_by; i++)
        say("agreed", p->by[i], WORDS_MAX);
    fflush(stdout);
}

/* Why nobody can decide about it, and what can be done until when. */
static int complain_closed(const struct desk *d)
{
    const struct pending *p = &d->pending;
    bool over = p->expires_ms <= state_now(d->host.state);
    const char *what = over && p->stage <= PENDING_APPROVED ? "expired" : pending_stage_name(p->stage);
    char until[32];

    clock_iso(p->expires_ms, until, sizeof until);
    if (p->stage == PENDING_DENIED && !over)
        fprintf(
            stderr,
            "kmcp: %s does not wait any more: %s denied it; the same call is refused until %s, and can be "
            "asked for again after that\n",
            p->id, p->n_by ? p->by[p->n_by - 1] : "a person", until);
    else if (p->stage == PENDING_APPROVED && !over)
        fprintf(stderr,
                "kmcp: %s does not wait any more (approved); it is done when the same call is made again, "
                "until %s\n",
                p->id, until);
    else
        fprintf(stderr, "kmcp: %s does not wait any more (%s); it has to be asked for again\n", p->id, what);
    return 1;
}

static int work(struct desk *d, const char *id, bool deny)
{
    char why[500];
    size_t bad = 0;
    enum state_rc rc;

    if (state_clock(d->host.state, why, sizeof why) != STATE_YES)
        return cli_complain(why);
    rc = pending_find(d->host.state, &d->arena, d->key, id, &d->pending, &bad);
    if (rc == STATE_LOST)
        return approve_lost(d);
    if (rc == STATE_NO) {
        fprintf(stderr, "kmcp: nothing waits under \"%.40s\" in %s; kmcp approve%s lists what does\n", id,
                state_place(d->host.state), d->host.config_option);
        complain_unread(bad);
        return 1;
    }
    if (!is_open(d, &d->pending) || (!deny && d->pending.stage == PENDING_APPROVED))
        return complain_closed(d);
    return deny ? approve_deny(d) : approve_decide(d);
}

static int run(const struct cli *cli, bool deny)
{
    struct desk *d = calloc(1, sizeof *d);
    size_t workers;
    int status;

    if (cli->n_args && !terminal_is_there()) {
        free(d);
        return cli_complain("a person has to do this on a terminal; standard input is none");
    }
    if (!d || !host_build(&d->host, cli->config, &workers)) {
        free(d);
        return 1;
    }
    arena_init(&d->arena, 16 << 20);
    if (!host_key_for(&d->host, "pending", d->key))
        status = cli_complain(
            "what waits cannot be opened: there is no seal.key, or no OpenSSL; see the log");
    else
        status = cli->n_args ? work(d, cli->args[0], deny) : list(d);
    digest_wipe(d->key, sizeof d->key);
    arena_release(&d->arena, true);
    host_free(&d->host);
    free(d);
    return status;
}

int command_approve(const struct cli *cli)
{
    return run(cli, false);
}

int command_deny(const struct cli *cli)
{
    return run(cli, true);
}
