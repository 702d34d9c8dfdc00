/* words.h - values that callers know by another name than the API's.  SPDX-License-Identifier: Apache-2.0
 *
 * Conditions, sorting, groups and answers are in the callers' words; the API's are in what is left to it.
 */
#ifndef KMCP_WORDS_H
#define KMCP_WORDS_H

#include "question.h"

/* Puts the caller's word, which may have been said as the API says it, into C's text, and the API's into what
 * may be left to it. False when out of memory. */
bool words_of_condition(const struct kmcp_query *q, struct arena *a, struct condition *c);
/* Puts the callers' words in the place of the API's. False when out of memory. */
bool words_to_caller(const struct kmcp_query *q, struct arena *a, kmcp_json *row);

#endif
