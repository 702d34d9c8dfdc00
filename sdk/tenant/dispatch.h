/* What happens to one request, in the order in which the real gateway and service do it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_DISPATCH_H
#define TENANT_DISPATCH_H

#include "call.h"
#include "fault.h"

/* Writes the whole answer into the call; plan says what the wire does with it. */
void dispatch(struct call *c, struct fault_plan *plan);

#endif
