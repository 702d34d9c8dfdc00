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

/* Parameters belong to classic blueprints and to Macs. */
struct library_parameter {
    const char *name, *category, *subcategory;
};

extern const struct library_parameter library_parameters[];
extern const unsigned library_parameter_count;

bool library_has_parameters(const struct device *d);
uint64_t library_parameter_key(const struct fleet *f, unsigned parameter);
const char *library_parameter_status(const struct device *d, unsigned parameter);

/* What a status of an item or a parameter comes to. */
enum library_group { LIBRARY_FAILED, LIBRARY_WAITING, LIBRARY_GOOD, LIBRARY_NOT_HERE, LIBRARY_WARNING };

enum library_group library_group(const char *status);

#endif
