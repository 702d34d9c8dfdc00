/* answer.h - a question's answer as text and as structure, within its budget of bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_ANSWER_H
#define KMCP_ANSWER_H

#include "rows.h"
#include "tally.h"

/* What was found, and how much of what there is it covers. */
struct found {
    int64_t matched; /* rows that meet the conditions; TOTAL_KNOWN false: of those that were read */
    bool complete;
    const char *reason, *next; /* of an incomplete one: why, and where the API's list goes on, or NULL */
    int64_t as_of_ms;
};

struct answer {
    struct arena *arena;
    struct buf *text;
    size_t max_bytes;       /* of the text */
    kmcp_json **structured; /* NULL: not wanted */
};

/* False when out of memory. */
bool answer_rows(const struct answer *out, const struct kept_rows *k, const struct found *found);
/* N tables, one for each grouping. */
bool answer_groups(const struct answer *out, const struct question *qu, const struct tally *t, size_t n,
                   const struct found *found);

#endif
