/* command_approve.c - `kmcp approve` and `kmcp deny`: a person decides about a call that waits, outside the
 * model and its client.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "cli.h"
#include "policy/approvers.h"

#define WORDS_MAX    200  /* characters of what somebody else wrote */
#define SENTENCE_MAX 4000 /* and of what a plugin made of it */

struct desk {
    struct host host;
    struct arena arena;
    struct pending pending;
    struct call *call; /* the review */
    struct call_input in;
    char who[PERSON_SIZE];
    uint8_t key[DIGEST_SIZE]; /* opens what waits */
};

static int lost(struct desk *d)
{
    char why[500];

    state_why(d->host.state, why, sizeof why);
    return cli_complain(why);
}

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
        return lost(d);
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

/* The plan anew, from the live device: what is approved is what is there now. */
static bool review(struct desk *d)
{
    const struct pending *p = &d->pending;
    const struct call_output *out;

    d->in = (struct call_input){ .kind = CALL_TOOL,
                                 .name = p->tool,
                                 .args = json_parse(&d->arena, p->args, strlen(p->args), 0, NULL),
                                 .principal = p->principal,
                                 .client = p->client,
                                 .transport = p->transport,
                                 .review = true };
    d->call = call_run(&d->host, &d->in);
    out = d->call ? call_output(d->call) : NULL;
    if (out && out->end == CALL_COMPLETE)
        return true;
    fprintf(stderr, "kmcp: it cannot be looked at now: %s\n", out && out->text ? out->text : "out of memory");
    return false;
}

static const char *changed(const struct desk *d)
{
    char plan[2 * DIGEST_SIZE + 1];

    digest_hex(d->call->bond.plan, DIGEST_SIZE, plan);
    if (strcmp(plan, d->pending.plan) != 0)
        return "the device, its user, blueprint or another fact about it has changed since it was asked for";
    if (strcmp(host_policy_version((struct host *)(uintptr_t)&d->host), d->pending.policy) != 0)
        return "the policy has changed since it was asked for";
    return NULL;
}

static void show(const struct desk *d)
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
    char when[32];

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
    say("decided by", p->rule, WORDS_MAX);
    say("asked at", clock_iso(p->asked_ms, when, sizeof when), WORDS_MAX);
    say("counts until", clock_iso(p->expires_ms, when, sizeof when), WORDS_MAX);
    for (int i = 0; i < p->n_by; i++)
        say("agreed", p->by[i], WORDS_MAX);
    fflush(stdout);
}

/* The call as it was asked for: a no needs nothing of the tenant. */
static struct audit_call as_asked(const struct desk *d)
{
    const struct pending *p = &d->pending;
    const struct tool *tool = registry_find(&d->host.registry, p->tool);

    return (struct audit_call){
        .tool = p->tool,
        .plugin = tool ? tool->plugin->decl.name : NULL,
        .safety = tool ? tool->decl.safety : KMCP_SAFETY_UNSET,
        .principal = p->principal,
        .client = p->client,
        .transport = p->transport,
        .reason = p->reason,
        .policy = p->policy,
        .redact = d->host.policy.redact_pii,
    };
}

/* A record about the pending call. False: it could not be written. */
static bool record(struct desk *d, const char *event, const char *detail)
{
    struct audit_call r = d->call ? d->call->record : as_asked(d);
    char why[400];

    r.id[0] = '\0';
    r.consent = arena_format(&d->arena, "approval %s by %s", d->pending.id, d->who);
    r.request_sha256 = d->pending.request_sha256[0] ? d->pending.request_sha256 : NULL;
    r.rule = d->pending.rule;
    if (audit_event(d->host.audit, &r, event, detail, why, sizeof why))
        return true;
    cli_complain(why);
    return false;
}

static bool identify(struct desk *d)
{
    char why[500];
    enum person person = person_identify(&d->host, d->who, why, sizeof why);

    if (person == PERSON_WRONG)
        record(d, "refused", why);
    if (person != PERSON_KNOWN)
        cli_complain(why);
    return person == PERSON_KNOWN;
}

/* The approver's part of "ana on uid 0 (root)". */
static bool same_person(const char *a, const char *b)
{
    size_t n = strcspn(a, " "), m = strcspn(b, " ");

    return n == m && strncmp(a, b, n) == 0;
}

