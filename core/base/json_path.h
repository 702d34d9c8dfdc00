/* json_path.h - a value named by where a row has it.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_JSON_PATH_H
#define KMCP_JSON_PATH_H

#include "json.h"

/* The first that ROW has of FIELD's alternatives ("user.email|user_email|users.0.email"), or NULL. */
const kmcp_json *json_path(const kmcp_json *row, const char *field);
/* LIST ("device_id user") with the members that FIELD's alternatives begin with added where they are missing;
 * in A. NULL LIST, or no memory: NULL. */
const char *json_path_members(struct arena *a, const char *list, const char *field);
/* Does a value at FIELD lie under one of the words FIELDS, in any of its alternatives? FIELDS are as a
 * route's pii: "KEY" or "PARENT.KEY". In doubt it does. NULL FIELDS: no. */
bool json_path_is_under(const char *fields, const char *field);

#endif
