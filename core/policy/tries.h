/* tries.h - who fails to prove who he is may try again only so often.  SPDX-License-Identifier: Apache-2.0
 *
 * Five failed tries for a name and twenty for all names in ten minutes, over all processes that share the
 * state. A try counts from its beginning, so that many at once are bounded too, and is given back when it
 * was good.
 */
#ifndef KMCP_TRIES_H
#define KMCP_TRIES_H

#include "state/state.h"

/* Takes a try for NAME. NO: none is left, and *WAIT_MS says for how long. */
enum state_rc tries_take(struct state *s, const char *name, int64_t *wait_ms);
/* The try was good and does not count. If it cannot be given back, it counts. */
void tries_give_back(struct state *s, const char *name);

#endif
