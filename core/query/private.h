/* private.h - what may not be asked of secrets, of persons and of pseudonyms.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_PRIVATE_H
#define KMCP_PRIVATE_H

#include "client/client.h"
#include "question.h"

/* ARGS name no column by a pseudonym. Fails with a sentence, as below. */
kmcp_rc private_columns(const kmcp_json *args, struct client_call *call);
/* Whoever may not see a value may not search it out, order or group by it. *PERSONS: there are conditions on
 * columns that are masked, and *WHOLE: one of them was made one on whole values. */
kmcp_rc private_question(struct question *qu, const struct kmcp_route *route, struct client_call *call,
                         bool *persons, bool *whole);

#endif
