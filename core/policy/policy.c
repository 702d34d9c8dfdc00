/* policy.c - one ruling for one case.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "policy.h"

#define MINUTE_MS INT64_C(60000)

static bool read_all(struct policy *p, struct config *c)
{
    int redact;

    p->read_only = config_bool(c, "policy", "read_only", true);
    redact = config_bool_or(c, "policy", "redact_pii", false, "pseudonyms");
    p->pseudonyms = redact == CONFIG_THIRD;
    p->redact_pii = redact != false;
    p->unasked_destroy = config_bool(c, "policy", "unasked_destroy", false);
    p->unasked_reveal = config_bool(c, "policy", "unasked_reveal", false);
    p->freeze = config_bool(c, "policy", "freeze", false);
    p->freeze_file = config_path(c, "policy", "freeze_file");
    p->protected_devices = config_str(c, "policy", "protected_devices", NULL);
    p->protected_users = config_str(c, "policy", "protected_users", NULL);
    p->protected_tags = config_str(c, "policy", "protected_tags", NULL);
    p->approvers = config_path(c, "policy", "approvers");
    p->approval_ms = MINUTE_MS * config_int(c, "policy", "approval_minutes", 1, 7 * 24 * 60, 60);
    p->repeat_ms = MINUTE_MS * config_int(c, "policy", "repeat_minutes", 0, 7 * 24 * 60, 10);
    p->inline_secrets = config_str(c, "policy", "inline_secrets", NULL);
    p->secret_ms = MINUTE_MS * config_int(c, "policy", "secret_minutes", 1, 7 * 24 * 60, 60);
    return !c->error[0] && rules_read(p, c);
}

bool policy_read(struct policy *p, struct config *c)
{
    *p = (struct policy){ .file = c->file };
    if (read_all(p, c))
        return true;
    /* nobody may go on with half a policy */
    p->read_only = p->redact_pii = p->freeze = true;
    p->unasked_destroy = p->unasked_reveal = false;
    return false;
}

void policy_free(struct policy *p)
{
    for (size_t i = 0; i < p->n_rules; i++)
        scope_free(&p->rules[i].scope);
    for (size_t i = 0; i < p->n_caps; i++)
        scope_free(&p->caps[i].scope);
    free(p->rules);
    free(p->caps);
    p->rules = NULL;
    p->caps = NULL;
    p->n_rules = p->n_caps = 0;
}

bool policy_offers(const struct policy *p, kmcp_safety safety, char *why, size_t why_size)
{
    if (safety == KMCP_READ || (!p->read_only && safety > KMCP_READ && safety <= KMCP_DESTROY))
        return true;
    snprintf(why, why_size,
             "this host is read-only (read_only = yes in %s, the default); only an administrator can change "
             "that",
             p->file);
    return false;
}

bool policy_digest(const struct config *c, char out[17])
{
    char hex[2 * DIGEST_SIZE + 1];
    uint8_t digest[DIGEST_SIZE];
    struct buf text;
    bool ok;

    out[0] = '\0';
    buf_init(&text, 2 << 20);
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct config_entry *e = &c->entries[i];

        if (strcmp(e->section, "policy") == 0 || strncmp(e->section, "rule ", 5) == 0 ||
            strncmp(e->section, "cap ", 4) == 0)
            buf_printf(&text, "[%s]%s=%zu:%s\n", e->section, e->key, strlen(e->value), e->value);
    }
    ok = !text.failed && digest_sha256(text.data ? text.data : "", text.len, digest);
    buf_free(&text);
    if (!ok)
        return false;
    digest_hex(digest, sizeof digest, hex);
    memcpy(out, hex, 16);
    out[16] = '\0';
    return true;
}

const char *policy_verdict_name(enum policy_verdict verdict)
{
    static const char *const names[] = { "allow", "default", "ask", "approve", "approve-two", "deny" };

    return names[verdict];
}

const char *policy_by(const char *rule, kmcp_safety safety, char out[POLICY_BY])
{
    if (strcmp(rule, "default") == 0)
        snprintf(out, POLICY_BY, "the default of %s: no rule matches", scope_class_name(safety));
    else
        snprintf(out, POLICY_BY, "%s", rule);
    return out;
}

/* ---- what comes before any rule ---- */

static bool deny(struct policy_ruling *out, const char *rule, const char *why)
{
    out->verdict = POLICY_DENY;
    snprintf(out->rule, sizeof out->rule, "%s", rule);
    snprintf(out->why, sizeof out->why, "%s", why);
    return true;
}

bool policy_is_frozen(const struct policy *p, struct policy_ruling *out)
{
    char why[300];

    if (p->freeze)
        return deny(out, "freeze",
                    "acts are frozen (freeze = yes in [policy]); an administrator can lift that");
    if (!p->freeze_file || (access(p->freeze_file, F_OK) != 0 && errno == ENOENT))
        return false;
    snprintf(why, sizeof why, "acts are frozen while the file %.180s exists; an administrator can remove it",
             p->freeze_file);
    return deny(out, "freeze", why);
}

enum touch { TOUCHES_NOT, TOUCHES, MAY_TOUCH };

/* Is one of WORDS the value of one of the facts? A subject that nothing was said of might be. */
static enum touch touches(const char *words, const struct policy_case *c, size_t subject,
                          const char *const *facts)
{
    bool said = false;

    if (!words)
        return TOUCHES_NOT;
    for (; *facts; facts++) {
        const char *value;

        said = said || (case_says(c, subject, *facts) && strcmp(*facts, "id") != 0);
        for (size_t i = 0; (value = case_fact(c, subject, *facts, i)); i++)
            if (scope_word(words, value))
                return TOUCHES;
    }
    return said ? TOUCHES_NOT : MAY_TOUCH;
}

