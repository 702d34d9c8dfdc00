/* digest_load.c - loads kmcp-digest.so at the first digest; and the text forms, which need no OpenSSL.
 * SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <string.h>

#include "digest.h"
#include "lazy.h"
#include "log.h"

static const struct digest_ops *ops;

static void load(void)
{
    char why[600];

    ops = lazy_load("digest", "kmcp_digest_v2", why, sizeof why);
    if (!ops)
        log_line(KMCP_LOG_ERROR, "digest", "%s", why);
}

static const struct digest_ops *loaded(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
    return ops;
}

bool digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_SIZE])
{
    return loaded() && ops->sha256(data, len, out);
}

bool digest_hmac(const uint8_t *key, size_t key_len, const void *data, size_t len, uint8_t out[DIGEST_SIZE])
{
    return loaded() && ops->hmac(key, key_len, data, len, out);
}

bool digest_random(void *out, size_t len)
{
    return loaded() && ops->random(out, len);
}

bool digest_equal(const void *a, const void *b, size_t len)
{
    return loaded() && ops->equal(a, b, len);
}

bool digest_seal(const uint8_t key[DIGEST_SIZE], const void *data, size_t len, uint8_t *out)
{
    return loaded() && ops->seal(key, data, len, out);
}

bool digest_open(const uint8_t key[DIGEST_SIZE], const uint8_t *sealed, size_t len, uint8_t *out)
{
    return loaded() && len >= DIGEST_SEAL_EXTRA && ops->open(key, sealed, len, out);
}

bool digest_stretch(const char *secret, const uint8_t *salt, size_t salt_len, int rounds,
                    uint8_t out[DIGEST_SIZE])
{
    return loaded() && ops->stretch(secret, salt, salt_len, rounds, out);
}

void digest_hex(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t digest_b64url(const uint8_t *bytes, size_t len, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i += 3) {
        unsigned group = (unsigned)bytes[i] << 16;

        if (i + 1 < len)
            group |= (unsigned)bytes[i + 1] << 8;
        if (i + 2 < len)
            group |= bytes[i + 2];
        out[n++] = alphabet[group >> 18 & 63];
        out[n++] = alphabet[group >> 12 & 63];
        if (i + 1 < len)
            out[n++] = alphabet[group >> 6 & 63];
        if (i + 2 < len)
            out[n++] = alphabet[group & 63];
    }
    out[n] = '\0';
    return n;
}

size_t digest_b64url_decode(const char *text, size_t len, uint8_t *out)
{
    size_t n = 0;
    unsigned group = 0, bits = 0;

    if (len % 4 == 1)
        return (size_t)-1;
    for (size_t i = 0; i < len; i++) {
        const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;

        if (!at)
            return (size_t)-1;
        group = group << 6 | (unsigned)(at - alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (uint8_t)(group >> bits & 0xFF);
        }
    }
    return group & ((1u << bits) - 1) ? (size_t)-1 : n; /* left-over bits must be zero: one spelling only */
}

void digest_wipe(void *bytes, size_t len)
{
#ifdef __GNUC__
    if (len)
        memset(bytes, 0, len);
    __asm__ volatile("" ::"r"(bytes) : "memory"); /* somebody might look: it may not be left out */
#else
    volatile unsigned char *p = bytes;

    while (len--)
        *p++ = 0;
#endif
}
