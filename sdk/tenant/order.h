/* The order in which GET /devices lists the fleet. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_ORDER_H
#define TENANT_ORDER_H

#include "fleet.h"

/* Device indexes in the order asked for ("serial_number,-device_id"), NULL for the fleet's own. The last
   order is kept, because clients ask for it again with every page. */
const uint32_t *order_of(const struct fleet *f, const char *ordering);
void order_free(void);

#endif
