/* test_consent.c - an approval counts for exactly what was asked, once, for ten minutes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "policy/consent.h"

static const uint8_t test_key[DIGEST_SIZE] = { 1, 2, 3 }, other_key[DIGEST_SIZE] = { 4 };

#include <pthread.h>

static const struct consent_bond bond = { { 1 }, { 2 } }, other_call = { { 9 }, { 2 } },
                                 other_plan = { { 1 }, { 9 } };

#define NOW INT64_C(1790000000000)

static void counts_once(void **state)
{
    struct consent *c = consent_new(test_key);
    char text[CONSENT_TEXT_MAX], nonce[33];
    unsigned round = 0;

    (void)state;
    assert_true(consent_seal(c, &bond, 3, NOW, text));
    assert_int_equal(consent_judge(c, &bond, text, false, NOW, &round, nonce),
                     CONSENT_GOOD); /* not spent by looking */
    assert_int_equal(round, 3);
    assert_int_equal(strlen(nonce), 32);
    assert_int_equal(consent_judge(c, &bond, text, true, NOW + 1, NULL, NULL), CONSENT_GOOD);
    assert_int_equal(consent_judge(c, &bond, text, true, NOW + 2, NULL, NULL), CONSENT_SPENT);
    consent_free(c);
}

static void is_bound_to_call_and_plan(void **state)
{
    struct consent *c = consent_new(test_key), *restarted = consent_new(other_key);
    char text[CONSENT_TEXT_MAX], nonce[33] = "";

    (void)state;
    assert_true(consent_seal(c, &bond, 1, NOW, text));
    assert_int_equal(consent_judge(c, &other_call, text, true, NOW, NULL, nonce), CONSENT_FOREIGN);
    assert_int_equal(strlen(nonce), 32); /* the record says which question it was */
    assert_int_equal(consent_judge(c, &other_plan, text, true, NOW, NULL, NULL), CONSENT_STALE);
    assert_int_equal(consent_judge(restarted, &bond, text, true, NOW, NULL, NULL), CONSENT_FOREIGN);
    assert_int_equal(consent_judge(c, &bond, text, true, NOW, NULL, NULL),
                     CONSENT_GOOD); /* none of it spent it */
    consent_free(c);
    consent_free(restarted);
}

static void expires_even_if_the_clock_is_set_back(void **state)
{
    struct consent *c = consent_new(test_key);
    char text[CONSENT_TEXT_MAX];

    (void)state;
    assert_true(consent_seal(c, &bond, 1, NOW, text));
    assert_int_equal(consent_judge(c, &bond, text, true, NOW + CONSENT_LIFE_MS, NULL, NULL), CONSENT_EXPIRED);
    assert_int_equal(consent_judge(c, &bond, text, true, NOW, NULL, NULL), CONSENT_EXPIRED);
    consent_free(c);
}

static void no_changed_byte_passes(void **state)
{
    struct consent *c = consent_new(test_key);
    char text[CONSENT_TEXT_MAX];

    (void)state;
    assert_true(consent_seal(c, &bond, 1, NOW, text));
    for (size_t i = 0; text[i]; i++) {
        char saved = text[i];

        text[i] = saved == 'A' ? 'B' : 'A';
        assert_int_equal(consent_judge(c, &bond, text, true, NOW, NULL, NULL), CONSENT_FOREIGN);
        text[i] = saved;
    }
    assert_int_equal(consent_judge(c, &bond, "", true, NOW, NULL, NULL), CONSENT_FOREIGN);
    assert_int_equal(consent_judge(c, &bond, ".", true, NOW, NULL, NULL), CONSENT_FOREIGN);
    memcpy(text + strlen(text), "A", 2);
    assert_int_equal(consent_judge(c, &bond, text, true, NOW, NULL, NULL), CONSENT_FOREIGN);
    consent_free(c);
}

static struct consent *raced;
static char raced_text[CONSENT_TEXT_MAX];
static int good;

static void *race(void *arg)
{
    (void)arg;
    if (consent_judge(raced, &bond, raced_text, true, NOW, NULL, NULL) == CONSENT_GOOD)
        __atomic_add_fetch(&good, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void only_one_thread_spends_it(void **state)
{
    pthread_t threads[16];

    (void)state;
    raced = consent_new(test_key);
    good = 0;
    assert_true(consent_seal(raced, &bond, 1, NOW, raced_text));
    for (size_t i = 0; i < 16; i++)
        pthread_create(&threads[i], NULL, race, NULL);
    for (size_t i = 0; i < 16; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(good, 1);
    consent_free(raced);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_once),
        cmocka_unit_test(is_bound_to_call_and_plan),
        cmocka_unit_test(expires_even_if_the_clock_is_set_back),
        cmocka_unit_test(no_changed_byte_passes),
        cmocka_unit_test(only_one_thread_spends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
