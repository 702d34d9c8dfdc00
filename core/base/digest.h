/* digest.h - SHA-256, HMAC, random bytes, and their text forms. OpenSSL is loaded at the first use only.
 * SPDX-License-Identifier: Apache-2.0
 *
 * digest.c is the internal module kmcp-digest.so (the only file that sees OpenSSL); digest_load.c loads it
 * through lazy.h. A host that never consents, audits or seals anything never maps libcrypto.
 */
#ifndef KMCP_DIGEST_H
#define KMCP_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32

/* The table the module exports as kmcp_digest_v1. */
struct digest_ops {
    bool (*sha256)(const void *data, size_t len, uint8_t out[DIGEST_SIZE]);
    bool (*hmac)(const uint8_t *key, size_t key_len, const void *data, size_t len, uint8_t out[DIGEST_SIZE]);
    bool (*random)(void *out, size_t len);
    bool (*equal)(const void *a, const void *b, size_t len); /* in constant time */
    bool (*seal)(const uint8_t key[DIGEST_SIZE], const void *data, size_t len, uint8_t *out);
    bool (*open)(const uint8_t key[DIGEST_SIZE], const uint8_t *sealed, size_t len, uint8_t *out);
    bool (*stretch)(const char *secret, const uint8_t *salt, size_t salt_len, int rounds,
                    uint8_t out[DIGEST_SIZE]);
};

/* All false only if the module cannot be loaded or OpenSSL fails: the caller refuses what it was about to do.
 */
bool digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_SIZE]);
bool digest_hmac(const uint8_t *key, size_t key_len, const void *data, size_t len, uint8_t out[DIGEST_SIZE]);
bool digest_random(void *out, size_t len);
bool digest_equal(const void *a, const void *b, size_t len);
/* AES-256-GCM with a random nonce: OUT gets LEN + DIGEST_SEAL_EXTRA bytes. */
#define DIGEST_SEAL_EXTRA 28 /* nonce and tag */
bool digest_seal(const uint8_t key[DIGEST_SIZE], const void *data, size_t len, uint8_t *out);
/* The inverse: OUT gets LEN - DIGEST_SEAL_EXTRA bytes; false if a single bit is not as it was sealed. */
bool digest_open(const uint8_t key[DIGEST_SIZE], const uint8_t *sealed, size_t len, uint8_t *out);

/* PBKDF2-HMAC-SHA256 (RFC 8018) of a passphrase. */
bool digest_stretch(const char *secret, const uint8_t *salt, size_t salt_len, int rounds,
                    uint8_t out[DIGEST_SIZE]);

void digest_hex(const uint8_t *bytes, size_t len, char *out); /* OUT of 2*len+1 */
/* base64url without padding (RFC 4648 section 5); OUT of at least (len*4+2)/3+1. Returns its length. */
size_t digest_b64url(const uint8_t *bytes, size_t len, char *out);
/* Strict inverse; returns bytes written or (size_t)-1 on anything but canonical base64url. OUT of len*3/4+3.
 */
size_t digest_b64url_decode(const char *text, size_t len, uint8_t *out);
/* Overwrites in a way the compiler keeps. */
void digest_wipe(void *bytes, size_t len);

#endif
