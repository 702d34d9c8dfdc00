/* approve.h - what `kmcp approve` and `kmcp deny` show, and what they decide, share. SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_APPROVE_H
#define KMCP_APPROVE_H

#include "base/digest.h"
#include "cli.h"

struct desk {
    struct host host;
    struct arena arena;
    struct pending pending;
    struct call *call; /* the review */
    struct call_input in;
    char who[PERSON_SIZE];
    uint8_t key[DIGEST_SIZE]; /* opens what waits */
};

/* command_approve.c: what is asked for, as it is now, on standard output. */
void approve_show(const struct desk *d);

/* ---- approve.c: about d->pending; the exit status, with a sentence on stderr unless it is 0 ---- */
/* Looks at it anew, shows it and asks. */
int approve_decide(struct desk *d);
/* A no needs nothing of the tenant. */
int approve_deny(struct desk *d);
/* The state cannot be used. */
int approve_lost(struct desk *d);

#endif
