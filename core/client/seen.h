/* seen.h - which ids a sweep has met.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_SEEN_H
#define KMCP_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ids as 64-bit hashes in an open table; all zero at first. */
struct seen_ids {
    uint64_t *slots;
    size_t n, cap;
};

uint64_t seen_hash(const char *text); /* never 0 */
/* True if ID is new. Out of memory counts as new: a row twice is better than a row lost. */
bool seen_add(struct seen_ids *s, const char *id);
void seen_free(struct seen_ids *s);

#endif
