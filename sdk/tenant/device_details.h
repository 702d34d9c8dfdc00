/* What the files of GET /devices/{id}/details share. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_DEVICE_DETAILS_H
#define TENANT_DEVICE_DETAILS_H

#include "device.h"
#include "field.h"
#include "when.h"

void details_put(struct call *c, const struct device *d, const char *key, enum field which);
void details_put_when(struct call *c, const char *key, int64_t us, enum when_form form);

/* device_apple.c: the sections that Apple's devices have. */
void details_apple(struct call *c, const struct device *d);
/* device_lost.c: the members of lost mode, of a device that is in it. */
void details_lost(struct call *c, const struct device *d);

#endif
