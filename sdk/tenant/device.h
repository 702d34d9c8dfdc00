/* Handlers of GET /devices/{id} and the reads below it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_DEVICE_H
#define TENANT_DEVICE_H

#include "call.h"

/* Writes the device object of lists, GET and PATCH, in the dialect of the call. */
void device_write(struct call *c, const struct device *d);

void device_get(struct call *c);
void device_list(struct call *c);
void device_details(struct call *c);
void device_lost_mode(struct call *c);
void device_apps(struct call *c);
void device_library_items(struct call *c);
void device_parameters(struct call *c);
void device_status(struct call *c);
void device_activity(struct call *c);
void device_commands(struct call *c);
void device_notes(struct call *c);
void device_patch(struct call *c);
void device_delete(struct call *c);

#endif
