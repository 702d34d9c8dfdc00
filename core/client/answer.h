/* answer.h - is what came back with a 2xx to an act what the API says?  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KMCP_ANSWER_H
#define KMCP_ANSWER_H

#include <stdbool.h>
#include "base/json.h"

/* An act on ROUTE was answered with STATUS, a 2xx, and BODY (NULL: an empty one). False: a proxy, a sign-in
 * page or a refusal in the clothes of a success may have answered, and nobody knows what became of the act.
 */
bool answer_is_fit(const struct kmcp_route *route, int status, const kmcp_json *body);

#endif
