/* caps.c - how often.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "caps.h"

/* A second subject of the same kind in one call finds one place less. */
static bool add(struct caps_due *l, const struct policy_cap *cap, const char *value, int64_t limit)
{
    char key[STATE_KEY_MAX];

    snprintf(key, sizeof key, "cap:%s:%.120s", cap->name, value);
    for (size_t i = 0; i < l->n; i++)
        limit -= strcmp(l->of[i].key, key) == 0;
    if (l->n == STATE_MANY)
        return false;
    memcpy(l->of[l->n].key, key, sizeof key);
    l->of[l->n].cap = cap;
    l->of[l->n++].limit = limit;
    return true;
}

/* What a percentage comes to: of 30 devices 5 % are 1; at least one. */
static int64_t limit_of(const struct policy_cap *cap, const struct policy_case *c, size_t subject)
{
    const char *devices = cap->percent ? case_fact(c, subject, "blueprint_devices", 0) : NULL;
    int64_t limit;

    if (!cap->percent)
        return cap->limit;
    if (!devices)
        return -1;
    limit = strtoll(devices, NULL, 10) * cap->percent / 100;
    return limit > 0 ? limit : 1;
}

enum counted { COUNTED, UNKNOWN, TOO_MANY };

/* Persons and devices are counted under names that tell nothing. */
static enum counted add_fact(struct caps_due *l, const struct policy_cap *cap, const struct policy_case *c,
                             const char *value, int64_t limit)
{
    char hidden[2 * DIGEST_SIZE + 1];
    uint8_t digest[DIGEST_SIZE];

    if (strcmp(cap->each, "user") == 0 || strcmp(cap->each, "serial") == 0) {
        if (!c->key || !digest_hmac(c->key, DIGEST_SIZE, value, strlen(value), digest))
            return UNKNOWN;
        digest_hex(digest, sizeof digest, hidden);
        value = hidden;
    }
    return add(l, cap, value, limit) ? COUNTED : TOO_MANY;
}

static enum counted add_for(struct caps_due *l, const struct policy_cap *cap, const struct policy_case *c,
                            size_t subject)
{
    int64_t limit = limit_of(cap, c, subject);
    const char *value = NULL, *fact = cap->each;
    enum counted counted = COUNTED;

    if (limit < 0)
        return UNKNOWN;
    if (strcmp(cap->each, "all") == 0)
        value = "";
    else if (strcmp(cap->each, "tool") == 0)
        value = c->tool;
    else if (strcmp(cap->each, "principal") == 0)
        value = c->principal;
    if (value)
        return add(l, cap, value, limit) ? COUNTED : TOO_MANY;
    if (strcmp(cap->each, "blueprint") == 0 && case_fact(c, subject, "blueprint_id", 0))
        fact = "blueprint_id"; /* two may have one name */
    if (!case_says(c, subject, fact))
        return UNKNOWN;
    for (size_t i = 0; counted == COUNTED && (value = case_fact(c, subject, fact, i)); i++)
        counted = add_fact(l, cap, c, value, limit);
    if (!case_fact(c, subject, fact, 0))
        counted = add(l, cap, "(none)", limit) ? COUNTED : TOO_MANY;
    return counted;
}

bool caps_due(const struct policy *p, const struct policy_case *c, struct caps_due *out, char *rule,
              char *why, size_t why_size)
{
    out->n = 0;
    for (size_t i = 0; i < p->n_caps && c->safety != KMCP_READ; i++)
        for (size_t k = 0; k < (c->n_subjects ? c->n_subjects : 1); k++) {
            const struct policy_cap *cap = &p->caps[i];
            enum counted counted = scope_holds(&cap->scope, c, k, true, NULL) ? add_for(out, cap, c, k)
                                                                              : COUNTED;

            if (counted == COUNTED)
                continue;
            snprintf(rule, 80, "cap %.60s", cap->name);
            snprintf(why, why_size,
                     counted == UNKNOWN
                         ? "[cap %.40s] cannot be counted: nothing was said of the device that it counts "
                           "by, or of its blueprint's size"
                         : "with [cap %.40s] it falls under more caps than can be counted at once",
                     cap->name);
            return false;
        }
    return true;
}

