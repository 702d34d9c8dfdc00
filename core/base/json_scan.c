/* json_scan.c - strict JSON grammar (RFC 8259) over bytes from outside, before cJSON sees them.
 * SPDX-License-Identifier: Apache-2.0 */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json_scanner.h"
#include "text.h"

bool json_scan_bad(struct scanner *s, const char *what)
{
    if (s->error && !s->error->what)
        *s->error = (struct json_error){ .offset = s->at, .what = what };
    return false;
}

void json_skip_space(struct scanner *s)
{
    while (s->at < s->len && (s->text[s->at] == ' ' || s->text[s->at] == '\n' || s->text[s->at] == '\r' ||
                              s->text[s->at] == '\t'))
        s->at++;
}

static int hex4(const char *p)
{
    int value = 0;

    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static bool scan_unicode_escape(struct scanner *s)
{
    int unit = s->at + 6 <= s->len ? hex4(s->text + s->at + 2) : -1;

    if (unit < 0)
        return json_scan_bad(s, "bad \\u escape");
    if (unit >= 0xDC00 && unit <= 0xDFFF)
        return json_scan_bad(s, "lone surrogate");
    if (unit == 0)
        s->found->nuls = true;
    s->at += 6;
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        int low = s->at + 6 <= s->len && s->text[s->at] == '\\' && s->text[s->at + 1] == 'u'
                      ? hex4(s->text + s->at + 2)
                      : -1;

        if (low < 0xDC00 || low > 0xDFFF)
            return json_scan_bad(s, "lone surrogate");
        s->at += 6;
    }
    return true;
}

/* How many of the bytes at TEXT are printable ASCII that means nothing special in a string: eight at a time.
 * The lowest mark is exact; those above it may come from a borrow. */
static size_t plain_run(const char *text, size_t len)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    size_t n = 0;

    for (; n + 8 <= len; n += 8) {
        uint64_t w, quote, slash, marks;

        memcpy(&w, text + n, 8);
        quote = w ^ (ones * '"');
        slash = w ^ (ones * '\\');
        marks = (w | (w - ones * 0x20) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & high;
#if defined(__GNUC__) && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        if (marks)
            return n + (size_t)__builtin_ctzll(marks) / 8;
#else
        if (marks)
            break;
#endif
    }
    while (n < len && (unsigned char)text[n] >= 0x20 && (unsigned char)text[n] < 0x80 && text[n] != '"' &&
           text[n] != '\\')
        n++;
    return n;
}

bool json_scan_string(struct scanner *s)
{
    s->found->strings++;
    s->at++; /* the opening quote */
    while (s->at < s->len) {
        s->at += plain_run(s->text + s->at, s->len - s->at);
        if (s->at == s->len)
            break;

        unsigned char c = (unsigned char)s->text[s->at];
        size_t n;

        if (c == '"') {
            s->at++;
            return true;
        }
        if (c < 0x20)
            return json_scan_bad(s, "control character in a string");
        if (c == '\\') {
            char escaped = s->at + 1 < s->len ? s->text[s->at + 1] : '\0';

            if (escaped == 'u') {
                if (!scan_unicode_escape(s))
                    return false;
            } else if (escaped && strchr("\"\\/bfnrt", escaped)) {
                s->at += 2;
            } else {
                return json_scan_bad(s, "bad escape");
            }
            continue;
        }
        n = c < 0x80 ? 1 : text_utf8_len(s->text + s->at, s->len - s->at);
        if (!n)
            return json_scan_bad(s, "bad UTF-8");
        s->at += n;
    }
    return json_scan_bad(s, "unfinished string");
}

static size_t digits(struct scanner *s)
{
    size_t start = s->at;

    while (s->at < s->len && s->text[s->at] >= '0' && s->text[s->at] <= '9')
        s->at++;
    return s->at - start;
}

bool json_scan_is_big(const char *literal, size_t len)
{
    bool minus = len && literal[0] == '-';
    size_t n = len - minus;
    static const char most[] = "9007199254740992"; /* 2^53 */

    return n > 16 || (n == 16 && memcmp(literal + minus, most, 16) > 0);
}

