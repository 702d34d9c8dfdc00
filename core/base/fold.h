/* fold.h - names as people compare them: whatever their case, and however their accents are encoded.
 * SPDX-License-Identifier: Apache-2.0
 *
 * No locale has a part in it. What the Basic Multilingual Plane has is folded (Unicode's caseless matching of
 * canonical forms, without reordering of several accents); anything else is compared as it is. The apostrophe
 * of names that systems make up ("Ana’s Mac") is the one that people type.
 */
#ifndef KMCP_FOLD_H
#define KMCP_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left of a text. A copy goes on from where it was made. */
struct fold {
    const char *at, *end;
    uint32_t held[4]; /* of a character that folds to several */
    unsigned n_held;
};

struct fold fold_begin(const char *text, size_t len);
/* The next code point, or 0 at the end. */
uint32_t fold_next(struct fold *f);

int fold_compare(const char *a, const char *b);
/* Is PART in TEXT, and no half of a character with an accent? */
bool fold_contains(const char *text, const char *part);

#endif
