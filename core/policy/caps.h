/* caps.h - how often: [cap NAME], counted in the state over all processes and restarts.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CAPS_H
#define KMCP_CAPS_H

#include "policy.h"
#include "state/state.h"

/* The caps that a case falls under: what each counts, and how many it allows. */
struct caps_due {
    struct {
        const struct policy_cap *cap;
        char key[STATE_KEY_MAX];
        int64_t limit;
    } of[STATE_MANY];
    size_t n;
};

/* False: one of them cannot be counted, or they are too many; a sentence in WHY, and the cap's name in RULE
 * (80 bytes). */
bool caps_due(const struct policy *p, const struct policy_case *c, struct caps_due *out, char *rule,
              char *why, size_t why_size);
/* How many more the I-th of DUE has room for. */
enum state_rc caps_left(const struct caps_due *due, size_t i, struct state *s, int64_t *left);
/* Is there room in every cap that the case falls under? COMMIT: it is taken, in all or in none. NO or LOST: a
 * sentence in WHY, and the cap's name in RULE (80 bytes). */
enum state_rc caps_take(const struct policy *p, const struct policy_case *c, struct state *s, bool commit,
                        char *rule, char *why, size_t why_size);

#endif
