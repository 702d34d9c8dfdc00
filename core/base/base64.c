/* base64.c - base64 with padding (RFC 4648 section 4).  SPDX-License-Identifier: Apache-2.0 */

#include "base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encode(const void *bytes, size_t len, char *out)
{
    const unsigned char *in = bytes;
    char *start = out;

    for (size_t i = 0; i < len; i += 3) {
        unsigned group = (unsigned)in[i] << 16 | (i + 1 < len ? (unsigned)in[i + 1] << 8 : 0) |
                         (i + 2 < len ? (unsigned)in[i + 2] : 0);

        *out++ = alphabet[group >> 18 & 63];
        *out++ = alphabet[group >> 12 & 63];
        *out++ = i + 1 < len ? alphabet[group >> 6 & 63] : '=';
        *out++ = i + 2 < len ? alphabet[group & 63] : '=';
    }
    *out = '\0';
    return (size_t)(out - start);
}

size_t base64_decode(const char *text, size_t len, void *out)
{
    unsigned char *to = out;
    size_t pad = len && text[len - 1] == '=' ? (len > 1 && text[len - 2] == '=' ? 2 : 1) : 0;

    if (len % 4)
        return (size_t)-1;
    for (size_t i = 0; i < len; i += 4) {
        size_t fill = i + 4 == len ? pad : 0;
        unsigned group = 0;

        for (size_t k = 0; k < 4; k++) {
            const char *at = k >= 4 - fill ? alphabet : text[i + k] ? strchr(alphabet, text[i + k]) : NULL;

            if (!at)
                return (size_t)-1;
            group = group << 6 | (unsigned)(at - alphabet);
        }
        if ((fill == 1 && (group & 0xFF)) || (fill == 2 && (group & 0xFFFF)))
            return (size_t)-1; /* one spelling only */
        for (size_t k = 0; k < 3 - fill; k++)
            *to++ = (unsigned char)(group >> (16 - 8 * k) & 0xFF);
    }
    return (size_t)(to - (unsigned char *)out);
}
