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

#define NONCE 12
#define TAG   16

/* nonce, cipher text, tag */
static bool seal(const uint8_t key[DIGEST_SIZE], const void *data, size_t len, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, rest = 0;
    bool ok = ctx && len <= INT_MAX && RAND_bytes(out, NONCE) == 1 &&
              EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, out) == 1 &&
              EVP_EncryptUpdate(ctx, out + NONCE, &n, data, (int)len) == 1 &&
              EVP_EncryptFinal_ex(ctx, out + NONCE + n, &rest) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, out + NONCE + len) == 1;

    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static bool open_sealed(const uint8_t key[DIGEST_SIZE], const uint8_t *sealed, size_t len, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    size_t body = len - NONCE - TAG;
    uint8_t tag[TAG];
    int n = 0, rest = 0;
    bool ok;

    for (size_t i = 0; i < TAG; i++)
        tag[i] = sealed[len - TAG + i];
    ok = ctx && body <= INT_MAX && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, sealed) == 1 &&
         EVP_DecryptUpdate(ctx, out, &n, sealed + NONCE, (int)body) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
         EVP_DecryptFinal_ex(ctx, out + n, &rest) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static bool stretch(const char *secret, const uint8_t *salt, size_t salt_len, int rounds,
                    uint8_t out[DIGEST_SIZE])
{
    return salt_len <= INT_MAX &&
           PKCS5_PBKDF2_HMAC(secret, -1, salt, (int)salt_len, rounds, EVP_sha256(), DIGEST_SIZE, out) == 1;
}

extern __attribute__((visibility("default"))) const struct digest_ops kmcp_digest_v2;
const struct digest_ops kmcp_digest_v2 = { .sha256 = sha256,
                                           .hmac = hmac,
                                           .random = random_bytes,
                                           .equal = equal,
                                           .seal = seal,
                                           .open = open_sealed,
                                           .stretch = stretch };
