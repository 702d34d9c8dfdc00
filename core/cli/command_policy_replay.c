/* command_policy_replay.c - `kmcp policy replay`: what this policy would have said to what is on record.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The record does not say everything: not whether a client could have asked, and with redact_pii not who and
 * which device it was. Where that decides, it is said so, and not guessed.
 */

#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "policy/audit_files.h"
#include "policy/lacks.h"
#include "replay_caps.h"
#include "replay_case.h"

struct replay {
    struct host *host;
    struct replay_caps caps;
    unsigned done, denied, stricter, missing, refused, freed, odd, by_hand;
};

/* `kmcp secret open` and the like: by a person at a terminal, to whom neither rules nor caps apply. No tool
 * has a space in its name. */
static bool is_by_hand(const struct policy_case *past)
{
    return strchr(past->tool, ' ') != NULL;
}

/* Who agreed then. */
static enum policy_level level_then(const char *consent)
{
    const char *by = strstr(consent, " by ");

    if (strncmp(consent, "approval", 8) == 0)
        return by && strstr(by, " and ") ? LEVEL_TWO : LEVEL_PERSON;
    return strcmp(consent, "confirm") == 0 || !*consent ? LEVEL_NONE : LEVEL_CLIENT;
}

/* The ruling of this configuration. False: it does not even offer the tool, which is as good as denied. */
static bool rule_on(const struct replay *r, const struct policy_case *past, struct policy_ruling *out)
{
    const struct policy *p = &r->host->policy;
    bool loaded = registry_find(&r->host->registry, past->tool);
    char why[200];

    policy_rule_on(p, past, out);
    if (loaded && policy_offers(p, past->safety, why, sizeof why))
        return true;
    *out = (struct policy_ruling){ .verdict = POLICY_DENY };
    snprintf(out->rule, sizeof out->rule, "%s",
             loaded ? "read_only" : "the loaded plugins, none of which has it");
    return false;
}

static const char *text_of(const kmcp_json *record, const char *key)
{
    const char *text = json_str(json_get(record, key));

    return text ? text : "";
}

/* Who would have had to agree in addition. NULL: nobody. */
static const char *more_consent(const struct replay *r, const kmcp_json *record,
                                const struct policy_case *past, const struct policy_ruling *now)
{
    const struct policy *p = &r->host->policy;
    enum policy_level then = level_then(text_of(record, "consent")), needed;
    enum policy_level able = policy_level(p, now->verdict, past->safety, true);
    enum policy_level unable = policy_level(p, now->verdict, past->safety, false);

    if (then == LEVEL_CLIENT)
        unable = able;
    else if (strcmp(text_of(record, "rule"), "default") == 0) /* it could not ask, or would have been asked */
        able = unable;
    needed = able < unable ? able : unable;
    if (needed <= then)
        needed = able < unable ? unable : able;
    return needed <= then        ? NULL
           : needed == LEVEL_TWO ? "was done, would need two approvals"
           : needed == LEVEL_PERSON
               ? "was done, would need an approval"
               : "was done on \"confirm\" alone, would be asked for where the client can";
}

/* What would have become of an act that was done. NULL: the same. */
static const char *judge_done(struct replay *r, struct arena *a, const kmcp_json *record,
                              const struct policy_case *past)
{
    const struct policy_case *known = replay_without(a, record, past);
    const struct policy_fact *fact = NULL;
    struct policy_ruling now, other;
    const struct policy_cap *cap;
    char by[POLICY_BY];
    const char *why;

    if (rule_on(r, past, &now) && known)
        fact = lacks_find(&r->host->policy, past, known, false, &other);
    if (fact) {
        r->missing++;
        return arena_format(
            a, "was done; %s decides between %s and %s, and is not on record%s", fact->name, now.rule,
            other.rule, replay_is_personal(fact->name) && replay_is_redacted(record) ? " (redact_pii)" : "");
    }
    if (now.verdict == POLICY_DENY) {
        r->denied++;
        return arena_format(a, "was done, would be denied by %s", now.rule);
    }
    cap = replay_caps_take(&r->caps, past, known);
    if (cap) {
        r->denied++;
        return arena_format(a, "was done, would be denied by cap %s", cap->name);
    }
    why = more_consent(r, record, past, &now);
    if (!why)
        return NULL;
    r->stricter++;
    return arena_format(a, "%s by %s", why, policy_by(now.rule, past->safety, by));
}

