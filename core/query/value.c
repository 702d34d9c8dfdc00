/* value.c - what a cell of a list is worth.  SPDX-License-Identifier: Apache-2.0 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fold.h"
#include "base/text.h"
#include "value.h"

/* What a cell shows: names and the like are written by end users; half an object would say nothing. */
#define TEXT_BYTES   400
#define OBJECT_BYTES 160

/* ---- dates ---- */

/* N digits at *AT as a number, moving past them; -1 if they are not. */
static int digits(const char **at, int n)
{
    int value = 0;

    for (; n; n--, (*at)++) {
        if (**at < '0' || **at > '9')
            return -1;
        value = 10 * value + (**at - '0');
    }
    return value;
}

/* Days since 1970-01-01 of a civil date, counted in years that begin in March. */
static int64_t days_of(int64_t y, int m, int d)
{
    y -= m <= 2;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1 - 719468;
}

/* The zone at AT in minutes east: "Z", "+hh:mm", " +hhmm", or nothing. */
static bool zone(const char *at, int *minutes)
{
    int sign, h, m;

    *minutes = 0;
    at += *at == ' ';
    if (!*at || strcmp(at, "Z") == 0)
        return true;
    sign = *at == '-' ? -1 : *at == '+' ? 1 : 0;
    at++;
    if (!sign || (h = digits(&at, 2)) < 0)
        return false;
    at += *at == ':';
    if ((m = digits(&at, 2)) < 0 || *at)
        return false;
    *minutes = sign * (60 * h + m);
    return h <= 14 && m <= 59;
}

bool value_date(const char *text, int64_t *unix_ms)
{
    static const int longest[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int y, mo, d, h = 0, mi = 0, s = 0, ms = 0, east = 0;
    const char *at = text;

    if ((y = digits(&at, 4)) < 1 || *at++ != '-' || (mo = digits(&at, 2)) < 1 || mo > 12 || *at++ != '-' ||
        (d = digits(&at, 2)) < 1 || d > longest[mo - 1] ||
        (mo == 2 && d == 29 && (y % 4 || (y % 100 == 0 && y % 400))))
        return false;
    if (*at) {
        if ((*at != 'T' && *at != ' ') || (at++, (h = digits(&at, 2)) < 0) || h > 23 || *at++ != ':' ||
            (mi = digits(&at, 2)) < 0 || mi > 59)
            return false;
        if (*at == ':' && (at++, (s = digits(&at, 2)) < 0 || s > 60))
            return false;
        if (*at == '.')
            for (int scale = 100; *++at >= '0' && *at <= '9'; scale /= 10)
                ms += scale * (*at - '0');
        if (!zone(at, &east))
            return false;
    }
    *unix_ms = 1000 * (86400 * days_of(y, mo, d) + 3600 * (int64_t)h + 60 * (int64_t)(mi - east) + s) + ms;
    return true;
}

/* ---- versions ---- */

/* The next number of a version, moving past it; -1 at the end. */
static long long next_number(const char **at)
{
    long long value = 0;

    while (**at && (**at < '0' || **at > '9'))
        (*at)++;
    if (!**at)
        return -1;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        if (value < 1000000000000000)
            value = 10 * value + (**at - '0');
    return value;
}

int value_version(const char *a, const char *b)
{
    for (;;) {
        long long x = next_number(&a), y = next_number(&b);

        if (x < 0 && y < 0)
            return 0;
        x = x < 0 ? 0 : x;
        y = y < 0 ? 0 : y;
        if (x != y)
            return x < y ? -1 : 1;
    }
}

bool value_version_begins(const char *text, const char *prefix)
{
    for (;;) {
        long long want = next_number(&prefix);

        if (want < 0)
            return true;
        if (next_number(&text) != want)
            return false;
    }
}

/* ---- values ---- */

bool value_bool(const char *text, bool *truth)
{
    static const char *const yes[] = { "true", "yes", "on", "1" }, *const no[] = { "false", "no", "off",
                                                                                   "0" };

    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        *truth = text_casecmp(text, yes[i]) == 0;
        if (*truth || text_casecmp(text, no[i]) == 0)
            return true;
    }
    return false;
}