static int store(struct desk *d, const char *event)
{
    struct pending *p = &d->pending;

    bool denied = strcmp(event, "denied") == 0;

    if (!record(d, event, p->sentence))
        return 1;
    if (denied)
        p->n_by = 0;         /* who agreed before is on record; one no is enough */
    if (p->n_by >= p->needs) /* pending.c lets none in */
        return cli_complain("it does not wait for anybody");
    p->by[p->n_by] = d->who;
    p->by_ms[p->n_by++] = state_now(d->host.state);
    p->stage = denied ? PENDING_DENIED : p->n_by < p->needs ? PENDING_WAITING : PENDING_APPROVED;
    switch (pending_put(d->host.state, &d->arena, d->key, p)) {
    case STATE_YES:
        break;
    case STATE_NO:
        return cli_complain("somebody else has decided about it at this moment; look again");
    case STATE_LOST:
        return lost(d);
    }
    printf("%s: %s\n", p->id,
           p->stage == PENDING_DENIED    ? "denied"
           : p->stage == PENDING_WAITING ? "approved by one; a second person has to run kmcp approve too"
                                         : "approved; it is done when the same call is made again, once");
    return 0;
}

static int decide(struct desk *d)
{
    char answer[16], why[300];
    const char *what = changed(d);

    if (what) {
        d->pending.stage = PENDING_VOID;
        snprintf(d->who, sizeof d->who, "nobody");
        snprintf(why, sizeof why, "%s is void: %s; it has to be asked for again", d->pending.id, what);
        record(d, "refused", why);
        pending_put(d->host.state, &d->arena, d->key, &d->pending);
        return cli_complain(why);
    }
    show(d);
    if (!identify(d))
        return 1;
    if (d->pending.needs == 2 && d->pending.n_by && same_person(d->pending.by[0], d->who)) {
        record(d, "refused", "the second approver must be another person");
        return cli_complain("you have agreed already; the second one must be another person");
    }
    if (!terminal_ask("Type \"yes\" to agree to exactly this, once: ", answer, sizeof answer, false) ||
        strcmp(answer, "yes") != 0)
        return cli_complain("nothing was decided; kmcp deny says no to it");
    return store(d, "approved");
}

static int work(struct desk *d, const char *id, bool deny)
{
    char why[500];
    size_t bad = 0;
    int status;
    enum state_rc rc;

    if (state_clock(d->host.state, why, sizeof why) != STATE_YES)
        return cli_complain(why);
    rc = pending_find(d->host.state, &d->arena, d->key, id, &d->pending, &bad);
    if (rc == STATE_LOST)
        return lost(d);
    if (rc == STATE_NO) {
        fprintf(stderr, "kmcp: nothing waits under \"%.40s\" in %s; kmcp approve%s lists what does\n", id,
                state_place(d->host.state), d->host.config_option);
        complain_unread(bad);
        return 1;
    }
    if (!is_open(d, &d->pending) || (!deny && d->pending.stage == PENDING_APPROVED)) {
        fprintf(stderr, "kmcp: %s does not wait any more (%s); it has to be asked for again\n", d->pending.id,
                d->pending.stage == PENDING_WAITING ? "expired" : pending_stage_name(d->pending.stage));
        return 1;
    }
    if (deny)
        return identify(d) ? store(d, "denied") : 1;
    status = review(d) ? decide(d) : 1;
    if (d->call)
        call_release(d->call);
    return status;
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

int command_approver(const struct cli *cli)
{
    char first[256], second[256], lines[300], why[300];
    bool ok;

    if (!terminal_is_there())
        return cli_complain("a passphrase is typed on a terminal; standard input is none");
    ok = terminal_ask("Passphrase: ", first, sizeof first, true) &&
         terminal_ask("Again: ", second, sizeof second, true);
    snprintf(why, sizeof why, "the two are not the same");
    ok = ok && strcmp(first, second) == 0 &&
         approvers_make(cli->args[0], first, lines, sizeof lines, why, sizeof why);
    digest_wipe(first, sizeof first);
    digest_wipe(second, sizeof second);
    if (!ok)
        return cli_complain(why);
    printf("%s\n", lines);
    fprintf(stderr, "kmcp: add these lines to the file that \"approvers\" in [policy] names (chmod 600)\n");
    return 0;
}
