/* approve.c - a person outside the client agrees to a call that waits, or does not: what is there now, who
 * that person is, what goes on record.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "approve.h"
#include "base/clock.h"

int approve_lost(struct desk *d)
{
    char why[500];

    state_why(d->host.state, why, sizeof why);
    return cli_complain(why);
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
    struct policy_ruling frozen;
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
    case STATE_NO: /* what is on record above is to count for nothing */
        record(d, "refused", "somebody else had decided about it, or it was used, at this moment");
        return cli_complain("somebody else has decided about it at this moment; look again");
    case STATE_LOST:
        return approve_lost(d);
    }
    printf("%s: %s\n", p->id,
           p->stage == PENDING_DENIED    ? "denied"
           : p->stage == PENDING_WAITING ? "approved by one; a second person has to run kmcp approve too"
           : policy_is_frozen(&d->host.policy, &frozen)
               ? "approved, but acts are frozen; it is done when the same call is made again after that, once"
               : "approved; it is done when the same call is made again, once");
    return 0;
}

/* Before anybody types a passphrase for what cannot be done. */
static void say_frozen(const struct desk *d)
{
    struct policy_ruling frozen;
    char until[32];

    if (!policy_is_frozen(&d->host.policy, &frozen))
        return;
    printf("  %s. Until then nothing is done, whoever agrees; an approval ends at %s nevertheless\n",
           frozen.why, clock_iso(d->pending.expires_ms, until, sizeof until));
    fflush(stdout);
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
    approve_show(d);
    say_frozen(d);
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

int approve_decide(struct desk *d)
{
    int status = review(d) ? decide(d) : 1;

    if (d->call)
        call_release(d->call);
    return status;
}

int approve_deny(struct desk *d)
{
    return identify(d) ? store(d, "denied") : 1;
}
