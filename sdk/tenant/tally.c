/* Counts by word: a table of hashes into a list. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include <stdlib.h>
#include <string.h>

static size_t tally_slot(const struct tally *t, const char *word)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    for (const char *s = word; *s; s++)
        hash = (hash ^ (unsigned char)*s) * 1099511628211U;
    size_t mask = t->cap * 2 - 1;
    size_t slot = (size_t)(hash ^ hash >> 32) & mask;
    while (t->slots[slot] && strcmp(t->entries[t->slots[slot] - 1].word, word) != 0)
        slot = (slot + 1) & mask;
    return slot;
}

static bool tally_grow(struct tally *t)
{
    size_t cap = t->cap ? t->cap * 2 : 64;
    struct tally_entry *entries = realloc(t->entries, cap * sizeof *entries);
    if (!entries)
        return false;
    t->entries = entries;
    uint32_t *slots = calloc(cap * 2, sizeof *slots);
    if (!slots)
        return false;
    free(t->slots);
    t->slots = slots;
    t->cap = cap;
    for (size_t i = 0; i < t->n; i++)
        t->slots[tally_slot(t, entries[i].word)] = (uint32_t)i + 1;
    return true;
}

void tally_add(struct tally *t, const char *word)
{
    if (t->n == t->cap && !tally_grow(t))
        return;
    size_t slot = tally_slot(t, word);
    if (!t->slots[slot]) {
        char *copy = strdup(word);
        if (!copy)
            return;
        t->entries[t->n++] = (struct tally_entry){ copy, 0 };
        t->slots[slot] = (uint32_t)t->n;
    }
    t->entries[t->slots[slot] - 1].count++;
}

void tally_write(struct out *o, const char *key, const struct tally *t)
{
    out_open(o, key, '{');
    for (size_t i = 0; i < t->n; i++)
        out_int(o, t->entries[i].word, t->entries[i].count);
    out_close(o, '}');
}

void tally_free(struct tally *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->entries[i].word);
    free(t->entries);
    free(t->slots);
    memset(t, 0, sizeof *t);
}
