/* push.h - what of a question the API can do itself.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_PUSH_H
#define KMCP_PUSH_H

#include "question.h"

/* The request that fetches no more than the question needs: conditions as query parameters or filter, the
 * members of rows that matter. *EXACT: the API selects just what the question is about, so that its total is
 * the answer's. False when out of memory. */
bool push_request(const struct question *qu, struct arena *a, struct kmcp_request *rq, bool *exact);

#endif
