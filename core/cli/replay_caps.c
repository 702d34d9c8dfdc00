/* replay_caps.c - what the caps would have counted, in the order of a record.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay_caps.h"

#define LONGEST_MS INT64_C(604800000) /* the longest window of a cap */

struct replay_counted {
    char key[STATE_KEY_MAX];
    int64_t at_ms;
};

/* Of a cap that could not be judged. */
struct replay_lack {
    unsigned acts;
    const char *fact;
};

void replay_caps_begin(struct replay_caps *r, const struct policy *p)
{
    *r = (struct replay_caps){ .policy = p, .lacks = calloc(p->n_caps + 1, sizeof *r->lacks) };
    r->failed = !r->lacks;
}

void replay_caps_end(struct replay_caps *r)
{
    free(r->counted);
    free(r->lacks);
}

/* What cap number I alone counts. */
static bool due_of(const struct replay_caps *r, size_t i, const struct policy_case *c, struct caps_due *out)
{
    struct policy one = *r->policy;
    char rule[80], why[400];

    one.caps += i;
    one.n_caps = 1;
    return caps_due(&one, c, out, rule, why, sizeof why);
}

/* The fact that cap number I needs and that is not on record; NULL: OUT is what it counts. */
static const char *lacking(const struct replay_caps *r, size_t i, const struct policy_case *past,
                           const struct policy_case *known, struct caps_due *out)
{
    const struct policy_cap *cap = &r->policy->caps[i];
    struct policy_case with = known ? *known : *past;
    struct caps_due other;

    if (!due_of(r, i, past, out))
        return cap->percent ? "blueprint_devices" : cap->each;
    for (size_t k = past->n_facts; known && k < known->n_facts; k++) {
        with.n_facts = k + 1;
        if (!due_of(r, i, &with, &other) || other.n != out->n)
            return known->facts[k].name;
    }
    return NULL;
}

static void forget_old(struct replay_caps *r, int64_t now_ms)
{
    size_t old = 0;

    while (old < r->n && r->counted[old].at_ms <= now_ms - LONGEST_MS)
        old++;
    if (old)
        memmove(r->counted, r->counted + old, (r->n - old) * sizeof *r->counted);
    r->n -= old;
}

static bool has_room(const struct replay_caps *r, const struct caps_due *due, int64_t now_ms)
{
    for (size_t i = 0; i < due->n; i++) {
        int64_t n = 0;

        for (size_t k = 0; k < r->n; k++)
            n += r->counted[k].at_ms > now_ms - due->of[i].cap->period_ms &&
                 strcmp(r->counted[k].key, due->of[i].key) == 0;
        if (n >= due->of[i].limit)
            return false;
    }
    return true;
}

static void count(struct replay_caps *r, const struct caps_due *due, int64_t now_ms)
{
    if (r->n + due->n > r->max) {
        size_t more = 2 * r->max + STATE_MANY;
        struct replay_counted *grown = realloc(r->counted, more * sizeof *grown);

        if (!grown) {
            r->failed = true;
            return;
        }
        r->counted = grown;
        r->max = more;
    }
    for (size_t i = 0; i < due->n; i++) {
        memcpy(r->counted[r->n].key, due->of[i].key, STATE_KEY_MAX);
        r->counted[r->n++].at_ms = now_ms;
    }
}

const struct policy_cap *replay_caps_take(struct replay_caps *r, const struct policy_case *past,
                                          const struct policy_case *known)
{
    struct caps_due due;

    forget_old(r, past->now_ms);
    for (size_t i = 0; !r->failed && i < r->policy->n_caps; i++)
        if (!lacking(r, i, past, known, &due) && !has_room(r, &due, past->now_ms))
            return &r->policy->caps[i];
    for (size_t i = 0; !r->failed && i < r->policy->n_caps; i++) { /* in all or in none */
        const char *fact = lacking(r, i, past, known, &due);

        if (!fact) {
            count(r, &due, past->now_ms);
            continue;
        }
        r->lacks[i].acts++;
        r->lacks[i].fact = fact;
    }
    return NULL;
}

void replay_caps_say(const struct replay_caps *r)
{
    for (size_t i = 0; !r->failed && i < r->policy->n_caps; i++)
        if (r->lacks[i].acts)
            printf("cap %s could not be judged for %u of the acts: %s is not on record%s\n",
                   r->policy->caps[i].name, r->lacks[i].acts, r->lacks[i].fact,
                   r->policy->caps[i].percent
                       ? "; it is recorded only while a cap with \"percent\" is in force"
                       : "");
}
