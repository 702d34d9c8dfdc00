/* The tenant's audit events: some from before the start, and one for each act and each secret read since. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_AUDIT_H
#define TENANT_AUDIT_H

#include "call.h"

struct audit *audit_new(void);
void audit_free(struct audit *a);
void audit_device(struct tenant *t, const struct device *d, const char *action, const char *component);
void audit_list(struct call *c);

#endif
