/* rows.h - the rows an answer shows: some of many, in order.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_ROWS_H
#define KMCP_ROWS_H

#include "question.h"

/* Cells one after the other, each with its NUL. */
struct kept_row {
    int64_t arrived;  /* its number among those that met the conditions */
    struct value key; /* of the column that is sorted by; texts point into CELLS */
    char *cells;
};

/* The first limit + offset rows in order; unsorted, those from offset on alone. So memory is bounded by what
 * is shown. */
struct kept_rows {
    const struct question *question;
    struct kept_row *rows;
    size_t n, cap;
    int64_t matched;
    struct buf scratch;
};

void rows_init(struct kept_rows *k, const struct question *qu);
/* Takes ROW in, or not; counts it. False when out of memory. */
bool rows_take(struct kept_rows *k, const kmcp_json *row);
/* Once all are in: sorts, and drops those before offset. */
void rows_finish(struct kept_rows *k);
void rows_free(struct kept_rows *k);

#endif
