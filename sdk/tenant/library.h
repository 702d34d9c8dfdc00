/* The tenant's library items, and which blueprint holds which. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_LIBRARY_H
#define TENANT_LIBRARY_H

#include "fleet.h"

struct library_item {
    const char *name;
    const char *type;      /* as in /devices/{id}/library-items */
    const char *seed_type; /* profile, script or app: all that the seed knows */
};

extern const struct library_item library_items[];
extern const unsigned library_count;

bool library_holds(unsigned blueprint, unsigned item);
uint64_t library_key(const struct fleet *f, unsigned item);
/* How this item stands on this device. */
const char *library_status(const struct device *d, unsigned item);

#endif
