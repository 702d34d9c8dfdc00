/* Faults that spoil or disguise a finished body. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include <string.h>

#define FAULT_HUGE_SIZE ((size_t)21 << 20)

/* Puts text where the body's first object begins to have members; appends it bare if there is no object. */
static void body_insert(struct out *o, const char *member, size_t n)
{
    struct out made = { 0 };
    const char *brace = o->n ? memchr(o->p, '{', o->n) : NULL;
    if (!brace)
        return;
    size_t head = (size_t)(brace - o->p) + 1;
    out_bytes(&made, o->p, head);
    out_bytes(&made, member, n);
    if (head < o->n && o->p[head] != '}')
        out_bytes(&made, ",", 1);
    out_bytes(&made, o->p + head, o->n - head);
    out_free(o);
    *o = made;
}

/* Puts bytes at the start of the first name that the body shows, so that it reaches code which reads names.
 */
static void body_taint(struct out *o, const char *bytes)
{
    static const char *const keys[] = { "\"device_name\":\"", "\"device__name\":\"", "\"app_name\":\"",
                                        "\"name\":\"" };
    out_bytes(o, "", 1);
    char *at = NULL;
    for (size_t i = 0; !at && i < sizeof keys / sizeof keys[0]; i++) {
        at = strstr(o->p, keys[i]);
        at = at ? at + strlen(keys[i]) : NULL;
    }
    o->n--;
    if (!at) {
        char member[64] = "\"x_note\":\"";
        size_t n = strlen(member), k = strlen(bytes);
        memcpy(member + n, bytes, k);
        member[n + k] = '"';
        body_insert(o, member, n + k + 1);
        return;
    }
    struct out made = { 0 };
    size_t head = (size_t)(at - o->p);
    out_bytes(&made, o->p, head);
    out_text(&made, bytes);
    out_bytes(&made, at, o->n - head);
    out_free(o);
    *o = made;
}

/* A member nobody knows in every object. */
static void body_extend(struct out *o)
{
    static const char member[] = "\"x_unheard_of\":{\"a\":[1,2.5,null],\"b\":\"\"}";
    struct out made = { 0 };
    bool quoted = false;
    for (size_t i = 0; i < o->n; i++) {
        char ch = o->p[i];
        out_bytes(&made, &ch, 1);
        if (quoted && ch == '\\' && i + 1 < o->n)
            out_bytes(&made, &o->p[++i], 1);
        else if (ch == '"')
            quoted = !quoted;
        else if (!quoted && ch == '{') {
            out_text(&made, member);
            if (i + 1 < o->n && o->p[i + 1] != '}')
                out_bytes(&made, ",", 1);
        }
    }
    out_free(o);
    *o = made;
}

/* An object gets a long string; anything else white space behind it. */
static void body_inflate(struct out *o)
{
    static const char begin[] = "\"x_padding\":\"";
    bool object = o->n && memchr(o->p, '{', o->n);
    struct out pad = { 0 };
    char block[4096];
    memset(block, object ? 'x' : ' ', sizeof block);
    if (object)
        out_text(&pad, begin);
    while (pad.n < FAULT_HUGE_SIZE)
        out_bytes(&pad, block, sizeof block);
    if (object) {
        out_text(&pad, "\"");
        body_insert(o, pad.p, pad.n);
    } else {
        out_bytes(o, pad.p, pad.n);
    }
    out_free(&pad);
}

static uint32_t body_crc(const char *bytes, size_t n)
{
    uint32_t table[256];
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t v = i;
        for (int k = 0; k < 8; k++)
            v = v & 1 ? v >> 1 ^ 0xEDB88320U : v >> 1;
        table[i] = v;
    }
    uint32_t crc = 0xFFFFFFFFU;
    for (size_t i = 0; i < n; i++)
        crc = crc >> 8 ^ table[(crc ^ (unsigned char)bytes[i]) & 255];
    return crc ^ 0xFFFFFFFFU;
}

static void body_little(struct out *o, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        char ch = (char)(v >> (8 * i) & 255);
        out_bytes(o, &ch, 1);
    }
}

/* RFC 1952 with stored blocks only (RFC 1951, 3.2.4): valid for every decoder, and needs no library. */
static void body_gzip(struct out *o)
{
    struct out made = { 0 };
    out_bytes(&made, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    size_t at = 0;
    do {
        size_t n = o->n - at > 65535 ? 65535 : o->n - at;
        out_bytes(&made, at + n == o->n ? "\1" : "\0", 1);
        body_little(&made, (uint32_t)n, 2);
        body_little(&made, (uint32_t)~n, 2);
        out_bytes(&made, o->p + at, n);
        at += n;
    } while (at < o->n);
    body_little(&made, body_crc(o->p, o->n), 4);
    body_little(&made, (uint32_t)o->n, 4);
    out_free(o);
    *o = made;
}

void fault_change_body(struct call *c, unsigned bits)
{
    struct out *o = &c->out;
    if (bits & FAULT_EXTRA)
        body_extend(o);
    if (bits & FAULT_NUL)
        body_taint(o, "a\\u0000b");
    if (bits & FAULT_BADUTF8)
        body_taint(o, "\xff\xfe\xc3\x28");
    if (bits & FAULT_HUGE)
        body_inflate(o);
    if (bits & FAULT_BADJSON) {
        o->n = o->n / 2;
        out_text(o, ",}");
    }
    if (bits & FAULT_BADTYPE)
        c->type = "text/html; charset=utf-8";
    if (bits & FAULT_GZIP && c->accept_encoding && strstr(c->accept_encoding, "gzip") && o->n) {
        body_gzip(o);
        call_header(c, "Content-Encoding", "gzip");
        call_header(c, "Vary", "Accept-Encoding");
    }
}
