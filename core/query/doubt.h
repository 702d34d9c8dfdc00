/* doubt.h - whether the API may be believed that it selects.  SPDX-License-Identifier: Apache-2.0
 *
 * Where the API's own total is the answer, the rows of the page that was read show that it selects; unless
 * nearly all rows there are meet the conditions, and the page would have been the same without them. Then as
 * many rows meet them, by its word, as there are in all.
 */
#ifndef KMCP_DOUBT_H
#define KMCP_DOUBT_H

#include "query.h"
#include "question.h"

/* Does the API select by the conditions of QU, of which it says that TOTAL rows meet them? If that is every
 * row, as far as this session knows, it is asked for what these rows are not, a request for each condition.
 * A failure only if the call is over; *SELECTS false in any other doubt. */
kmcp_rc doubt_total(const struct query_env *env, const struct question *qu, int64_t total, bool *selects);

#endif
