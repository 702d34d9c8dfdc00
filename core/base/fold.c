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
#define QUOTE        0x2018u
#define APOSTROPHE   0x2019u
#define ACCENT       0x0300u /* combining ones */
#define ACCENT_LAST  0x036Fu

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
    if (c == QUOTE || c == APOSTROPHE) {
        f->held[f->n_held++] = '\'';
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

int fold_compare(const char *a, const char *b)
{
    struct fold x = fold_begin(a, strlen(a)), y = fold_begin(b, strlen(b));

    for (;;) {
        uint32_t c = fold_next(&x), d = fold_next(&y);

        if (c != d || !c)
            return (c > d) - (c < d);
    }
}

static bool begins(struct fold text, struct fold part)
{
    uint32_t c;

    while ((c = fold_next(&part)))
        if (fold_next(&text) != c)
            return false;
    c = fold_next(&text);
    return c < ACCENT || c > ACCENT_LAST;
}

bool fold_contains(const char *text, const char *part)
{
    struct fold at = fold_begin(text, strlen(text)), word = fold_begin(part, strlen(part));

    do
        if (begins(at, word))
            return true;
    while (fold_next(&at));
    return false;
}
