/* question.h - a caller's question about a list, understood.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_QUESTION_H
#define KMCP_QUESTION_H

#include "condition.h"

#define QUESTION_CONDITIONS 32
#define QUESTION_FIELDS     64
#define QUESTION_KEYS       4 /* of one grouping */
#define QUESTION_GROUPINGS  8
#define QUESTION_EXTREMES   8
#define QUESTION_LIMIT_MAX  1000
#define QUESTION_OFFSET_MAX 99999999999 /* eleven digits, as "next" */

/* What part of a value counts when grouping. */
enum key_part { WHOLE, AGE, DAY, MONTH, MAJOR };

struct group_key {
    const struct kmcp_column *column;
    enum key_part part;
};

struct grouping {
    struct group_key keys[QUESTION_KEYS];
    size_t n;
};

struct extreme {
    const struct kmcp_column *column;
    bool is_max;
};

enum export_format { NO_EXPORT, EXPORT_CSV, EXPORT_JSONL };

struct question {
    const struct kmcp_query *q;
    int64_t now_ms;
    struct condition conditions[QUESTION_CONDITIONS];
    size_t n_conditions;
    const struct kmcp_column *fields[QUESTION_FIELDS]; /* of the rows that are shown */
    size_t n_fields;
    const struct kmcp_column *sort; /* NULL: as they come, or groups by count */
    bool by_count;                  /* groups were asked for by count */
    bool descending;
    struct grouping groupings[QUESTION_GROUPINGS];
    size_t n_groupings; /* 0, with N_EXTREMES > 0: one group of all */
    struct extreme extremes[QUESTION_EXTREMES];
    size_t n_extremes;
    int64_t offset, limit;
    const char *from; /* where an earlier, partial answer said to go on; NULL: at the beginning. OFFSET counts
                       * from there */
    enum export_format format;
};

/* Is the answer made of groups, not of rows? */
static inline bool question_groups(const struct question *qu)
{
    return qu->n_groupings || qu->n_extremes;
}

/* Reads ARGS. Texts are kept in A or are ARGS' own. */
kmcp_rc question_read(struct question *qu, const struct kmcp_query *q, struct arena *a, const kmcp_json *args,
                      int64_t now_ms, struct failure *f);

#endif
