/* seen.c - which ids a sweep has met.  SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>

#include "seen.h"

uint64_t seen_hash(const char *text)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h ? h : 1;
}

bool seen_add(struct seen_ids *s, const char *id)
{
    uint64_t h = seen_hash(id);

    if (2 * (s->n + 1) > s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 1024;
        uint64_t *slots = calloc(cap, sizeof *slots);

        if (!slots)
            return true;
        for (size_t i = 0; i < s->cap; i++)
            if (s->slots[i]) {
                size_t at = s->slots[i] % cap;

                while (slots[at])
                    at = (at + 1) % cap;
                slots[at] = s->slots[i];
            }
        free(s->slots);
        s->slots = slots;
        s->cap = cap;
    }
    for (size_t at = h % s->cap;; at = (at + 1) % s->cap) {
        if (s->slots[at] == h)
            return false;
        if (!s->slots[at]) {
            s->slots[at] = h;
            s->n++;
            return true;
        }
    }
}

void seen_free(struct seen_ids *s)
{
    free(s->slots);
    *s = (struct seen_ids){ 0 };
}
