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
        granted += budget_take(&b, now) == 0;
    assert_int_equal(granted, 50); /* the second's worth */
    assert_in_range(budget_take(&b, now), 1, 21);
    assert_int_equal(budget_take(&b, now + 21), 0);
    budget_destroy(&b);
}

static void holds_the_hour(void **state)
{
    struct budget b;
    int64_t now = 0, granted = 0;

    (void)state;
    budget_init(&b, 100, 1000);
    for (int i = 0; i < 1000; i++)
        granted += budget_take(&b, now) == 0;
    assert_int_equal(granted, 100);
    assert_in_range(budget_take(&b, now), 35000, 36001); /* one every 36 s */
    for (now = 0; now < 360000; now += 1000)
        granted += budget_take(&b, now) == 0;
    assert_in_range(granted, 109, 110);
    budget_destroy(&b);
}

static void learns_from_the_service(void **state)
{
    struct budget b;

    (void)state;
    budget_init(&b, 10000, 50);
    budget_learn(&b, 0, 0, 0); /* others spent the hour */
    assert_true(budget_take(&b, 0) > 0);
    budget_destroy(&b);
    budget_init(&b, 10000, 50);
    budget_learn(&b, 0, -1, 3000); /* a 429 asked for a pause */
    assert_int_equal(budget_take(&b, 0), 3000);
    assert_int_equal(budget_take(&b, 3000), 0);
    budget_destroy(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grants_what_it_may_and_says_when),
        cmocka_unit_test(holds_the_hour),
        cmocka_unit_test(learns_from_the_service),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
