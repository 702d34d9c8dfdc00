/* words.h - values that callers know by another name than the API's.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_WORDS_H
#define KMCP_WORDS_H

#include "question.h"

/* Puts the API's word in the place of the caller's. False when out of memory. */
bool words_to_api(const struct kmcp_query *q, struct arena *a, struct condition *c);
/* Puts the callers' words in the place of the API's. False when out of memory. */
bool words_to_caller(const struct kmcp_query *q, struct arena *a, kmcp_json *row);

#endif
