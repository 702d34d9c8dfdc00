/* command_policy_test.c - `kmcp policy test`: does the policy decide as a file expects?
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli.h"
#include "base/clock_read.h"
#include "policy/caps.h"
#include "policy/lacks.h"

#define FACTS_MAX 64

static const uint8_t no_key[DIGEST_SIZE]; /* nothing of this is kept */
static const char *const levels[] = { "confirm", "ask", "approve", "approve-two" };

static const char *const fact_keys[] = { "serial",       "name",     "user", "user_name",         "blueprint",
                                         "blueprint_id", "platform", "tag",  "blueprint_devices", NULL };

/* "a, b" as facts of NAME; an empty text says that there is none. */
static size_t split_fact(struct arena *a, const char *name, const char *text, struct policy_fact *facts,
                         size_t n)
{
    bool any = false;

    for (; *text || !any; text += *text == ',') {
        size_t len = strcspn(text, ","), from = strspn(text, " ");

        if (from > len)
            from = len;
        if (n < FACTS_MAX)
            facts[n++] = (struct policy_fact){ 0, name,
                                               arena_format(a, "%.*s", (int)(len - from), text + from) };
        any = true;
        text += len;
        if (!*text)
            break;
    }
    return n;
}

/* Is one of LIST, or left out? */
static bool is_one_of(struct config *c, const char *section, const char *key, const char *value,
                      const char *const *list, size_t n)
{
    const struct config_entry *e = config_find(c, section, key);
    char words[200] = "";
    size_t len = 0;

    for (size_t i = 0; value && i < n; i++)
        if (strcmp(value, list[i]) == 0)
            return true;
    for (size_t i = 0; i < n && len < sizeof words; i++)
        len += (size_t)snprintf(words + len, sizeof words - len, "%s%s", i ? ", " : "", list[i]);
    return !e || config_fail(c, e->line, "[%s]: \"%s\" cannot be \"%.40s\"; it is one of %s", section, key,
                             value, words);
}

/* "rule night" decided: is that what WANTED, "night" or "rule night", says? */
static bool is_rule(const char *wanted, const char *rule)
{
    return strcmp(wanted, rule) == 0 || (strncmp(rule, "rule ", 5) == 0 && strcmp(wanted, rule + 5) == 0);
}

/* Before anything is tested: a slip must not look like a test that passed. */
static bool check_file(struct config *c)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    static const char *const keys[] = { "tool",
                                        "expect",
                                        "level",
                                        "rule",
                                        "done",
                                        "can_ask",
                                        "principal",
                                        "transport",
                                        "at",
                                        "device",
                                        "serial",
                                        "name",
                                        "user",
                                        "user_name",
                                        "blueprint",
                                        "blueprint_id",
                                        "platform",
                                        "tag",
                                        "blueprint_devices" };
    const size_t n = sizeof keys / sizeof *keys;
    char all[400] = "";
    size_t len = 0;

    for (size_t i = 0; i < c->n_sections; i++) {
        const char *name = c->sections[i].name;

        if (strncmp(name, "test ", 5) != 0 || !name[5])
            return config_fail(c, c->sections[i].line, "[%s] must be [test NAME]", name);
        if (name[5 + strspn(name + 5, letters)])
            return config_fail(c, c->sections[i].line,
                               "[%s]: a test's name has letters, digits, _ and - alone, and no spaces", name);
    }
    for (size_t i = 0; i < n && len < sizeof all; i++)
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", i ? ", " : "", keys[i]);
    for (size_t i = 0; i < c->n_entries; i++) {
        size_t k = 0;

        while (k < n && strcmp(keys[k], c->entries[i].key) != 0)
            k++;
        if (k == n)
            return config_fail(c, c->entries[i].line, "unknown key \"%.60s\" in [%s]; a test has %s",
                               c->entries[i].key, c->entries[i].section, all);
    }
    return c->n_sections ? true : config_fail(c, 0, "holds no [test NAME]");
}

/* What the section expects. */
struct expected {
    const char *verdict, *rule, *level;
    int64_t done; /* acts so far in the window of each cap */
    bool can_ask;
};

static bool read_expected(struct policy *p, struct config *c, const char *section, int line,
                          struct expected *x)
{
    static const char *const verdicts[] = { "allow",       "default", "ask",     "approve",
                                            "approve-two", "deny",    "cap NAME" };

    *x = (struct expected){ .verdict = config_str(c, section, "expect", NULL),
                            .rule = config_str(c, section, "rule", NULL),
                            .level = config_str(c, section, "level", NULL),
                            .done = config_int(c, section, "done", 0, 1000000, 0),
                            .can_ask = config_bool(c, section, "can_ask", true) };
    if (c->error[0])
        return false;
    if (!x->verdict && !x->level)
        return config_fail(c, line, "[%s] expects nothing; it needs \"expect\" or \"level\"", section);
    if (!is_one_of(c, section, "level", x->level, levels, sizeof levels / sizeof *levels))
        return false;
    if (!x->verdict || strncmp(x->verdict, "cap ", 4) != 0)
        return is_one_of(c, section, "expect", x->verdict, verdicts, sizeof verdicts / sizeof *verdicts);
    for (size_t i = 0; i < p->n_caps; i++)
        if (strcmp(p->caps[i].name, x->verdict + 4) == 0)
            return true;
    return config_fail(c, config_find(c, section, "expect")->line, "[%s]: there is no [%.60s]", section,
                       x->verdict);
}

