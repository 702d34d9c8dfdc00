/* doctor.h - what the checks of `kmcp doctor` share.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_DOCTOR_H
#define KMCP_DOCTOR_H

#include "cli.h"

struct doctor {
    struct host host;
    struct arena arena;
    char device[64], blueprint[64]; /* ids to ask with; "" if the tenant has none to give */
    unsigned failed, warned, unproven;
    bool reached, speaks; /* SPEAKS: as the API does, and to this token */
};

/* One line; LEVEL is "ok", "warn", "FAIL", or "?" for what cannot be found out, and counted. */
void doctor_say(struct doctor *d, const char *level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* doctor_files.c: what is on this machine; nothing is sent. */
void doctor_files(struct doctor *d);
void doctor_token(struct doctor *d);

#endif
