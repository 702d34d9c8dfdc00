/* call_policy.c - what the INI says to a call: denied, capped, or who must agree.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "call_phase.h"
#include "policy/caps.h"

bool call_case(struct call *c, struct policy_case *out)
{
    const char **kinds = arena_alloc(&c->arena, (c->n_subjects + 1) * sizeof *kinds);
    const char **ids = arena_alloc(&c->arena, (c->n_subjects + 1) * sizeof *ids);

    uint8_t *key = c->safety == KMCP_READ ? NULL : arena_alloc(&c->arena, DIGEST_SIZE);

    if (!kinds || !ids || (key && !host_key_for(c->host, "caps", key)))
        return false;
    for (size_t i = 0; i < c->n_subjects; i++) {
        kinds[i] = c->subjects[i].kind;
        ids[i] = c->subjects[i].id;
    }
    *out = (struct policy_case){
        .tool = c->tool->decl.name,
        .principal = c->in->principal,
        .transport = c->in->transport,
        .safety = c->safety,
        .n_subjects = c->n_subjects,
        .kinds = kinds,
        .ids = ids,
        .facts = c->facts,
        .n_facts = c->n_facts,
        .now_ms = c->in->at_ms             ? c->in->at_ms
                  : c->safety == KMCP_READ ? clock_unix_ms()
                                           : state_now(c->host->state),
        .key = key,
    };
    return true;
}

static const char *const levels[] = { "nobody needs to agree beyond \"confirm\"",
                                      "the person at the client is asked", "a person has to run kmcp approve",
                                      "two people have to run kmcp approve" };

/* ---- kmcp call --plan-only ---- */

/* A plan that is only shown ends with what the policy says to it: nobody is to take it for a promise. */
static bool show_plan(struct call *c, const struct policy_case *now)
{
    const char *then = "", *what = "";
    char rule[80], why[400] = "";

    if (c->ruling.verdict == POLICY_DENY) {
        then = "\nThe policy refuses it: ";
        what = c->ruling.why;
    } else if (c->safety != KMCP_READ &&
               caps_take(&c->host->policy, now, c->host->state, false, rule, why, sizeof why) != STATE_YES) {
        then = "\nThe policy refuses it now: ";
        what = why;
    } else if (c->safety != KMCP_READ) {
        then = "\nThe policy lets it through, and then: ";
        what = levels[c->level];
    }
    return call_stop(c, CALL_COMPLETE, "plan only, nothing was done: %s%s%s", c->sentence, then, what);
}

/* ---- kmcp policy explain ---- */

struct note {
    struct buf *out;
    const char *file;
};

static void note_rule(void *arg, const struct policy_rule *rule, const char *failed)
{
    struct note *note = arg;

    if (failed)
        buf_printf(note->out, "  %s:%d [rule %s] does not match: %s\n", note->file, rule->line, rule->name,
                   failed);
    else
        buf_printf(note->out, "  %s:%d [rule %s] matches: %s\n", note->file, rule->line, rule->name,
                   policy_verdict_name(rule->then));
}

static void explain_caps(struct call *c, const struct policy_case *now)
{
    struct caps_due *due = arena_alloc(&c->arena, sizeof *due);
    char rule[80], why[400] = "";
    int64_t left;

    if (!due || !caps_due(&c->host->policy, now, due, rule, why, sizeof why)) {
        buf_printf(&c->text, "but now: %s\n", due ? why : "out of memory");
        return;
    }
    for (size_t i = 0; i < due->n; i++)
        if (caps_left(due, i, c->host->state, &left) == STATE_YES)
            buf_printf(&c->text, "  %s:%d [cap %s] has room for %lld of %lld %s\n", c->host->policy.file,
                       due->of[i].cap->line, due->of[i].cap->name, (long long)left,
                       (long long)due->of[i].limit, due->of[i].cap->per);
    if (caps_take(&c->host->policy, now, c->host->state, false, rule, why, sizeof why) != STATE_YES)
        buf_printf(&c->text, "but now: %s\n", why);
}

