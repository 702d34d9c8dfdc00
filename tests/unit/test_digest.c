/* test_digest.c - published vectors.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "base/digest.h"

static void matches_published_vectors(void **state)
{
    uint8_t out[DIGEST_SIZE];
    char hex[2 * DIGEST_SIZE + 1];

    (void)state;
    assert_true(digest_sha256("abc", 3, out)); /* FIPS 180-4 */
    digest_hex(out, sizeof out, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(
        digest_hmac((const uint8_t *)"Jefe", 4, "what do ya want for nothing?", 28, out)); /* RFC 4231, 2 */
    digest_hex(out, sizeof out, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void base64url_has_one_spelling(void **state)
{
    uint8_t bytes[64];
    char text[64];

    (void)state;
    assert_int_equal(digest_b64url((const uint8_t *)"\xfb\xff\xfe", 3, text), 4);
    assert_string_equal(text, "-__-");
    assert_int_equal(digest_b64url((const uint8_t *)"a", 1, text), 2);
    assert_string_equal(text, "YQ");
    assert_int_equal(digest_b64url_decode("YQ", 2, bytes), 1);
    assert_int_equal(digest_b64url_decode("YR", 2, bytes), (size_t)-1); /* left-over bits */
    assert_int_equal(digest_b64url_decode("Y", 1, bytes), (size_t)-1);
    assert_int_equal(digest_b64url_decode("YQ==", 4, bytes), (size_t)-1);
    assert_int_equal(digest_b64url_decode("Y+", 2, bytes), (size_t)-1);
}

static void seals(void **state)
{
    uint8_t key[DIGEST_SIZE] = { 1 }, other[DIGEST_SIZE] = { 2 }, sealed[100], again[100], out[100];

    (void)state;
    for (size_t len = 0; len < 60; len += 13) {
        const char *text = "a text that is sealed, and longer than one block of AES";

        assert_true(digest_seal(key, text, len, sealed));
        assert_true(digest_seal(key, text, len, again));
        assert_memory_not_equal(sealed, again, len + DIGEST_SEAL_EXTRA); /* never twice the same */
        assert_true(digest_open(key, sealed, len + DIGEST_SEAL_EXTRA, out));
        assert_memory_equal(out, text, len);
        assert_false(digest_open(other, sealed, len + DIGEST_SEAL_EXTRA, out));
        for (size_t i = 0; i < len + DIGEST_SEAL_EXTRA; i++) {
            sealed[i] ^= 1;
            assert_false(digest_open(key, sealed, len + DIGEST_SEAL_EXTRA, out));
            sealed[i] ^= 1;
        }
        assert_false(digest_open(key, sealed, len + DIGEST_SEAL_EXTRA - 1, out));
    }
    assert_false(digest_open(key, sealed, DIGEST_SEAL_EXTRA - 1, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seals),
        cmocka_unit_test(matches_published_vectors),
        cmocka_unit_test(base64url_has_one_spelling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
