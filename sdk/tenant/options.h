/* The command line of kmcp-tenant. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_OPTIONS_H
#define TENANT_OPTIONS_H

#include "fault.h"
#include "tenant.h"

struct options {
    int port;
    struct fleet_plan plan;
};

/* Fills the tenant's settings. Returns -1 to go on, otherwise the exit status. */
int options_read(struct options *o, struct tenant *t, int argc, char **argv);
/* Reads a whole number within bounds; false if the text is anything else. */
bool options_number(const char *text, int64_t least, int64_t most, int64_t *value);
bool options_rate(struct tenant *t, const char *text); /* PER_HOUR[,PER_SECOND] */
bool options_dialect(struct tenant *t, const char *text);

#endif
