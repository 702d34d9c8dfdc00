/* tally.h - groups of rows, counted.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_TALLY_H
#define KMCP_TALLY_H

#include "question.h"

#define TALLY_GROUPS_MAX 20000

struct group {
    uint64_t hash;
    const char *cells; /* as in kept_row */
    size_t len;        /* of all of them */
    int64_t count;
    struct value best[QUESTION_EXTREMES];
};

struct tally {
    const struct question *question;
    const struct grouping *grouping; /* without keys: all rows are one group */
    struct arena *arena;             /* keeps cells and values */
    struct group *groups;
    size_t n, cap;
    uint32_t *slots; /* open table: number of a group, plus 1 */
    size_t n_slots;
    struct buf scratch;
};

void tally_init(struct tally *t, const struct question *qu, const struct grouping *g, struct arena *a);
/* Counts ROW. False with the failure set: out of memory, or more groups than an answer could have. */
bool tally_take(struct tally *t, const kmcp_json *row, struct failure *f);
/* Sorts: as the question says, else dates by time and everything else by count. */
void tally_finish(struct tally *t);
void tally_free(struct tally *t);
/* "os_version", "last_check_in:age" */
void tally_heading(const struct group_key *key, struct buf *out);

#endif
