/* json_write.c - JSON values as text, compact or canonical.  SPDX-License-Identifier: Apache-2.0 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json_inner.h"

bool json_quote(struct buf *b, const char *text)
{
    buf_putc(b, '"');
    while (*text) {
        size_t n = strcspn(
            text, "\"\\\n\r\t\b\f\x01\x02\x03\x04\x05\x06\x07\x0B\x0E\x0F\x10\x11\x12\x13\x14\x15\x16\x17"
                  "\x18\x19\x1A\x1B\x1C\x1D\x1E\x1F\xC0");

        buf_add(b, text, n);
        text += n;
        if (!*text)
            break;
        if (strncmp(text, "\xC0\x80", 2) == 0) {
            buf_puts(b, "\\u0000");
            text++;
        } else if (*text == '"' || *text == '\\') {
            buf_putc(b, '\\');
            buf_putc(b, *text);
        } else if (*text == '\n') {
            buf_puts(b, "\\n");
        } else if (*text == '\t') {
            buf_puts(b, "\\t");
        } else {
            buf_printf(b, "\\u%04x", (unsigned char)*text == 0xC0 ? 0xFFFD : (unsigned)(unsigned char)*text);
        }
        text++;
    }
    return buf_putc(b, '"');
}

static void write_number(struct buf *b, const cJSON *value)
{
    char literal[40];
    double d = value->valuedouble;

    if ((value->type & 0xFF) == cJSON_Raw) {
        buf_puts(b, value->valuestring);
        return;
    }
    if (d == floor(d) && fabs(d) <= 9007199254740992.0) {
        buf_printf(b, "%lld", (long long)d);
        return;
    }
    snprintf(literal, sizeof literal, "%.15g", d);
    if (strtod(literal, NULL) != d)
        snprintf(literal, sizeof literal, "%.17g", d);
    buf_puts(b, literal);
}

static int by_member(const void *x, const void *y)
{
    return strcmp((*(const cJSON *const *)x)->string, (*(const cJSON *const *)y)->string);
}

static void write_value(struct buf *b, struct arena *sort, const cJSON *value);

static void write_members(struct buf *b, struct arena *sort, const cJSON *object)
{
    size_t n = (size_t)cJSON_GetArraySize(object), i = 0;
    const cJSON **members = sort ? arena_alloc(sort, n * sizeof *members + 1) : NULL;
    const cJSON *next = object->child;

    if (sort && !members) {
        b->failed = true;
        return;
    }
    for (const cJSON *m = object->child; members && m; m = m->next)
        members[i++] = m;
    if (members && n)
        qsort(members, n, sizeof *members, by_member);
    for (i = 0; i < n; i++) {
        const cJSON *member = members ? members[i] : next;

        if (i)
            buf_putc(b, ',');
        json_quote(b, member->string);
        buf_putc(b, ':');
        write_value(b, sort, member);
        next = member->next;
    }
}

static void write_value(struct buf *b, struct arena *sort, const cJSON *value)
{
    switch (value->type & 0xFF) {
    case cJSON_Number:
    case cJSON_Raw:
        write_number(b, value);
        break;
    case cJSON_String:
        json_quote(b, value->valuestring);
        break;
    case cJSON_Array:
        buf_putc(b, '[');
        for (const cJSON *item = value->child; item; item = item->next) {
            write_value(b, sort, item);
            if (item->next)
                buf_putc(b, ',');
        }
        buf_putc(b, ']');
        break;
    case cJSON_Object:
        buf_putc(b, '{');
        write_members(b, sort, value);
        buf_putc(b, '}');
        break;
    default:
        buf_puts(b, cJSON_IsTrue(value) ? "true" : cJSON_IsFalse(value) ? "false" : "null");
    }
}

static const char *write_text(struct arena *a, const kmcp_json *value, struct arena *sort)
{
    struct buf b;
    const char *text;

    if (!value)
        return NULL;
    buf_init(&b, a->ceiling);
    write_value(&b, sort, in(value));
    text = b.failed ? NULL : arena_strndup(a, b.data, b.len);
    buf_wipe(&b); /* a PIN may be in it */
    return text;
}

const char *json_text(struct arena *a, const kmcp_json *value)
{
    return write_text(a, value, NULL);
}

const char *json_canonical(struct arena *a, const kmcp_json *value)
{
    return write_text(a, value, a);
}
