/* replay_caps.h - what the caps would have counted, in the order of a record.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_REPLAY_CAPS_H
#define KMCP_REPLAY_CAPS_H

#include "policy/caps.h"

struct replay_caps {
    const struct policy *policy;
    struct replay_counted *counted; /* the latest last */
    size_t n, max;
    struct replay_lack *lacks; /* one for each cap */
    bool failed;               /* no memory: what was counted is worth nothing */
};

void replay_caps_begin(struct replay_caps *r, const struct policy *p);
void replay_caps_end(struct replay_caps *r);
/* The cap that has no room for PAST; NULL: none, and it is counted. A cap that needs what is not on record is
 * passed over and remembered. KNOWN: PAST as if there were none of what the record leaves out; NULL: it
 * leaves out nothing. */
const struct policy_cap *replay_caps_take(struct replay_caps *r, const struct policy_case *past,
                                          const struct policy_case *known);
/* Says of each cap that was passed over how often, and why. */
void replay_caps_say(const struct replay_caps *r);

#endif