static bool is_protected(const struct policy *p, const struct policy_case *c, struct policy_ruling *out)
{
    const struct {
        const char *words, *key, *what, *facts[4];
    } lists[] = { { p->protected_devices,
                    "protected_devices",
                    "serial number and name are",
                    { "id", "serial", "name", NULL } },
                  { p->protected_users, "protected_users", "user is", { "user", "user_name", NULL } },
                  { p->protected_tags, "protected_tags", "tags are", { "tag", NULL } } };

    for (size_t i = 0; i < (c->n_subjects ? c->n_subjects : 1); i++)
        for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
            enum touch touch = touches(lists[k].words, c, i, lists[k].facts);
            char why[300];

            if (touch == TOUCHES_NOT)
                continue;
            if (touch == TOUCHES)
                snprintf(why, sizeof why,
                         "it is protected (%s in [policy]); nobody may act on it through kmcp", lists[k].key);
            else
                snprintf(why, sizeof why,
                         "it may be protected (%s in [policy]): its %s unknown; nobody may act on it "
                         "through kmcp",
                         lists[k].key, lists[k].what);
            return deny(out, "protected", why);
        }
    return false;
}

/* ---- the ruling ---- */

static void rule_for(const struct policy *p, const struct policy_case *c, size_t subject,
                     struct policy_ruling *out)
{
    const struct policy_rule *rule = rules_match(p, c, subject, NULL, NULL);

    *out = (struct policy_ruling){ .verdict = c->safety == KMCP_READ ? POLICY_ALLOW : POLICY_DEFAULT,
                                   .rule = "default" };
    if (!rule)
        return;
    out->verdict = rule->then;
    snprintf(out->rule, sizeof out->rule, "rule %.60s", rule->name);
    if (rule->then == POLICY_DENY)
        snprintf(out->why, sizeof out->why, "[rule %.40s] in line %d of the policy denies it%s%.150s",
                 rule->name, rule->line, rule->because ? ": " : "", rule->because ? rule->because : "");
}

void policy_rule_on(const struct policy *p, const struct policy_case *c, struct policy_ruling *out)
{
    if (c->safety != KMCP_READ && (policy_is_frozen(p, out) || is_protected(p, c, out)))
        return;
    rule_for(p, c, 0, out);
    for (size_t i = 1; i < c->n_subjects; i++) {
        struct policy_ruling next;

        rule_for(p, c, i, &next);
        if (next.verdict > out->verdict)
            *out = next;
    }
}

enum policy_level policy_level(const struct policy *p, enum policy_verdict verdict, kmcp_safety safety,
                               bool can_ask)
{
    bool unasked = safety == KMCP_WRITE || (safety == KMCP_DESTROY && p->unasked_destroy) ||
                   (safety == KMCP_REVEAL && p->unasked_reveal);

    switch (verdict) {
    case POLICY_ALLOW:
        return LEVEL_NONE;
    case POLICY_DEFAULT:
        return can_ask ? LEVEL_CLIENT : unasked ? LEVEL_NONE : LEVEL_PERSON;
    case POLICY_ASK:
        return can_ask ? LEVEL_CLIENT : LEVEL_PERSON;
    case POLICY_APPROVE:
        return LEVEL_PERSON;
    case POLICY_TWO:
    case POLICY_DENY:
        break;
    }
    return LEVEL_TWO;
}

/* By a rule that comes before any that could let it pass. */
static const struct policy_rule *outright(const struct policy *p, const char *tool, kmcp_safety safety)
{
    for (size_t i = 0; i < p->n_rules; i++) {
        const struct policy_rule *r = &p->rules[i];
        const char *classes = r->scope.words[SCOPE_CLASSES];
        bool surely;

        if ((safety == KMCP_READ && !(classes && scope_word(classes, "READ"))) ||
            !scope_covers(&r->scope, tool, safety, &surely))
            continue;
        if (r->then != POLICY_DENY)
            return NULL;
        if (surely)
            return r;
    }
    return NULL;
}

bool policy_refuses(const struct policy *p, const char *tool, kmcp_safety safety, char *rule)
{
    const struct policy_rule *r = outright(p, tool, safety);
    bool surely;

    if (safety != KMCP_READ && (p->read_only || p->freeze)) {
        snprintf(rule, 80, "%s", p->read_only ? "read_only" : "freeze");
        return true;
    }
    if (r) {
        snprintf(rule, 80, "rule %.60s", r->name);
        return true;
    }
    for (size_t i = 0; i < p->n_caps && safety != KMCP_READ; i++)
        if (p->caps[i].limit == 0 && scope_covers(&p->caps[i].scope, tool, safety, &surely) && surely) {
            snprintf(rule, 80, "cap %.60s", p->caps[i].name);
            return true;
        }
    return false;
}

void policy_at(struct policy *p, int64_t unix_ms)
{
    for (size_t i = 0; i < p->n_rules; i++)
        if (p->rules[i].scope.when && !window_knows(p->rules[i].scope.when, unix_ms))
            window_at(p->rules[i].scope.when, unix_ms);
    for (size_t i = 0; i < p->n_caps; i++)
        if (p->caps[i].scope.when && !window_knows(p->caps[i].scope.when, unix_ms))
            window_at(p->caps[i].scope.when, unix_ms);
}

bool policy_wants(const struct policy *p, const char *name)
{
    for (size_t i = 0; i < p->n_rules; i++)
        if (scope_wants(&p->rules[i].scope, name))
            return true;
    for (size_t i = 0; i < p->n_caps; i++)
        if (scope_wants(&p->caps[i].scope, name) || strcmp(p->caps[i].each, name) == 0 ||
            (p->caps[i].percent && strcmp(name, "blueprint_devices") == 0))
            return true;
    return false;
}