/* The time in the zone that CAP, or else the policy, has windows in; "" if there is none but UTC. */
static const char *local_time(const struct policy *p, const struct policy_cap *cap, int64_t unix_ms,
                              char out[WINDOW_LOCAL])
{
    out[0] = '\0';
    if (cap->scope.when)
        return window_local(cap->scope.when, unix_ms, out);
    for (size_t i = 0; i < p->n_rules && !*out; i++)
        if (p->rules[i].scope.when)
            window_local(p->rules[i].scope.when, unix_ms, out);
    for (size_t i = 0; i < p->n_caps && !*out; i++)
        if (p->caps[i].scope.when)
            window_local(p->caps[i].scope.when, unix_ms, out);
    return out;
}

static void say_full(const struct policy *p, const struct policy_cap *cap, int64_t limit, int64_t again_ms,
                     char *why, size_t why_size)
{
    bool apart = strcmp(cap->each, "all") != 0;
    char local[WINDOW_LOCAL], utc[32];

    if (limit <= 0) {
        snprintf(why, why_size, "[cap %.40s] in line %d of the policy leaves no room for it at any time",
                 cap->name, cap->line);
        return;
    }
    again_ms += 999; /* shown in whole seconds */
    local_time(p, cap, again_ms, local);
    snprintf(why, why_size,
             "[cap %.40s] in line %d of the policy is used up (%lld %s%s%.40s); there is room again at "
             "%s%s%s%s",
             cap->name, cap->line, (long long)limit, cap->per, apart ? ", for each " : "",
             apart ? cap->each : "", clock_iso(again_ms, utc, sizeof utc), *local ? " (" : "", local,
             *local ? ")" : "");
}

enum state_rc caps_take(const struct policy *p, const struct policy_case *c, struct state *s, bool commit,
                        char *rule, char *why, size_t why_size)
{
    struct caps_due *due = p->n_caps && c->safety != KMCP_READ ? calloc(1, sizeof *due) : NULL;
    struct state_window windows[STATE_MANY];
    enum state_rc rc = STATE_YES;
    int64_t wait = 0;
    size_t full = 0;

    if (!p->n_caps || c->safety == KMCP_READ)
        return STATE_YES;
    snprintf(why, why_size, "out of memory");
    if (!due)
        return STATE_LOST;
    if (!caps_due(p, c, due, rule, why, why_size)) {
        free(due);
        return STATE_NO;
    }
    for (size_t i = 0; i < due->n; i++)
        windows[i] = (struct state_window){ due->of[i].key, due->of[i].limit, due->of[i].cap->period_ms };
    if (due->n)
        rc = state_count(s, windows, due->n, commit, &full, &wait);
    if (rc == STATE_NO) {
        const struct policy_cap *cap = due->of[full].cap;

        snprintf(rule, 80, "cap %.60s", cap->name);
        say_full(p, cap, due->of[full].limit, state_now(s) + wait, why, why_size);
    } else if (rc == STATE_LOST) {
        snprintf(rule, 80, "state");
        state_why(s, why, why_size);
    }
    free(due);
    return rc;
}

/* The state says only whether there is room, so the number is closed in on. */
enum state_rc caps_left(const struct caps_due *due, size_t i, struct state *s, int64_t *left)
{
    struct state_window window = { due->of[i].key, due->of[i].limit, due->of[i].cap->period_ms };
    int64_t used = 0, room = window.limit + 1, wait;
    enum state_rc rc = STATE_YES;
    size_t full;

    while (room - used > 1) {
        window.limit = used + (room - used) / 2;
        rc = state_count(s, &window, 1, false, &full, &wait);
        if (rc == STATE_LOST)
            return rc;
        *(rc == STATE_YES ? &room : &used) = window.limit;
    }
    *left = due->of[i].limit > used ? due->of[i].limit - used : 0;
    return STATE_YES;
}