struct value value_of(const kmcp_json *node, uint32_t type)
{
    struct value v = { .text = json_str(node) };
    char *end;

    if (v.text && !*v.text)
        v.text = NULL;
    switch (type) {
    case KMCP_COLUMN_NUMBER:
        v.is = json_num(node, &v.number);
        if (v.text) { /* "19%", "228.27 GB": the API writes some numbers so */
            v.number = strtod(v.text, &end);
            v.is = end != v.text && isfinite(v.number);
        }
        break;
    case KMCP_COLUMN_BOOL:
        v.is = v.text ? value_bool(v.text, &v.truth) : json_bool(node, &v.truth);
        break;
    case KMCP_COLUMN_DATE:
        v.is = v.text && value_date(v.text, &v.ms);
        break;
    case KMCP_COLUMN_VERSION: /* "No value" is none */
        v.is = v.text && strpbrk(v.text, "0123456789");
        break;
    default:
        v.is = v.text != NULL;
        break;
    }
    return v;
}

int value_compare(const struct value *a, const struct value *b, uint32_t type)
{
    if (!a->is || !b->is)
        return a->is - b->is;
    switch (type) {
    case KMCP_COLUMN_NUMBER:
        return (a->number > b->number) - (a->number < b->number);
    case KMCP_COLUMN_BOOL:
        return a->truth - b->truth;
    case KMCP_COLUMN_DATE:
        return (a->ms > b->ms) - (a->ms < b->ms);
    case KMCP_COLUMN_VERSION:
        return value_version(a->text, b->text);
    default:
        return fold_compare(a->text, b->text);
    }
}

/* ---- showing ---- */

void value_show_date(struct buf *out, int64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000 - (unix_ms % 1000 < 0));
    char text[32] = "";
    struct tm parts;

    if (gmtime_r(&seconds, &parts))
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%MZ", &parts);
    buf_puts(out, text);
}

/* Ends what stands in OUT from START on after MOST bytes, between two characters. */
static void cut(struct buf *out, size_t start, size_t most)
{
    size_t len = start + most;

    if (!out->data || out->len <= len)
        return;
    while (len > start && ((unsigned char)out->data[len] & 0xC0) == 0x80)
        len--;
    out->len = len;
    buf_puts(out, "...");
}

/* In one line, without tabs, of bounded length: a table's cell. */
static void show_text(struct buf *out, const char *text)
{
    size_t start = out->len;

    while (*text && out->len - start <= TEXT_BYTES) {
        size_t n = strcspn(text, "\t\r\n");

        buf_add(out, text, n);
        text += n;
        if (*text) {
            buf_putc(out, ' ');
            text++;
        }
    }
    cut(out, start, TEXT_BYTES);
}

void value_show(struct buf *out, const kmcp_json *node, uint32_t type)
{
    struct value v = value_of(node, type);
    struct arena scratch;
    const char *text;

    if (type == KMCP_COLUMN_DATE && v.is) {
        value_show_date(out, v.ms);
    } else if (v.text) {
        show_text(out, v.text);
    } else if (json_bool(node, &v.truth)) {
        buf_puts(out, v.truth ? "yes" : "no");
    } else if (json_kind(node) == KMCP_JSON_ARRAY &&
               (type == KMCP_COLUMN_LIST || json_str(json_first(node)))) {
        for (const kmcp_json *item = json_first(node); item; item = json_next(item)) {
            if (item != json_first(node))
                buf_putc(out, ',');
            value_show(out, item, KMCP_COLUMN_TEXT);
        }
    } else if (json_kind(node) == KMCP_JSON_NUMBER || json_len(node)) {
        arena_init(&scratch, 1 << 20);
        text = json_text(&scratch, node);
        show_text(out, text && strlen(text) <= OBJECT_BYTES ? text
                       : json_kind(node) == KMCP_JSON_ARRAY ? "[...]"
                                                            : "{...}");
        arena_release(&scratch, 0);
    }
}
