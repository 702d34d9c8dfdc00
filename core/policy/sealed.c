/* sealed.c - texts that the state keeps and only this site's key opens.  SPDX-License-Identifier: Apache-2.0
 */
#include "sealed.h"

#include <string.h>

const char *sealed_text(struct arena *a, const uint8_t key[DIGEST_SIZE], const char *plain)
{
    size_t len = strlen(plain);
    uint8_t *sealed = arena_alloc(a, len + DIGEST_SEAL_EXTRA);
    char *text = arena_alloc(a, (len + DIGEST_SEAL_EXTRA) * 4 / 3 + 8);

    if (!sealed || !text || !digest_seal(key, plain, len, sealed))
        return NULL;
    digest_b64url(sealed, len + DIGEST_SEAL_EXTRA, text);
    return text;
}

const char *sealed_open(struct arena *a, const uint8_t key[DIGEST_SIZE], const char *text)
{
    size_t len = strlen(text), n;
    uint8_t *sealed = arena_alloc(a, len * 3 / 4 + 3);
    char *plain;

    if (!sealed || (n = digest_b64url_decode(text, len, sealed)) == (size_t)-1 || n < DIGEST_SEAL_EXTRA ||
        !(plain = arena_alloc(a, n)) || !digest_open(key, sealed, n, (uint8_t *)plain))
        return NULL;
    return plain; /* the arena's memory is zero: it ends there */
}