static bool scan_number(struct scanner *s)
{
    size_t start = s->at;
    bool integer = true;

    if (s->text[s->at] == '-')
        s->at++;
    if (s->at < s->len && s->text[s->at] == '0')
        s->at++;
    else if (!digits(s))
        return json_scan_bad(s, "bad number");
    if (s->at < s->len && s->text[s->at] == '.') {
        integer = false;
        s->at++;
        if (!digits(s))
            return json_scan_bad(s, "bad number");
    }
    if (s->at < s->len && (s->text[s->at] == 'e' || s->text[s->at] == 'E')) {
        integer = false;
        s->at++;
        if (s->at < s->len && (s->text[s->at] == '+' || s->text[s->at] == '-'))
            s->at++;
        if (!digits(s))
            return json_scan_bad(s, "bad number");
    }
    if (s->at - start > 63) { /* cJSON cuts a literal there */
        s->at = start;
        return json_scan_bad(s, "number too long");
    }
    if (integer) {
        s->found->big_numbers |= json_scan_is_big(s->text + start, s->at - start);
    } else {
        char literal[64];

        memcpy(literal, s->text + start, s->at - start);
        literal[s->at - start] = '\0';
        if (!isfinite(strtod(literal, NULL)))
            return json_scan_bad(s, "number out of range");
    }
    return true;
}

static bool scan_word(struct scanner *s, const char *word)
{
    size_t n = strlen(word);

    if (s->len - s->at < n || memcmp(s->text + s->at, word, n) != 0)
        return json_scan_bad(s, "unexpected character");
    s->at += n;
    return true;
}

static bool scan_array(struct scanner *s, int depth)
{
    s->at++;
    json_skip_space(s);
    if (s->at < s->len && s->text[s->at] == ']') {
        s->at++;
        return true;
    }
    for (;;) {
        if (!json_scan_value(s, depth + 1))
            return false;
        json_skip_space(s);
        if (s->at < s->len && s->text[s->at] == ',') {
            s->at++;
            continue;
        }
        if (s->at < s->len && s->text[s->at] == ']') {
            s->at++;
            return true;
        }
        return json_scan_bad(s, "expected , or ]");
    }
}

bool json_scan_name(struct scanner *s, size_t *start, size_t *len)
{
    json_skip_space(s);
    if (s->at >= s->len || s->text[s->at] != '"')
        return json_scan_bad(s, "expected a member name");
    *start = s->at + 1;
    if (!json_scan_string(s))
        return false;
    *len = s->at - 1 - *start;
    json_skip_space(s);
    if (s->at >= s->len || s->text[s->at] != ':')
        return json_scan_bad(s, "expected :");
    s->at++;
    return true;
}

static bool scan_object(struct scanner *s, int depth)
{
    size_t name, len;

    s->at++;
    json_skip_space(s);
    if (s->at < s->len && s->text[s->at] == '}') {
        s->at++;
        return true;
    }
    for (;;) {
        if (!json_scan_name(s, &name, &len) || !json_scan_value(s, depth + 1))
            return false;
        json_skip_space(s);
        if (s->at < s->len && s->text[s->at] == ',') {
            s->at++;
            continue;
        }
        if (s->at < s->len && s->text[s->at] == '}') {
            s->at++;
            return true;
        }
        return json_scan_bad(s, "expected , or }");
    }
}

bool json_scan_value(struct scanner *s, int depth)
{
    char c;

    if (depth > JSON_DEPTH)
        return json_scan_bad(s, "nested too deeply");
    json_skip_space(s);
    if (s->at >= s->len)
        return json_scan_bad(s, "ends too early");
    s->found->values++;
    c = s->text[s->at];
    if (c == '{')
        return scan_object(s, depth);
    if (c == '[')
        return scan_array(s, depth);
    if (c == '"')
        return json_scan_string(s);
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(s);
    return scan_word(s, c == 't' ? "true" : c == 'f' ? "false" : "null");
}

bool json_scan(const char *text, size_t len, unsigned flags, struct json_scan *found,
               struct json_error *error)
{
    struct scanner s = { .text = text, .len = len, .flags = flags, .found = found, .error = error };

    *found = (struct json_scan){ 0 };
    if (error)
        *error = (struct json_error){ 0 };
    if (!json_scan_value(&s, 1))
        return false;
    json_skip_space(&s);
    return s.at == s.len ? true : json_scan_bad(&s, "trailing bytes");
}
