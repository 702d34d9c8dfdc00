/* test_budget.c - on a simulated clock.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "client/budget.h"

static void grants_what_it_may_and_says_when(void **state)
{
    struct budget b;
    int64_t now = 1000, granted = 0;

    (void)state;
    budget_init(&b, 10000, 50);
    for (int i = 0; i < 60; i++)
        granted += budget_take(&b, now, 1) == 0;
    assert_int_equal(granted, 50); /* the second's worth */
    assert_int_equal(budget_take(&b, now, 1), 1050);
    assert_int_equal(budget_take(&b, now + 1049, 1), 1);
    assert_int_equal(budget_take(&b, now + 1050, 1), 0);
    budget_destroy(&b);
}

static void holds_the_hour(void **state)
{
    struct budget b;
    int64_t now = 0, granted = 0;

    (void)state;
    budget_init(&b, 100, 1000);
    for (int i = 0; i < 1000; i++)
        granted += budget_take(&b, now, 1) == 0;
    assert_int_equal(granted, 100);
    assert_int_equal(budget_take(&b, now, 1), 3780000); /* an hour and a slot of three minutes */
    for (now = 0; now < 3780000; now += 1000)
        granted += budget_take(&b, now, 1) == 0;
    assert_int_equal(granted, 100);
    assert_int_equal(budget_take(&b, now, 1), 0);
    budget_destroy(&b);
}

/* Whenever it is asked, no second and no hour that begins with a request sees more than the limit. */
static void no_period_sees_more(void **state)
{
    static const int64_t limits[] = { 1, 2, 5, 50 };
    static int64_t granted[200000];
    uint32_t seed = 1;

    (void)state;
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        struct budget b;
        size_t n = 0, second = 0, hour = 0;

        budget_init(&b, 40 * limits[l], limits[l]);
        for (int64_t now = 1; now < 3 * 3600000; now += (seed >> 16) % (seed & 0x80000 ? 40 : 900)) {
            seed = seed * 1103515245 + 12345;
            if (budget_take(&b, now, 1) != 0)
                continue;
            assert_true(n < sizeof granted / sizeof *granted);
            granted[n++] = now;
            while (granted[second] <= now - 1000)
                second++;
            while (granted[hour] <= now - 3600000)
                hour++;
            assert_true((int64_t)(n - second) <= limits[l]);
            assert_true((int64_t)(n - hour) <= 40 * limits[l]);
        }
        assert_true((int64_t)n >= 2 * 40 * limits[l]); /* and it gives what it may */
        budget_destroy(&b);
    }
}

static void learns_from_the_service(void **state)
{
    struct budget b;

    (void)state;
    budget_init(&b, 10000, 50);
    budget_learn(&b, 0, 0, 0); /* others spent the hour */
    assert_true(budget_take(&b, 0, 1) > 0);
    budget_destroy(&b);
    budget_init(&b, 10000, 50);
    budget_learn(&b, 0, -1, 3000); /* a 429 asked for a pause */
    assert_int_equal(budget_take(&b, 0, 1), 3000);
    assert_int_equal(budget_take(&b, 3000, 1), 0);
    budget_destroy(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grants_what_it_may_and_says_when),
        cmocka_unit_test(holds_the_hour),
        cmocka_unit_test(no_period_sees_more),
        cmocka_unit_test(learns_from_the_service),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
