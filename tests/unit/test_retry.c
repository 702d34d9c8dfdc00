/* test_retry.c - when to send again, and when never.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "client/retry.h"

static void only_reads_that_say_so(void **state)
{
    static const int statuses[] = { 0, 429, 500, 502, 503, 504 };
    struct kmcp_route route = { .method = "GET", .safety = KMCP_READ, .flags = KMCP_ROUTE_RETRY };

    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        route.safety = KMCP_READ;
        route.flags = KMCP_ROUTE_RETRY;
        assert_true(retry_allowed(&route, 1, statuses[i]));
        assert_false(retry_allowed(&route, RETRY_ATTEMPTS, statuses[i]));
        route.flags = 0;
        assert_false(retry_allowed(&route, 1, statuses[i]));
        route.flags = KMCP_ROUTE_RETRY;
        for (route.safety = KMCP_REVEAL; route.safety <= KMCP_DESTROY; route.safety++)
            assert_false(retry_allowed(&route, 1, statuses[i]));
    }
    route.safety = KMCP_READ;
    assert_false(retry_allowed(&route, 1, 404));
    assert_false(retry_allowed(&route, 1, 400));
}

static void waits_longer_each_time_with_jitter(void **state)
{
    (void)state;
    assert_in_range(retry_delay_ms(1, -1, 0.0), 1, 1);
    assert_in_range(retry_delay_ms(1, -1, 0.999), 400, 500);
    assert_in_range(retry_delay_ms(3, -1, 0.999), 1900, 2000);
    assert_in_range(retry_delay_ms(30, -1, 0.999), 29000, 30000);
    assert_int_equal(retry_delay_ms(1, 7000, 0.5), 7000); /* what the service asked for */
}

static void reads_retry_after(void **state)
{
    static const int64_t now = INT64_C(784111777) * 1000; /* Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110 */

    (void)state;
    assert_int_equal(retry_after_ms("3", now), 3000);
    assert_int_equal(retry_after_ms("Sun, 06 Nov 1994 08:49:47 GMT", now), 10000);
    assert_int_equal(retry_after_ms("Sun, 06 Nov 1994 08:49:27 GMT", now), 0);
    assert_int_equal(retry_after_ms("99999", now), 3600000);
    assert_int_equal(retry_after_ms("soon", now), -1);
    assert_int_equal(retry_after_ms("-5", now), -1);
    assert_int_equal(retry_after_ms("", now), -1);
    assert_int_equal(retry_after_ms("Sun, 06 Foo 1994 08:49:27 GMT", now), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_reads_that_say_so),
        cmocka_unit_test(waits_longer_each_time_with_jitter),
        cmocka_unit_test(reads_retry_after),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
