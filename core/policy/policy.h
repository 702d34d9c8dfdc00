/* policy.h - what the INI's [policy] allows.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_POLICY_H
#define KMCP_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <kmcp/plugin.h>
#include "base/config.h"

struct policy {
    bool read_only;       /* default yes: only READ tools and routes, whatever else is set        */
    bool redact_pii;      /* mask the routes' declared person data                                */
    bool unasked_destroy; /* DESTROY on "confirm" alone when the client cannot ask. Default no    */
    bool unasked_reveal;  /* REVEAL likewise                                                      */
    const char *file;     /* of the INI, for sentences                                            */
};

bool policy_read(struct policy *p, struct config *c);
/* Is a tool of this class offered at all? False with one sentence in WHY that says which line would have to
 * change. */
bool policy_offers(const struct policy *p, kmcp_safety safety, char *why, size_t why_size);
/* May the call go on without the person having been asked (the client cannot ask)? False with a sentence that
 * says how. */
bool policy_unasked(const struct policy *p, kmcp_safety safety, char *why, size_t why_size);

#endif