/* What is left out of the test and decides, and how to say that there is none. */
static void say_lacks(const struct policy *p, const struct policy_case *now)
{
    struct policy_fact facts[FACTS_MAX + sizeof fact_keys / sizeof *fact_keys];
    struct policy_case more = *now;
    const struct policy_fact *fact;
    struct policy_ruling other;

    if (now->n_facts)
        memcpy(facts, now->facts, now->n_facts * sizeof *facts);
    for (const char *const *key = fact_keys; *key && now->n_subjects; key++)
        if (!case_says(now, 0, *key))
            facts[more.n_facts++] = (struct policy_fact){ 0, *key, "" };
    more.facts = facts;
    fact = lacks_find(p, now, &more, true, &other);
    if (fact)
        printf("; \"%s\" is left out, which is unknown: write \"%s =\" if there is none (%s by %s)",
               fact->name, fact->name, policy_verdict_name(other.verdict), other.rule);
}

/* What is decided: a verdict's name, or "cap NAME" where a cap is used up after DONE acts, or cannot be
 * counted, as WHY says. */
static const char *decide(const struct policy *p, const struct policy_case *now, int64_t done,
                          struct policy_ruling *r, char *cap, size_t size, char *why, size_t why_size)
{
    struct caps_due due;

    *why = '\0';
    policy_rule_on(p, now, r);
    if (r->verdict == POLICY_DENY)
        return policy_verdict_name(r->verdict);
    if (!caps_due(p, now, &due, cap, why, why_size))
        return cap;
    for (size_t i = 0; i < due.n; i++)
        if (done >= due.of[i].limit) {
            snprintf(cap, size, "cap %.60s", due.of[i].cap->name);
            return cap;
        }
    return policy_verdict_name(r->verdict);
}

static bool run_test(struct host *host, struct config *c, const char *section, int line, unsigned *failed)
{
    const char *tool_name = config_str(c, section, "tool", ""), *at = config_str(c, section, "at", NULL);
    const char *id = config_str(c, section, "device", "test-device"), *kind = "device", *decided, *level;
    const struct tool *tool = registry_find(&host->registry, tool_name);
    struct policy_fact facts[FACTS_MAX];
    struct policy_ruling r;
    struct policy_case now = { .tool = tool_name,
                               .principal = config_str(c, section, "principal", host->principal),
                               .transport = config_str(c, section, "transport", "stdio"),
                               .n_subjects = 1,
                               .kinds = &kind,
                               .ids = &id,
                               .facts = facts,
                               .key = no_key,
                               .now_ms = at ? clock_read(at) : clock_unix_ms() };
    struct expected x;
    struct arena arena;
    char cap[80] = "", why[400];
    bool good;

    if (!tool)
        return config_fail(c, line, "[%s]: \"tool\" must name a loaded tool, not \"%.64s\"", section,
                           tool_name);
    if (!scope_is_principal(now.principal, strlen(now.principal), why, sizeof why) ||
        strchr(now.principal, '*'))
        return config_fail(c, line, "[%s]: \"principal\": %s", section, why);
    if (now.now_ms < 0)
        return config_fail(c, line, "[%s]: \"at\" must look like 2026-11-24T10:00:00Z", section);
    if (!read_expected(&host->policy, c, section, line, &x))
        return false;
    arena_init(&arena, 1 << 20);
    now.safety = tool->decl.safety;
    now.n_subjects = now.safety == KMCP_READ ? 0 : 1;
    for (const char *const *key = fact_keys; *key; key++) {
        const char *value = config_str(c, section, *key, NULL);

        if (value)
            now.n_facts = split_fact(&arena, *key, value, facts, now.n_facts);
    }
    policy_at(&host->policy, now.now_ms);
    decided = decide(&host->policy, &now, x.done, &r, cap, sizeof cap, why, sizeof why);
    level = r.verdict == POLICY_DENY ? "nobody"
                                     : levels[policy_level(&host->policy, r.verdict, now.safety, x.can_ask)];
    good = (!x.verdict || strcmp(x.verdict, decided) == 0) && (!x.rule || is_rule(x.rule, r.rule)) &&
           (!x.level || strcmp(x.level, level) == 0);
    printf("%s %s: %s%s%s", good ? "ok  " : "FAIL", section + strlen("test "), decided,
           strcmp(r.rule, "default") == 0 ? " (no rule matches)" : " by ",
           strcmp(r.rule, "default") == 0 ? "" : r.rule);
    if (strcmp(r.rule, "protected") == 0)
        printf(" (%s)", r.why);
    if (*why)
        printf(" (%s)", why);
    if (x.level)
        printf(", level %s", level);
    if (!good)
        printf("; expected %s%s%s%s%s (line %d)", x.verdict ? x.verdict : "", x.rule ? " by " : "",
               x.rule ? x.rule : "", x.level ? " level " : "", x.level ? x.level : "", line);
    say_lacks(&host->policy, &now);
    printf("\n");
    *failed += !good;
    arena_release(&arena, false);
    return true;
}

int policy_test(struct host *host, const char *file)
{
    unsigned failed = 0, n = 0;
    struct config c;
    int status;

    if (config_read(&c, file) && check_file(&c))
        for (; n < c.n_sections && !c.error[0]; n++)
            run_test(host, &c, c.sections[n].name, c.sections[n].line, &failed);
    status = c.error[0] || failed;
    if (c.error[0])
        fprintf(stderr, "kmcp: %s\n", c.error);
    else
        printf("%u as expected, %u not\n", n - failed, failed);
    config_free(&c);
    return status;
}
