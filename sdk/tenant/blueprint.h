/* GET /blueprints and the reads below it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_BLUEPRINT_H
#define TENANT_BLUEPRINT_H

#include "call.h"

void blueprint_list(struct call *c);
void blueprint_get(struct call *c);
void blueprint_items(struct call *c);
/* How many devices each blueprint has; `counts` holds FLEET_BLUEPRINTS. */
void blueprint_count(const struct fleet *f, int64_t *counts);

#endif