/* What would have become of one that was refused. NULL: the same, or nobody can say. */
static const char *judge_refused(struct replay *r, struct arena *a, const kmcp_json *record,
                                 const struct policy_case *past)
{
    const char *rule = text_of(record, "rule");
    struct policy_ruling now;

    rule_on(r, past, &now);
    if (now.verdict != POLICY_ALLOW || !*rule || strcmp(rule, now.rule) == 0)
        return NULL;
    r->freed++;
    return arena_format(a, "was refused, would be allowed by %s", now.rule);
}

/* One act, secret read or refusal: says what would be otherwise now. */
static void judge(struct replay *r, struct arena *a, const kmcp_json *record, const struct policy_case *past,
                  bool done)
{
    char when[TERMINAL_TEXT], tool[TERMINAL_TEXT], id[TERMINAL_TEXT];
    const char *why;

    policy_at(&r->host->policy, past->now_ms);
    why = done ? judge_done(r, a, record, past) : judge_refused(r, a, record, past);
    r->done += done;
    r->refused += !done;
    if (why)
        printf("%s %s %s: %s\n", terminal_text(text_of(record, "time"), when),
               terminal_text(past->tool, tool), terminal_text(past->n_subjects ? past->ids[0] : "", id), why);
}

static void replay_line(struct replay *r, const char *line, size_t len)
{
    struct policy_case past;
    kmcp_json *record;
    const char *event;
    struct arena a;
    bool done;

    arena_init(&a, 4 << 20);
    record = json_parse(&a, line, len, 0, NULL);
    event = text_of(record, "event");
    done = strcmp(event, "intent") == 0;
    r->odd += !*event;
    if ((done || strcmp(event, "refused") == 0) && replay_case(&a, record, &past)) {
        if (is_by_hand(&past))
            r->by_hand++;
        else
            judge(r, &a, record, &past, done);
    }
    arena_release(&a, false);
}

static void say_numbers(const struct replay *r)
{
    printf("%u acts and secret reads on record: %u would be denied, %u would need more consent; of %u "
           "refusals %u would be allowed\n",
           r->done, r->denied, r->stricter, r->refused, r->freed);
    if (r->missing)
        printf("%u could not be judged: a fact that decides is not on record\n", r->missing);
    replay_caps_say(&r->caps);
    if (r->by_hand)
        printf("%u times a person at a terminal opened or dropped a secret or a pseudonym, or was refused: "
               "left out, for rules and caps do not apply to that, only freeze and approvers\n",
               r->by_hand);
    if (r->odd)
        printf("%u lines are no records and were passed over\n", r->odd);
}

int policy_replay(struct host *host, const char *file)
{
    struct replay r = { .host = host };
    struct audit_files files;
    char why[1200];
    int status = 0;

    if (!audit_files_find(&files, file, why, sizeof why))
        return cli_complain(why);
    replay_caps_begin(&r.caps, &host->policy);
    for (size_t i = 0; i < files.n && !status; i++) {
        struct audit_lines lines;
        size_t n;

        if (!audit_lines_open(&lines, &files, i)) {
            fprintf(stderr, "kmcp: the audit file \"%s\" cannot be opened; check the path\n", files.list[i]);
            status = 1;
        }
        while (!status && (n = audit_lines_next(&lines)) > 0)
            replay_line(&r, lines.text, n);
        audit_lines_close(&lines);
    }
    audit_files_free(&files);
    if (!status && r.caps.failed)
        status = cli_complain("out of memory: what the caps would say is not known");
    else if (!status)
        say_numbers(&r);
    replay_caps_end(&r.caps);
    return status;
}
