/* Counts by word, in the order in which the words first came. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_TALLY_H
#define TENANT_TALLY_H

#include "out.h"

struct tally_entry {
    char *word;
    int64_t count;
};

struct tally {
    struct tally_entry *entries;
    size_t n, cap;
    uint32_t *slots; /* entry + 1 by hash, twice as many as entries may be */
};

void tally_add(struct tally *t, const char *word);
void tally_write(struct out *o, const char *key, const struct tally *t);
void tally_free(struct tally *t);

#endif
