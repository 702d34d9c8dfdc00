/* text.c - what may be in a text that came from outside.  SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdint.h>
#include <string.h>

#include "buf.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

size_t text_utf8_len(const char *text, size_t left)
{
    const unsigned char *p = (const unsigned char *)text;
    unsigned char low = 0x80, high = 0xBF; /* of the second byte: RFC 3629 section 4 */
    size_t len;

    if (left == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        len = 2;
    else if (p[0] >= 0xE0 && p[0] <= 0xEF)
        len = 3;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4)
        len = 4;
    else
        return 0;
    if (p[0] == 0xE0)
        low = 0xA0;
    else if (p[0] == 0xED)
        high = 0x9F;
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F;
    if (left < len || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

bool text_is_utf8(const char *text, size_t len)
{
    for (size_t i = 0, n; i < len; i += n)
        if ((n = text_utf8_len(text + i, len - i)) == 0)
            return false;
    return true;
}

size_t text_codepoints(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

uint32_t text_codepoint(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;

    switch (len) {
    case 1:
        return p[0];
    case 2:
        return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
    case 3:
        return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    default:
        return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
    }
}

enum fate { KEEP, REPLACE, DROP };

static bool in(uint32_t c, uint32_t first, uint32_t last)
{
    return c >= first && c <= last;
}

static enum fate fate_of(uint32_t c)
{
    if (c < 0x20)
        return c == '\n' || c == '\t' ? KEEP : REPLACE;
    if (c < 0x7F)
        return KEEP;
    if (in(c, 0x7F, 0x9F) || c == 0x2028 || c == 0x2029 || in(c, 0xFFF9, 0xFFFB))
        return REPLACE; /* DEL and C1, line and paragraph separator, interlinear annotation */
    if (c == 0x061C || c == 0x200E || c == 0x200F || in(c, 0x202A, 0x202E) || in(c, 0x2066, 0x206F))
        return REPLACE; /* bidi: what is shown must be what is there */
    if (c == 0x00AD || c == 0x034F || c == 0x115F || c == 0x1160 || in(c, 0x200B, 0x200D) ||
        in(c, 0x2060, 0x2065) || c == 0x3164 || c == 0xFEFF || c == 0xFFA0 || in(c, 0x17B4, 0x17B5) ||
        in(c, 0x180B, 0x180F) || in(c, 0x1D173, 0x1D17A) || in(c, 0x1BCA0, 0x1BCA3))
        return DROP;
    if (in(c, 0xFE00, 0xFE0F) || in(c, 0xE0000, 0xE0FFF)) /* variation selectors, tags: a hidden alphabet */
        return DROP;
    return KEEP;
}

static enum fate fate_at(const char *text, size_t left, size_t *len)
{
    *len = text_utf8_len(text, left);
    if (*len == 0) {
        *len = 1;
        return REPLACE;
    }
    return fate_of(text_codepoint(text, *len));
}

bool text_neutral(struct buf *out, const char *text, size_t len)
{
    size_t start = 0, n;

    for (size_t i = 0; i < len; i += n) {
        enum fate fate = fate_at(text + i, len - i, &n);
        if (fate == KEEP)
            continue;
        if (!buf_add(out, text + start, i - start) || (fate == REPLACE && !buf_puts(out, REPLACEMENT)))
            return false;
        start = i + n;
    }
    return buf_add(out, text + start, len - start);
}

bool text_line(struct buf *out, const char *text, size_t max, bool quotes)
{
    size_t len = strlen(text), n;

    for (size_t i = 0; i < len; i += n) {
        enum fate fate = fate_at(text + i, len - i, &n);

        if (!max--)
            return buf_puts(out, "...");
        if (fate == DROP)
            continue;
        if (quotes && (text[i] == '"' || text[i] == '\\'))
            buf_putc(out, '\\');
        if (fate == REPLACE)
            buf_puts(out, REPLACEMENT);
        else if (text[i] == '\n' || text[i] == '\t')
            buf_putc(out, ' ');
        else
            buf_add(out, text + i, n);
    }
    return !out->failed;
}

bool text_needs_neutral(const char *text, size_t len)
{
    for (size_t i = 0, n; i < len; i += n)
        if (fate_at(text + i, len - i, &n) != KEEP)
            return true;
    return false;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_is_uuid(const char *text)
{
    for (size_t i = 0; i < 36; i++) {
        char c = lower(text[i]);
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return text[36] == '\0';
}

bool text_is_name(const char *text, size_t max)
{
    if (text[0] < 'a' || text[0] > 'z')
        return false;
    size_t len = 1;
    for (; text[len] != '\0'; len++)
        if (len >= max || !((text[len] >= 'a' && text[len] <= 'z') ||
                            (text[len] >= '0' && text[len] <= '9') || text[len] == '_'))
            return false;
    return len <= max;
}

int text_casecmp(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return (unsigned char)lower(*a) - (unsigned char)lower(*b);
}

const char *text_casestr(const char *text, const char *part)
{
    size_t len = strlen(part);

    for (;; text++) {
        size_t i = 0;
        while (i < len && lower(text[i]) == lower(part[i]))
            i++;
        if (i == len)
            return text;
        if (*text == '\0')
            return NULL;
    }
}

#define NEAR_MAX 64

/* Optimal string alignment: insert, delete, replace, or swap two neighbours. */
static size_t distance(const char *a, size_t la, const char *b, size_t lb)
{
    size_t rows[3][NEAR_MAX + 1];

    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = last[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]) &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[la % 3][lb];
}

bool text_nearer(const char *word, const char *candidate, size_t *best)
{
    size_t lw = strlen(word), lc = strlen(candidate);

    if (lw > NEAR_MAX || lc > NEAR_MAX)
        return false;
    size_t d = distance(word, lw, candidate, lc);
    if (d > 1 + lw / 4 || d >= lc ||
        d >= *best) /* one slip for short words, one more for every four letters */
        return false;
    *best = d;
    return true;
}

const char *text_brief(const char *text, size_t most)
{
    return strlen(text) <= most ? text : "...";
}
