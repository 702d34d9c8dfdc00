/* rules.c - [rule NAME] and [cap NAME], as the INI has them.  SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy.h"

#define HOUR_MS INT64_C(3600000)

/* A key that is none is a slip, and the section would mean something else. MORE: keys beside a scope's. */
static bool knows_its_keys(struct config *c, const char *section, const char *const *more)
{
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct config_entry *e = &c->entries[i];
        size_t best = SIZE_MAX, n = 0;
        const char *key, *near = NULL;

        if (strcmp(e->section, section) != 0)
            continue;
        for (size_t k = 0; (key = scope_key_name(k)) || (key = more[n++]); k++) {
            if (strcmp(key, e->key) == 0)
                break;
            if (text_nearer(e->key, key, &best))
                near = key;
        }
        if (!key)
            return config_fail(
                c, e->line,
                "unknown key \"%.60s\" in [%s]; %s%s%sdocs/policy.md shows the keys of rules and caps",
                e->key, section, near ? "did you mean \"" : "", near ? near : "", near ? "\"? " : "");
    }
    return true;
}

static bool read_then(struct config *c, const char *section, int line, enum policy_verdict *out)
{
    static const enum policy_verdict verdicts[] = { POLICY_ALLOW, POLICY_ASK, POLICY_APPROVE, POLICY_TWO,
                                                    POLICY_DENY };
    const char *then = config_str(c, section, "then", NULL);

    for (size_t i = 0; then && i < sizeof verdicts / sizeof *verdicts; i++)
        if (strcmp(then, policy_verdict_name(verdicts[i])) == 0) {
            *out = verdicts[i];
            return true;
        }
    return config_fail(c, then ? config_find(c, section, "then")->line : line,
                       "[%s] needs then = allow, ask, approve, approve-two or deny", section);
}

static bool read_rule(struct policy *p, struct config *c, const char *section, int line)
{
    static const char *const more[] = { "then", "because", NULL };
    struct policy_rule *r = &p->rules[p->n_rules++];

    r->name = section + strlen("rule ");
    r->line = line;
    r->because = config_str(c, section, "because", NULL);
    if (!knows_its_keys(c, section, more) || !scope_read(&r->scope, c, section) ||
        !read_then(c, section, line, &r->then))
        return false;
    if (r->scope.words[SCOPE_CLASSES] && scope_word(r->scope.words[SCOPE_CLASSES], "READ") &&
        (scope_has_subjects(&r->scope) || (r->then != POLICY_ALLOW && r->then != POLICY_DENY)))
        return config_fail(
            c, line,
            "[%s] is about READ tools, which have no single device and ask nobody: only tools, "
            "principals, transports and when, with then = allow or deny; make two rules of it",
            section);
    if (r->then == POLICY_TWO && !p->approvers)
        return config_fail(
            c, line,
            "[%s] wants two people, who are told apart by the approvers file; set approvers in "
            "[policy]",
            section);
    return true;
}

static bool read_period(struct config *c, const char *section, int line, struct policy_cap *out)
{
    static const struct {
        const char *word, *per;
        int64_t ms;
    } periods[] = { { "minute", "a minute", 60000 },
                    { "hour", "an hour", HOUR_MS },
                    { "day", "a day", 24 * HOUR_MS },
                    { "week", "a week", 168 * HOUR_MS } };
    const char *per = config_str(c, section, "per", NULL);

    for (size_t i = 0; per && i < sizeof periods / sizeof *periods; i++)
        if (strcmp(per, periods[i].word) == 0) {
            out->period_ms = periods[i].ms;
            out->per = periods[i].per;
            return true;
        }
    return config_fail(c, per ? config_find(c, section, "per")->line : line,
                       "[%s] needs per = minute, hour, day or week", section);
}

static bool read_cap(struct policy *p, struct config *c, const char *section, int line)
{
    static const char *const more[] = { "limit", "percent", "per", "each", NULL };
    static const char *const each[] = { "all",  "tool",   "principal", "blueprint", "platform",
                                        "user", "serial", "tag",       NULL };
    struct policy_cap *cap = &p->caps[p->n_caps++];
    size_t i = 0;

    cap->name = section + strlen("cap ");
    cap->line = line;
    cap->limit = config_int(c, section, "limit", 0, 1000000, -1);
    cap->percent = config_int(c, section, "percent", 0, 100, 0);
    cap->each = config_str(c, section, "each", cap->percent ? "blueprint" : "all");
    if (c->error[0] || !knows_its_keys(c, section, more) || !scope_read(&cap->scope, c, section) ||
        !read_period(c, section, line, cap))
        return false;
    while (each[i] && strcmp(each[i], cap->each) != 0)
        i++;
    if (!each[i])
        return config_fail(c, config_find(c, section, "each")->line,
                           "\"each\" must be all, tool, principal, blueprint, platform, user, serial or tag");
    if ((cap->limit < 0) == (cap->percent == 0))
        return config_fail(c, line, "[%s] needs either limit = N or percent = N", section);
    if (cap->percent && strcmp(cap->each, "blueprint") != 0)
        return config_fail(c, line, "[%s]: a percentage is of a blueprint's devices; leave \"each\" out",
                           section);
    if (cap->scope.words[SCOPE_CLASSES] && scope_word(cap->scope.words[SCOPE_CLASSES], "READ"))
        return config_fail(c, line, "[%s] caps acts and secret reads only; take READ out of \"classes\"",
                           section);
    return true;
}

bool rules_read(struct policy *p, struct config *c)
{
    p->rules = calloc(c->n_sections + 1, sizeof *p->rules);
    p->caps = calloc(c->n_sections + 1, sizeof *p->caps);
    if (!p->rules || !p->caps)
        return config_fail(c, 0, "out of memory");
    for (size_t i = 0; i < c->n_sections; i++) {
        const char *section = c->sections[i].name;
        int line = c->sections[i].line;

        if ((strncmp(section, "rule ", 5) == 0 && !read_rule(p, c, section, line)) ||
            (strncmp(section, "cap ", 4) == 0 && !read_cap(p, c, section, line)))
            return false;
    }
    return true;
}

const struct policy_rule *rules_match(const struct policy *p, const struct policy_case *c, size_t subject,
                                      rules_note_fn note, void *arg)
{
    for (size_t i = 0; i < p->n_rules; i++) {
        const struct policy_rule *r = &p->rules[i];
        const char *classes = r->scope.words[SCOPE_CLASSES], *failed = "classes";

        /* a rule is about acts and secrets, unless it says READ */
        if ((c->safety != KMCP_READ || (classes && scope_word(classes, "READ"))) &&
            scope_holds(&r->scope, c, subject, r->then != POLICY_ALLOW, &failed)) {
            if (note)
                note(arg, r, NULL);
            return r;
        }
        if (note)
            note(arg, r, failed);
    }
    return NULL;
}
