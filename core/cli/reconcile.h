/* reconcile.h - our record beside the tenant's own.  SPDX-License-Identifier: Apache-2.0
 *
 * The tenant's audit events name an actor, not a token (api section 2.8). Ours is the actor of the events
 * that match acts on our record: same target, no more than two minutes apart.
 */
#ifndef KMCP_RECONCILE_H
#define KMCP_RECONCILE_H

#include "cli.h"

#define NEAR_MS INT64_C(120000)
#define ACTORS  16 /* of ours; and so many others are named as candidates */

/* One for each subject of an act that was sent, or may have been. */
struct act {
    int64_t from_ms, to_ms; /* its intent, its outcome */
    char target[64], tool[72], id[40];
    bool known;
    bool failed; /* after it was sent: the tenant may have an event of it, or none */
};

struct event {
    int64_t at_ms;
    char target[64], actor[64], what[96];
    bool ours;
};

struct books {
    struct act *acts;
    size_t n_acts, cap_acts;
    struct event *events;
    size_t n_events, cap_events;
    char actors[ACTORS][64]; /* ours */
    size_t n_actors;
    bool told;        /* by --actor: nothing else is ours */
    int64_t since_ms; /* what is told of; read is from NEAR_MS before, for the two clocks differ */
    int64_t asked_ms; /* what was done after this the tenant need not have told yet */
};

/* The acts in the audit file PATH and those rotated away from it, from SINCE on. False with a sentence in
 * WHY. */
bool reconcile_acts(struct books *b, const char *path, int64_t since, char *why, size_t why_size);
/* The tenant's events from SINCE on, page by page. False with one sentence in WHY. */
bool reconcile_events(struct host *host, struct books *b, const char *since, char *why, size_t why_size);
/* Which event belongs to which act, and who is our actor. */
void reconcile_match(struct books *b);
bool reconcile_is_ours(const struct books *b, const char *actor);

#endif
