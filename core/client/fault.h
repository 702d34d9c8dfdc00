/* fault.h - what an answer that is not 2xx means, and what to do about it.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_FAULT_H
#define KMCP_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include "base/arena.h"
#include "base/failure.h"
#include "mask.h"

/* What may not stand in the service's words. All may be NULL. */
struct fault_hide {
    const char *secrets;            /* members, as a route declares them; covered like those of a reply */
    const struct mask_seen *values; /* nor these, wherever they stand: a PIN that the request held */
    bool sentence;                  /* nothing but detail, error or message: the answer could be a secret */
};

/* The service's own words, from any of the eight shapes of api section 1.6 (string, list, detail, field map,
 * error, message, HTML, empty; also FastAPI's 422), neutralised and at most 200 bytes. "" if it said nothing,
 * or if secrets might stand in it and it is not JSON. HIDE may be NULL. */
char *fault_words(struct arena *a, const char *body, size_t len, const struct fault_hide *hide);
/* Is BODY an answer of the service itself, JSON with a detail, error or message? */
bool fault_is_own(const char *body, size_t len);
/* Sets F for STATUS: 401 and 403 name ROUTE's permission and where to grant it, 404 says how to find the id,
 * 400 shows the service's words, 429 says when there is room again (RETRY_MS, -1 unknown), 5xx says it is the
 * service. WORDS may be "". Returns the kmcp_rc of plugin.h. */
kmcp_rc fault_set(struct failure *f, const struct kmcp_route *route, int status, const char *words,
                  int64_t retry_ms);

#endif
