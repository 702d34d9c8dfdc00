/* test_prism.c - plugins/prism against the fake host.  SPDX-License-Identifier: Apache-2.0 */
#include "prism.c"
#include "test.h"
#include "fakehost.h"

static void asks_in_both_tongues(void **state)
{
    struct fakehost h;

    (void)state;
    fakehost_init(&h, &kmcp_plugin_v1);
    fakehost_answer(&h, "GET", "/api/v1/prism/device_information", 200,
                    "{\"offset\":0,\"limit\":25,\"total\":2,\"cursor\":null,\"data\":[{\"device_id\":\"a\","
                    "\"device__name\":\"TV\","
                    "\"device__family\":\"tvOS\",\"os_version\":\"26.1\"},{\"device_id\":\"b\",\"device__"
                    "family\":\"Mac\"}]}");
    assert_int_equal(
        fakehost_run(&h, "get_prism_device_information", "{\"platform\":\"AppleTV\",\"blueprint_id\":null}"),
        KMCP_OK);
    assert_string_equal(h.requests[0],
                        "GET /api/v1/prism/device_information?device_families=tvOS&platform=AppleTV");
    assert_has(h.text, "1 of 1 devices in Prism");
    assert_has(h.text, "TV\t\ttvOS\t26.1");
    fakehost_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(asks_in_both_tongues) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
