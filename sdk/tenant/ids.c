/* UUIDs and other identifiers made from numbers. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "ids.h"

#include "rng.h"

#include <string.h>

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void ids_uuid(uint64_t key, uint64_t id[2])
{
    id[0] = (rng_draw(key, 1) & ~(uint64_t)0xF000) | 0x4000;
    id[1] = (rng_draw(key, 2) & 0x3FFFFFFFFFFFFFFFU) | 0x8000000000000000U;
}

char *ids_format(char buf[IDS_SIZE], const uint64_t id[2])
{
    static const char hex[] = "0123456789abcdef";
    char *to = buf;
    for (int i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *to++ = '-';
        *to++ = hex[id[i / 16] >> (60 - i % 16 * 4) & 15];
    }
    *to = '\0';
    return buf;
}

char *ids_text(char buf[IDS_SIZE], uint64_t key)
{
    uint64_t id[2];
    ids_uuid(key, id);
    return ids_format(buf, id);
}

bool ids_parse(const char *text, uint64_t id[2])
{
    id[0] = id[1] = 0;
    for (int i = 0, digit = 0; i < 36; i++) {
        char ch = text[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (ch != '-')
                return false;
            continue;
        }
        int value = ch >= '0' && ch <= '9'   ? ch - '0'
                    : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
                    : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
                                             : -1;
        if (value < 0)
            return false;
        id[digit / 16] = id[digit / 16] << 4 | (uint64_t)value;
        digit++;
    }
    return text[36] == '\0';
}

char *ids_letters(char *buf, size_t n, uint64_t key, const char *alphabet)
{
    size_t size = strlen(alphabet);
    for (size_t i = 0; i < n; i++) {
        if (i % 8 == 0)
            key = rng_mix(key);
        buf[i] = alphabet[(key >> (i % 8 * 8) & 0xFF) % size];
    }
    buf[n] = '\0';
    return buf;
}

long ids_base64_read(char *buf, size_t size, const char *text)
{
    uint32_t bits = 0;
    int have = 0;
    size_t n = 0;
    for (; *text && *text != '='; text++) {
        const char *at = strchr(base64, *text);
        if (!at)
            return -1;
        bits = (bits << 6 | (uint32_t)(at - base64)) & 0xFFFFFF;
        have += 6;
        if (have >= 8) {
            have -= 8;
            if (n + 1 >= size)
                return -1;
            buf[n++] = (char)(bits >> have & 0xFF);
        }
    }
    buf[n] = '\0';
    return (long)n;
}

void ids_base64(char *buf, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)(unsigned char)bytes[i] << 16;
        if (i + 1 < n)
            v |= (uint32_t)(unsigned char)bytes[i + 1] << 8;
        if (i + 2 < n)
            v |= (uint32_t)(unsigned char)bytes[i + 2];
        *buf++ = base64[v >> 18];
        *buf++ = base64[v >> 12 & 63];
        *buf++ = i + 1 < n ? base64[v >> 6 & 63] : '=';
        *buf++ = i + 2 < n ? base64[v & 63] : '=';
    }
    *buf = '\0';
}
