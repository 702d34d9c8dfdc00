/* call_approval.c - the yes of people outside the model and its client: the call waits, kmcp approve decides,
 * the same call made again goes through.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "call_phase.h"
#include "policy/approvers.h"

static bool state_lost(struct call *c)
{
    char why[400];

    state_why(c->host->state, why, sizeof why);
    return call_refuse(c, "%s was not done: approvals cannot be looked up: %s", c->name, why);
}

/* LOST as well when there is no key to seal it with. */
static enum state_rc put(struct call *c, struct pending *p)
{
    uint8_t key[DIGEST_SIZE];
    enum state_rc rc = STATE_LOST;

    if (host_key_for(c->host, "pending", key))
        rc = pending_put(c->host->state, &c->arena, key, p);
    digest_wipe(key, sizeof key);
    return rc;
}

static enum state_rc get(struct call *c, struct pending *p)
{
    char call[2 * DIGEST_SIZE + 1];
    uint8_t key[DIGEST_SIZE];
    enum state_rc rc = STATE_LOST;

    digest_hex(c->bond.call, DIGEST_SIZE, call);
    if (host_key_for(c->host, "pending", key))
        rc = pending_get(c->host->state, &c->arena, key, call, p);
    digest_wipe(key, sizeof key);
    return rc;
}

/* Puts ID on the records that follow. */
static void name_approval(struct call *c, const char *id)
{
    c->record.consent = arena_format(&c->arena, "approval %s", id);
}

/* A record that approval ID does not count for this call; what comes after it is another. */
static void refuse_approval(struct call *c, const char *id, const char *why)
{
    name_approval(c, id);
    audit_refused(c->host->audit, &c->record, why);
    c->record.consent = NULL;
    c->record.id[0] = '\0';
}

static bool still_waits(struct call *c, const struct pending *p)
{
    char until[32];

    name_approval(c, p->id);
    clock_iso(p->expires_ms, until, sizeof until);
    return call_refuse(
        c,
        "%s was not done yet: %s run `kmcp approve %s%s` on the machine that kmcp runs on (until %s), then "
        "make exactly this call again. It would do this: %s",
        c->name,
        p->needs - p->n_by == 2 ? "two people have to agree. Say that two different people must each"
        : p->n_by ? "a second person has to agree. Say that somebody other than who agreed already must"
                  : "a person has to agree. Tell the person to",
        p->id, c->host->config_option, until, c->sentence);
}

static bool still_denied(struct call *c, const struct pending *p)
{
    char until[32];

    return call_refuse(
        c,
        "%s was not done: %s said no to it (%s). The same call is refused until %s; do not try "
        "it again after that either, unless they ask for it",
        c->name, p->n_by ? p->by[p->n_by - 1] : "a person", p->id,
        clock_iso(p->expires_ms, until, sizeof until));
}

static void hex_of(const uint8_t digest[DIGEST_SIZE], char out[2 * DIGEST_SIZE + 1])
{
    digest_hex(digest, DIGEST_SIZE, out);
}

/* Where P, approved, differs from this call; NULL: in more than one of who asks, where, for what, with what.
 */
static const char *differs(const struct call *c, const struct pending *p)
{
    bool who = strcmp(p->principal, c->in->principal) != 0, what = strcmp(p->tool, c->tool->decl.name) != 0,
         with = strcmp(p->args, c->stored_args) != 0, where = strcmp(p->host ? p->host : "", c->machine) != 0;

    if (who + where + what + with > 1)
        return NULL;
    return who ? "another principal" : where ? "another machine" : what ? "another tool" : "other arguments";
}

/* An approval that is there, but for almost this: on record that it did not count. */
static bool note_other(struct call *c)
{
    char call[2 * DIGEST_SIZE + 1];
    uint8_t key[DIGEST_SIZE];
    enum state_rc rc = STATE_LOST;
    struct pending *all;
    size_t n, bad;

    hex_of(c->bond.call, call);
    if (host_key_for(c->host, "pending", key))
        rc = pending_all(c->host->state, &c->arena, key, &all, &n, &bad);
    digest_wipe(key, sizeof key);
    if (rc != STATE_YES)
        return state_lost(c);
    for (size_t i = 0; i < n; i++) {
        const char *what = all[i].stage == PENDING_APPROVED && strcmp(all[i].call, call) != 0 &&
                                   all[i].expires_ms > state_now(c->host->state)
                               ? differs(c, &all[i])
                               : NULL;

        if (what) {
            refuse_approval(c, all[i].id,
                            arena_format(&c->arena, "approval %s is for %s and does not count for this",
                                         all[i].id, what));
            return true;
        }
    }
    return true;
}

