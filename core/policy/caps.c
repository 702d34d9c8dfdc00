/* caps.c - how often.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "caps.h"

struct cap_list {
    struct state_window windows[STATE_MANY];
    char keys[STATE_MANY][STATE_KEY_MAX];
    const struct policy_cap *caps[STATE_MANY];
    size_t n;
    bool too_many;
    const struct policy_cap *unknown; /* it needs a fact that was not said */
};

static void add(struct cap_list *l, const struct policy_cap *cap, const char *value, int64_t limit)
{
    char key[STATE_KEY_MAX];

    snprintf(key, sizeof key, "cap:%s:%.120s", cap->name, value);
    for (size_t i = 0; i < l->n; i++)
        limit -= strcmp(l->keys[i], key) == 0; /* a second subject of the same kind in one call */
    if (l->n == STATE_MANY) {
        l->too_many = true;
        return;
    }
    memcpy(l->keys[l->n], key, sizeof key);
    l->caps[l->n] = cap;
    l->windows[l->n] = (struct state_window){ l->keys[l->n], limit, cap->period_ms };
    l->n++;
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

/* Persons and devices are counted under names that tell nothing. */
static bool add_fact(struct cap_list *l, const struct policy_cap *cap, const struct policy_case *c,
                     const char *value, int64_t limit)
{
    char hidden[2 * DIGEST_SIZE + 1];
    uint8_t digest[DIGEST_SIZE];

    if (strcmp(cap->each, "user") == 0 || strcmp(cap->each, "serial") == 0) {
        if (!c->key || !digest_hmac(c->key, DIGEST_SIZE, value, strlen(value), digest))
            return false;
        digest_hex(digest, sizeof digest, hidden);
        value = hidden;
    }
    add(l, cap, value, limit);
    return true;
}

static void add_for(struct cap_list *l, const struct policy_cap *cap, const struct policy_case *c,
                    size_t subject)
{
    int64_t limit = limit_of(cap, c, subject);
    const char *value = NULL;

    if (limit < 0) {
        l->unknown = cap;
        return;
    }
    if (strcmp(cap->each, "all") == 0)
        value = "";
    else if (strcmp(cap->each, "tool") == 0)
        value = c->tool;
    else if (strcmp(cap->each, "principal") == 0)
        value = c->principal;
    if (value) {
        add(l, cap, value, limit);
        return;
    }
    if (!case_says(c, subject, cap->each))
        l->unknown = cap;
    for (size_t i = 0; (value = case_fact(c, subject, cap->each, i)); i++)
        if (!add_fact(l, cap, c, value, limit))
            l->unknown = cap;
    if (!case_fact(c, subject, cap->each, 0))
        add(l, cap, "(none)", limit);
}

enum state_rc caps_take(const struct policy *p, const struct policy_case *c, struct state *s, bool commit,
                        char *rule, char *why, size_t why_size)
{
    struct cap_list *l = p->n_caps ? calloc(1, sizeof *l) : NULL;
    enum state_rc rc = STATE_YES;
    int64_t wait = 0;
    size_t full = 0;

    if (!p->n_caps || c->safety == KMCP_READ)
        return STATE_YES;
    snprintf(why, why_size, "out of memory");
    if (!l)
        return STATE_LOST;
    for (size_t i = 0; i < p->n_caps; i++)
        for (size_t k = 0; k < (c->n_subjects ? c->n_subjects : 1); k++)
            if (scope_holds(&p->caps[i].scope, c, k, true, NULL))
                add_for(l, &p->caps[i], c, k);
    if (l->unknown || l->too_many) {
        snprintf(rule, 80, "cap %.60s", l->unknown ? l->unknown->name : "");
        snprintf(why, why_size,
                 l->unknown ? "[cap %.40s] cannot be counted: nothing was said of the device that it counts "
                              "by, or of its blueprint's size"
                            : "it falls under more caps%.0s than can be counted at once",
                 l->unknown ? l->unknown->name : "");
        free(l);
        return STATE_NO;
    }
    if (l->n)
        rc = state_count(s, l->windows, l->n, commit, &full, &wait);
    if (rc == STATE_NO) {
        const struct policy_cap *cap = l->caps[full];

        snprintf(rule, 80, "cap %.60s", cap->name);
        snprintf(why, why_size,
                 "[cap %.40s] in line %d of the policy is used up (%lld in %lld minutes%s%.40s); there is "
                 "room again in "
                 "%lld minutes",
                 cap->name, cap->line, (long long)l->windows[full].limit, (long long)(cap->period_ms / 60000),
                 strcmp(cap->each, "all") == 0 ? "" : ", for each ",
                 strcmp(cap->each, "all") == 0 ? "" : cap->each, (long long)((wait + 59999) / 60000));
    } else if (rc == STATE_LOST) {
        snprintf(rule, 80, "state");
        state_why(s, why, why_size);
    }
    free(l);
    return rc;
}
