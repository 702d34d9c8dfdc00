/* digest.c - the module kmcp-digest.so: the only file that sees OpenSSL.  SPDX-License-Identifier: Apache-2.0
 */

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "digest.h"

static bool sha256(const void *data, size_t len, uint8_t out[DIGEST_SIZE])
{
    return EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1;
}

static bool hmac(const uint8_t *key, size_t key_len, const void *data, size_t len, uint8_t out[DIGEST_SIZE])
{
    unsigned n = 0;

    return key_len <= INT_MAX && HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &n) &&
           n == DIGEST_SIZE;
}

static bool random_bytes(void *out, size_t len)
{
    return len <= INT_MAX && RAND_bytes(out, (int)len) == 1;
}

static bool equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

extern __attribute__((visibility("default"))) const struct digest_ops kmcp_digest_v1;
const struct digest_ops kmcp_digest_v1 = {
    .sha256 = sha256, .hmac = hmac, .random = random_bytes, .equal = equal
};