/* A new request takes the place of whatever is under its key. */
static bool begin(struct call *c, struct pending *p)
{
    int64_t version = p->version, now = state_now(c->host->state);
    enum state_rc rc;

    *p = (struct pending){ .version = version,
                           .tool = c->tool->decl.name,
                           .principal = c->in->principal,
                           .client = c->in->client,
                           .transport = c->in->transport,
                           .host = *c->machine ? c->machine : NULL,
                           .args = c->stored_args,
                           .sentence = c->preface ? arena_format(&c->arena, "%s%s", c->preface, c->sentence)
                                                  : c->sentence,
                           .request = c->shown_request,
                           .reason = c->record.reason,
                           .rule = c->ruling.rule,
                           .asked_ms = now,
                           .expires_ms = now + c->host->policy.approval_ms,
                           .needs = c->level == LEVEL_TWO ? 2 : 1 };
    if (!note_other(c))
        return false;
    hex_of(c->bond.call, p->call);
    hex_of(c->bond.plan, p->plan);
    snprintf(p->request_sha256, sizeof p->request_sha256, "%s",
             c->record.request_sha256 ? c->record.request_sha256 : "");
    snprintf(p->policy, sizeof p->policy, "%s", c->record.policy ? c->record.policy : "");
    snprintf(p->unknown, sizeof p->unknown, "%s", c->unknown ? c->unknown : "");
    if (!p->sentence || !pending_name(p))
        return call_refuse(c, "%s was not done: no memory or no random numbers", c->name);
    name_approval(c, p->id);
    if (!call_note(c, "pending", arena_format(&c->arena, "waits for approval %s", p->id)))
        return false;
    rc = put(c, p);
    if (rc == STATE_LOST)
        return state_lost(c);
    return rc == STATE_NO
               ? call_refuse(c, "%s was not done: it is being asked for at this moment; call again", c->name)
               : still_waits(c, p);
}

/* What has changed since P was asked for; NULL: nothing. */
static const char *changed(const struct call *c, const struct pending *p)
{
    char plan[2 * DIGEST_SIZE + 1];

    hex_of(c->bond.plan, plan);
    if (strcmp(plan, p->plan) != 0)
        return "the device, its user, blueprint or another fact about it has changed since";
    if (strcmp(c->record.request_sha256 ? c->record.request_sha256 : "", p->request_sha256) != 0)
        return "what would be sent has changed since";
    if (!c->record.policy || strcmp(c->record.policy, p->policy) != 0)
        return "the policy has changed since";
    if (strcmp(c->unknown ? c->unknown : "", p->unknown) != 0)
        return c->unknown ? "the same was tried since, and nobody knows whether it was received"
                          : "what became of the same, tried before, is known by now";
    if ((c->level == LEVEL_TWO) > (p->needs == 2))
        return "two people have to agree now";
    return NULL;
}

/* Who agreed to P and may not any more, as a sentence; NULL: all still may. */
static const char *left(struct call *c, const struct pending *p)
{
    const char *file = c->host->policy.approvers;
    char why[400];

    for (int i = 0; file && p->stage == PENDING_APPROVED && i < p->n_by; i++)
        if (!approvers_have(file, p->by[i], why, sizeof why)) {
            const char *kept = arena_strdup(&c->arena, why);

            return kept ? kept : "who agreed to it cannot be looked up";
        }
    return NULL;
}

/* An approval that no longer fits is void, and the person is asked anew. */
static bool make_void(struct call *c, struct pending *p, const char *why)
{
    refuse_approval(c, p->id, arena_format(&c->arena, "approval %s is void: %s", p->id, why));
    return begin(c, p);
}

static bool use(struct call *c, struct pending *p)
{
    enum state_rc rc;

    p->stage = PENDING_USED;
    rc = put(c, p);
    if (rc == STATE_LOST)
        return state_lost(c);
    if (rc == STATE_NO)
        return call_refuse(c, "%s was not done: its approval %s was used already, at this moment", c->name,
                           p->id);
    c->record.consent = arena_format(&c->arena, "approval %s by %s%s%s", p->id, p->by[0],
                                     p->n_by > 1 ? " and " : "", p->n_by > 1 ? p->by[1] : "");
    return c->record.consent ? true : call_refuse(c, "out of memory");
}

bool phase_approval(struct call *c)
{
    struct pending p = { 0 };
    const char *what;
    enum state_rc rc;

    if (c->safety == KMCP_READ || c->level < LEVEL_PERSON)
        return true;
    rc = get(c, &p);
    if (rc == STATE_LOST)
        return state_lost(c);
    if (rc == STATE_NO)
        return begin(c, &p);
    what = changed(c, &p);
    if (!what)
        what = left(c, &p);
    name_approval(c, p.id);
    switch (p.stage) {
    case PENDING_WAITING:
    case PENDING_APPROVED:
        if (p.expires_ms <= state_now(c->host->state))
            return make_void(c, &p, "it has expired");
        if (what)
            return make_void(c, &p, what);
        return p.stage == PENDING_WAITING ? still_waits(c, &p) : use(c, &p);
    case PENDING_DENIED:
        if (p.expires_ms > state_now(c->host->state) && !what)
            return still_denied(c, &p);
        return begin(c, &p);
    case PENDING_USED:
        refuse_approval(c, p.id,
                        arena_format(&c->arena, "approval %s was used already and counts once", p.id));
        return begin(c, &p);
    case PENDING_VOID:
        break;
    }
    return begin(c, &p);
}
