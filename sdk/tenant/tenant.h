/* The state of one simulated tenant, and its clock. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_TENANT_H
#define TENANT_TENANT_H

#include "fleet.h"

#define TENANT_DENIALS 32

struct fault_rules;
struct audit;
struct stats;

struct tenant {
    struct fleet fleet;
    char token[256];
    bool seed_dialect; /* the shapes of the seed's API reference instead of the real ones */
    int64_t latency_ms;
    int64_t per_hour, per_second; /* 0: not limited */
    int64_t window_hour, window_second, used_hour, used_second;
    char *denied[TENANT_DENIALS]; /* substrings of "METHOD /template" */
    int denied_status;
    int64_t started_us;  /* monotonic */
    int64_t advanced_us; /* by control requests */
    struct fault_rules *faults;
    struct audit *audit;
    struct stats *stats;
};

/* The tenant's clock: it started at --now and runs with real time, plus what was skipped. */
int64_t tenant_now(const struct tenant *t);

#endif
