/* doctor.h - what the checks of `kmcp doctor` share.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_DOCTOR_H
#define KMCP_DOCTOR_H

#include "cli.h"

struct doctor {
    struct host host;
    struct arena arena;
    char device[64], blueprint[64]; /* ids to ask with; "" if the tenant has none to give */
    unsigned failed, warned, unproven;
    bool token;           /* there is one to ask with */
    bool reached, speaks; /* SPEAKS: as the API does, and to this token */
};

/* One line; LEVEL is "ok", "warn", "FAIL", or "?" for what cannot be found out, and counted. */
void doctor_say(struct doctor *d, const char *level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* doctor_files.c: what is on this machine; nothing is sent. */
void doctor_files(struct doctor *d);
void doctor_token(struct doctor *d);

#define NO_ANSWER 0
#define NO_PATH   (-1) /* a part of the path cannot be filled */
#define NO_JSON   (-2) /* 2xx, and nothing that could be read */

/* doctor_tenant.c: asks ROUTE, with the ids of D in its path; the HTTP status of what came, or one of the
 * above. BODY (may be NULL) lives in the arena. */
int doctor_ask(struct doctor *d, const struct kmcp_route *route, const kmcp_json **body);
void doctor_reach(struct doctor *d); /* before the others */
void doctor_certificate(struct doctor *d);
void doctor_clock(struct doctor *d);
void doctor_budget(struct doctor *d);

/* doctor_permissions.c */
void doctor_permissions(struct doctor *d);

#endif
