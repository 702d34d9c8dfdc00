/* devices.h - what the files of this plugin share.  SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICES_H
#define DEVICES_H

#include <stdlib.h>
#include <kmcp/fleet.h>

enum { GET_DEVICE, LIST_DEVICES, GET_DETAILS, GET_STATUS, GET_APPS, GET_ACTIVITY, GET_COMMANDS, N_ROUTES };
extern const struct kmcp_route device_routes[N_ROUTES];

/* The device that the argument "device_id" means: a UUID, a serial number, a name. */
kmcp_rc device_named_by(kmcp_ctx *ctx, const kmcp_json *args, struct kmcp_device *d);

/* Its id alone, for what the API knows under it. A UUID is taken at its word: a device that is not there is
 * then what the API says of it. */
kmcp_rc device_id_of(kmcp_ctx *ctx, const kmcp_json *args, const char **id);

/* A column. */
#define TEXT(name, field, param, flags)                                                                      \
    {                                                                                                        \
        name, field, param, KMCP_COLUMN_TEXT, flags                                                          \
    }

/* lists.c */
kmcp_rc get_device_apps_run(kmcp_ctx *ctx, const kmcp_json *args);
kmcp_rc get_device_activity_run(kmcp_ctx *ctx, const kmcp_json *args);
kmcp_rc get_device_commands_run(kmcp_ctx *ctx, const kmcp_json *args);

/* state.c */
kmcp_rc get_device_status_run(kmcp_ctx *ctx, const kmcp_json *args);
kmcp_rc get_compliance_summary_run(kmcp_ctx *ctx, const kmcp_json *args);

#endif
