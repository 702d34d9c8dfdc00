/* policy.c - what the INI's [policy] allows.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "policy.h"

bool policy_read(struct policy *p, struct config *c)
{
    *p = (struct policy){
        .read_only = config_bool(c, "policy", "read_only", true),
        .redact_pii = config_bool(c, "policy", "redact_pii", false),
        .unasked_destroy = config_bool(c, "policy", "unasked_destroy", false),
        .unasked_reveal = config_bool(c, "policy", "unasked_reveal", false),
        .file = c->file,
    };
    if (c->error[0]) { /* nobody may go on with half a policy */
        p->read_only = p->redact_pii = true;
        p->unasked_destroy = p->unasked_reveal = false;
        return false;
    }
    return true;
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

bool policy_unasked(const struct policy *p, kmcp_safety safety, char *why, size_t why_size)
{
    bool destroy = safety == KMCP_DESTROY, reveal = safety == KMCP_REVEAL;

    if (safety == KMCP_READ || safety == KMCP_WRITE || (destroy && p->unasked_destroy) ||
        (reveal && p->unasked_reveal))
        return true;
    snprintf(
        why, why_size,
        "a person has to agree to it, and this client cannot ask one (it offers no elicitation). Use a "
        "client that "
        "can, run `kmcp call` on a terminal, or have an administrator set unasked_%s = yes in [policy] of %s",
        reveal ? "reveal" : "destroy", p->file);
    return false;
}
