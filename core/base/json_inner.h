/* json_inner.h - kmcp_json over cJSON, for json*.c alone: the only file that sees cJSON.h. A kmcp_json is a
 * cJSON node in an arena.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_JSON_INNER_H
#define KMCP_JSON_INNER_H

#include <cjson/cJSON.h>
#include "json.h"

/* Around each call of cJSON that allocates: from A, of the calling thread. */
void json_use(struct arena *a);
/* No longer; returns VALUE. */
kmcp_json *json_done(cJSON *value);

static inline const cJSON *in(const kmcp_json *value)
{
    return (const cJSON *)value;
}

#endif
