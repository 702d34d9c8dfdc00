/* lacks.c - what a ruling would need to know.  SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "lacks.h"

const struct policy_fact *lacks_find(const struct policy *p, const struct policy_case *c,
                                     const struct policy_case *more, bool rule, struct policy_ruling *other)
{
    struct policy_case with = *more;
    struct policy_ruling now;

    policy_rule_on(p, c, &now);
    for (size_t i = c->n_facts; i < more->n_facts; i++) {
        with.n_facts = i + 1;
        policy_rule_on(p, &with, other);
        if (other->verdict != now.verdict || (rule && strcmp(other->rule, now.rule) != 0))
            return &more->facts[i];
    }
    return NULL;
}
