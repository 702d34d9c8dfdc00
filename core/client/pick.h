/* pick.h - which rows of a page the caller gets.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_PICK_H
#define KMCP_PICK_H

#include "client.h"
#include "seen.h"

/* Into FIELDS: the members of a row to parse, those RQ names and those that the host itself looks at (NULL:
 * all). False when out of memory. */
bool pick_fields(struct arena *a, const struct kmcp_request *rq, const char **fields);
/* Does the API look for a part of what the caller may not see, where the host asks for the whole? */
bool pick_seeks_person(const struct client_call *call, const struct kmcp_request *rq,
                       const struct client_pick *pick);
/* Keeps of ROWS what is not among SEEN and meets the conditions of RQ and PICK (NULL: none); ROWS is given
 * up. NULL when out of MEMORY. *FRESH: how many were not among SEEN. */
kmcp_json *pick_rows(const struct client_call *call, struct arena *memory, const struct kmcp_request *rq,
                     struct client_pick *pick, struct seen_ids *seen, const kmcp_json *rows, size_t *fresh);

#endif
