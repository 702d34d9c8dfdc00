/* fold.c - names as people compare them.  SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "fold.h"
#include "fold_table.h"
#include "text.h"

#define HANGUL       0xAC00u
#define HANGUL_LAST  0xD7A3u
#define HANGUL_LEAD  0x1100u
#define HANGUL_VOWEL 0x1161u
#define HANGUL_TAIL  0x11A7u
#define VOWELS       21u
#define TAILS        28u
#define NO_TEXT      0x110000u /* and the byte, of what is no UTF-8 */

struct fold fold_begin(const char *text, size_t len)
{
    return (struct fold){ .at = text, .end = text + len };
}

/* Later ones first: they are taken from the end. */
static void hold(struct fold *f, uint32_t c)
{
    size_t low = 0, high = sizeof folds / sizeof *folds;

    if (c >= HANGUL && c <= HANGUL_LAST) {
        c -= HANGUL;
        if (c % TAILS)
            f->held[f->n_held++] = HANGUL_TAIL + c % TAILS;
        f->held[f->n_held++] = HANGUL_VOWEL + c / TAILS % VOWELS;
        f->held[f->n_held++] = HANGUL_LEAD + c / (TAILS * VOWELS);
        return;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (folds[middle].from < c)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == sizeof folds / sizeof *folds || folds[low].from != c) {
        f->held[f->n_held++] = c;
        return;
    }
    for (size_t i = sizeof folds[low].to / sizeof *folds[low].to; i-- > 0;)
        if (folds[low].to[i])
            f->held[f->n_held++] = folds[low].to[i];
}

uint32_t fold_next(struct fold *f)
{
    size_t len;
    uint32_t c;

    if (f->n_held)
        return f->held[--f->n_held];
    if (f->at == f->end)
        return 0;
    c = (unsigned char)*f->at;
    if (c < 0x80) {
        f->at++;
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    }
    len = text_utf8_len(f->at, (size_t)(f->end - f->at));
    if (!len) {
        f->at++;
        return NO_TEXT + c;
    }
    hold(f, text_codepoint(f->at, len));
    f->at += len;
    return f->held[--f->n_held];
}
