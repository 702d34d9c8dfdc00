/* A growing text buffer that writes JSON: it places the commas and escapes strings. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void out_free(struct out *o)
{
    free(o->p);
    memset(o, 0, sizeof *o);
}

static char *out_room(struct out *o, size_t n)
{
    if (o->cap - o->n < n) {
        size_t cap = o->cap ? o->cap * 2 : 2048;
        while (cap - o->n < n)
            cap *= 2;
        char *p = realloc(o->p, cap);
        if (!p) {
            fputs("kmcp-tenant: out of memory\n", stderr);
            exit(1);
        }
        o->p = p;
        o->cap = cap;
    }
    return o->p + o->n;
}

void out_bytes(struct out *o, const char *bytes, size_t n)
{
    if (n == 0)
        return;
    memcpy(out_room(o, n), bytes, n);
    o->n += n;
}

void out_text(struct out *o, const char *text)
{
    out_bytes(o, text, strlen(text));
}

static void out_quoted(struct out *o, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    out_bytes(o, "\"", 1);
    const char *run = text;
    const char *s = text;
    for (; *s; s++) {
        unsigned char ch = (unsigned char)*s;
        if (ch >= 0x20 && ch != '"' && ch != '\\')
            continue;
        out_bytes(o, run, (size_t)(s - run));
        run = s + 1;
        if (ch == '"' || ch == '\\') {
            char two[2] = { '\\', (char)ch };
            out_bytes(o, two, 2);
        } else {
            char six[6] = { '\\', 'u', '0', '0', hex[ch >> 4], hex[ch & 15] };
            out_bytes(o, six, 6);
        }
    }
    out_bytes(o, run, (size_t)(s - run));
    out_bytes(o, "\"", 1);
}

/* Identifiers and envelopes stay, so that the faulty answer still has rows to be read. */
static bool out_droppable(const char *key)
{
    static const char *const kept[] = { "device_id",  "id",    "results", "data",   "apps",  "activity",
                                        "commands",   "count", "next",    "cursor", "total", "library_items",
                                        "parameters", "page",  "size" };
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (strcmp(key, kept[i]) == 0)
            return false;
    unsigned sum = 0;
    for (; *key; key++)
        sum = sum * 31 + (unsigned char)*key;
    return sum % 3 == 0;
}

/* Returns false when this member is to be left out. */
static bool out_member(struct out *o, const char *key)
{
    if (o->drop && key && out_droppable(key))
        return false;
    char last = o->n ? o->p[o->n - 1] : '[';
    if (last != '{' && last != '[' && last != ':')
        out_bytes(o, ",", 1);
    if (key) {
        out_quoted(o, key);
        out_bytes(o, ":", 1);
    }
    return true;
}

void out_open(struct out *o, const char *key, char bracket)
{
    size_t start = o->n;
    o->depth++;
    if (!out_member(o, key)) {
        if (!o->cut_depth) {
            o->cut_depth = o->depth;
            o->cut_pos = start;
        }
        out_member(o, NULL);
    }
    out_bytes(o, &bracket, 1);
}

void out_close(struct out *o, char bracket)
{
    out_bytes(o, &bracket, 1);
    if (o->cut_depth && o->cut_depth == o->depth) {
        o->n = o->cut_pos;
        o->cut_depth = 0;
    }
    o->depth--;
}

void out_string(struct out *o, const char *key, const char *value)
{
    if (!out_member(o, key))
        return;
    if (value)
        out_quoted(o, value);
    else
        out_text(o, "null");
}

void out_int(struct out *o, const char *key, int64_t value)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRId64, value);
    if (out_member(o, key))
        out_bytes(o, digits, (size_t)n);
}

void out_real(struct out *o, const char *key, double value)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%.1f", value);
    if (out_member(o, key))
        out_bytes(o, digits, (size_t)n);
}

void out_bool(struct out *o, const char *key, bool value)
{
    if (out_member(o, key))
        out_text(o, value ? "true" : "false");
}

void out_null(struct out *o, const char *key)
{
    out_string(o, key, NULL);
}

void out_empty(struct out *o, const char *key, char bracket)
{
    if (out_member(o, key))
        out_text(o, bracket == '{' ? "{}" : "[]");
}

void out_raw(struct out *o, const char *key, const struct out *json)
{
    if (out_member(o, key))
        out_bytes(o, json->p, json->n);
}