static bool explain(struct call *c, const struct policy_case *now)
{
    struct note note = { .out = &c->text, .file = c->host->policy.file };
    char by[POLICY_BY];

    for (size_t i = 0; i < (c->n_subjects ? c->n_subjects : 1); i++) {
        buf_printf(&c->text, "%s %s\n", i < c->n_subjects ? c->subjects[i].kind : "no subject",
                   i < c->n_subjects ? c->subjects[i].id : "");
        for (size_t k = 0; k < c->n_facts; k++)
            if (c->facts[k].subject == i) {
                buf_printf(&c->text, "  %s = ", c->facts[k].name);
                text_line(&c->text, *c->facts[k].value ? c->facts[k].value : "(none)", 200, false);
                buf_putc(&c->text, '\n');
            }
        if (c->ruling.verdict != POLICY_DENY || strncmp(c->ruling.rule, "rule ", 5) == 0)
            rules_match(&c->host->policy, now, i, note_rule, &note);
    }
    if (strcmp(c->ruling.rule, "default") == 0)
        buf_printf(&c->text, "decided by %s\n", policy_by(c->ruling.rule, c->safety, by));
    else
        buf_printf(&c->text, "decided by %s: %s%s%s\n", c->ruling.rule,
                   policy_verdict_name(c->ruling.verdict), c->ruling.why[0] ? "; " : "", c->ruling.why);
    if (c->ruling.verdict != POLICY_DENY && c->safety != KMCP_READ) {
        explain_caps(c, now);
        buf_printf(&c->text, "then: %s\n", levels[c->level]);
    }
    return call_stop(c, CALL_COMPLETE, "%s", c->text.failed ? "out of memory" : c->text.data);
}

/* ---- the phase ---- */

/* Limits, windows and approvals count on the store and its clock. */
static bool state_serves(struct call *c)
{
    char why[500];

    if (state_clock(c->host->state, why, sizeof why) == STATE_YES)
        return true;
    return call_refuse(c, "%s was not done: %s", c->name, why);
}

/* What was written down since this process read it does not hold yet, and what it read holds no longer: an
 * administrator who freezes everything must not wait for a restart that nobody thought of. */
static bool is_current(struct call *c)
{
    if (config_is_current(&c->host->config))
        return true;
    c->record.rule = "changed";
    return call_refuse(c,
                       "%s was not done: the policy file %s changed since this process read it; restart kmcp",
                       c->name, c->host->config.file);
}

bool phase_policy(struct call *c)
{
    const struct kmcp_tool *tool = &c->tool->decl;
    struct policy_case now;
    char rule[80], why[400];

    bool only_told = c->in->explain || c->in->plan_only;

    if (c->safety == KMCP_READ && !c->host->policy.n_rules && !only_told)
        return true;
    if (c->safety != KMCP_READ && !only_told && !is_current(c))
        return false;
    if (!call_case(c, &now))
        return call_refuse(c, "the call needs more memory than [limits] call_bytes allows");
    policy_rule_on(&c->host->policy, &now, &c->ruling);
    c->record.rule = c->ruling.rule;
    c->level = policy_level(&c->host->policy, c->ruling.verdict, c->safety, c->in->can_ask != CALL_ASK_NO);
    if (c->in->explain)
        return explain(c, &now);
    if (c->in->plan_only)
        return show_plan(c, &now);
    if (c->ruling.verdict == POLICY_DENY)
        return call_refuse(c, "%s was not done: %s", c->name, c->ruling.why);
    if (c->safety == KMCP_READ)
        return true;
    if ((tool->flags & KMCP_TOOL_CONFIRM) && !json_is_true(json_get(c->args, "confirm")))
        return call_refuse(
            c, "%s needs \"confirm\": true; it would do this: %s Ask the person first, then call again",
            tool->name, c->sentence);
    if (!state_serves(c))
        return false;
    if (caps_take(&c->host->policy, &now, c->host->state, false, rule, why, sizeof why) != STATE_YES) {
        c->record.rule = arena_strdup(&c->arena, rule);
        return call_refuse(c, "%s was not done: %s", c->name, why);
    }
    return true;
}

bool call_still_may(void *call)
{
    struct call *c = call;
    struct policy_ruling ruling;
    struct policy_case now;

    if (!call_case(c, &now)) {
        failure_set(&c->failure, KMCP_E_NOMEM, "the call needs more memory than [limits] call_bytes allows");
        return false;
    }
    policy_rule_on(&c->host->policy, &now, &ruling);
    if (ruling.verdict <= c->ruling.verdict)
        return true;
    c->record.rule = arena_strdup(&c->arena, ruling.rule);
    failure_set(&c->failure, KMCP_E_DENIED, "nothing was sent: %s",
                ruling.verdict == POLICY_DENY ? ruling.why
                                              : "by now the policy asks for more than was given; call again");
    return false;
}
