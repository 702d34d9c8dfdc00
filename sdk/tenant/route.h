/* The table of endpoints and the way a request finds its row. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_ROUTE_H
#define TENANT_ROUTE_H

#include "call.h"

struct route {
    const char *method;
    const char *path; /* below /api/v1; {name} stands for one segment */
    void (*handle)(struct call *c);
    const char *permission; /* as the web console calls it */
};

extern const struct route route_table[];
extern const size_t route_count;

/* The row for this request, with c->args filled from the path, which is cut up. NULL if there is none;
   then *allowed lists the methods that the path has, "" if the path is unknown. */
const struct route *route_find(struct call *c, char *allowed, size_t size);

#endif
