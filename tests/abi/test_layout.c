/* test_layout.c - sizes and offsets of ABI 1.0 and what 1.1 added, on LP64. A change here is a change of the
 * contract: see sdk/ABI.md. SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <kmcp/plugin.h>

static void is_as_released(void **state)
{
    (void)state;
    if (sizeof(void *) != 8 || sizeof(long) != 8)
        skip();
    assert_int_equal(sizeof(struct kmcp_option), 32);
    assert_int_equal(sizeof(struct kmcp_route), 96);
    assert_int_equal(offsetof(struct kmcp_route, row_id), 64);
    assert_int_equal(offsetof(struct kmcp_route, safety), 72);
    assert_int_equal(offsetof(struct kmcp_route, paging), 84);
    assert_int_equal(offsetof(struct kmcp_tool, icons), 64);
    assert_int_equal(offsetof(struct kmcp_tool, safety), 40);
    assert_int_equal(offsetof(struct kmcp_tool, run), 56);
    assert_int_equal(offsetof(struct kmcp_plugin, features), 104);
    assert_int_equal(offsetof(struct kmcp_plugin, threading), 36);
    assert_int_equal(offsetof(struct kmcp_plugin, name), 40);
    assert_int_equal(offsetof(struct kmcp_plugin, close), 96);
    assert_int_equal(sizeof(struct kmcp_param), 16);
    assert_int_equal(sizeof(struct kmcp_where), 24);
    assert_int_equal(offsetof(struct kmcp_request, n_where), 64);
    assert_int_equal(sizeof(struct kmcp_reply), 32);
    assert_int_equal(offsetof(struct kmcp_coverage, reason), 32);
    assert_int_equal(offsetof(struct kmcp_host, alloc), 16);
    assert_int_equal(offsetof(struct kmcp_host, json_kind), 80);
    assert_int_equal(offsetof(struct kmcp_host, http), 232);
    assert_int_equal(offsetof(struct kmcp_host, result_json), 288);
    assert_int_equal(offsetof(struct kmcp_host, content), 296);
    /* 1.1 */
    assert_int_equal(offsetof(struct kmcp_tool, resolve), 72);
    assert_int_equal(sizeof(struct kmcp_plugin), 144);
    assert_int_equal(offsetof(struct kmcp_plugin, resources), 128);
    assert_int_equal(sizeof(struct kmcp_resource), 72);
    assert_int_equal(offsetof(struct kmcp_resource, flags), 64);
    assert_int_equal(sizeof(struct kmcp_prompt_arg), 32);
    assert_int_equal(sizeof(struct kmcp_prompt), 64);
    assert_int_equal(offsetof(struct kmcp_prompt, get), 48);
    assert_int_equal(sizeof(struct kmcp_content), 104);
    assert_int_equal(offsetof(struct kmcp_content, priority), 96);
    assert_int_equal(sizeof(struct kmcp_ask), 48);
    assert_int_equal(offsetof(struct kmcp_host, ask), 320);
    assert_int_equal(offsetof(struct kmcp_host, updated), 384);
    assert_int_equal(offsetof(struct kmcp_host, fact), 392);
    /* 1.2 */
    assert_int_equal(sizeof(struct kmcp_tool), 80);
    assert_int_equal(offsetof(struct kmcp_host, wants), 400);
    /* 1.3 */
    assert_int_equal(sizeof(struct kmcp_request), 88);
    assert_int_equal(sizeof(struct kmcp_coverage), 48);
    assert_int_equal(sizeof(struct kmcp_column), 32);
    assert_int_equal(sizeof(struct kmcp_query), 64);
    assert_int_equal(offsetof(struct kmcp_host, each), 408);
    assert_int_equal(offsetof(struct kmcp_host, ahead), 424);
    assert_int_equal(sizeof(struct kmcp_host), 432);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(is_as_released) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
