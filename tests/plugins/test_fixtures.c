/* test_fixtures.c - the fixtures of the conformance suite against the fake host: so that the fake host can do
 * what the host can.  SPDX-License-Identifier: Apache-2.0 */
#include "fixtures.h"
#include "test.h"
#include "fakehost.h"

extern const struct kmcp_plugin kmcp_plugin_v1;

static void answers_with_content(void **state)
{
    struct fakehost h;

    (void)state;
    fakehost_init(&h, &kmcp_plugin_v1);
    assert_int_equal(fakehost_run(&h, "test_multiple_content_types", "{}"), KMCP_OK);
    assert_int_equal(h.n_contents, 3);
    assert_string_equal(h.contents[0], "text Multiple content types test:");
    assert_has(h.contents[1], "image image/png ");
    assert_has(h.contents[2], "resource test://mixed-content-resource {");
    assert_int_equal(fakehost_run(&h, "test_tool_with_logging", "{}"), KMCP_OK);
    assert_string_equal(h.events[0], "tell 1 Tool execution started");
    assert_string_equal(h.events[1], "wait 50");
    assert_int_equal(fakehost_run(&h, "test_trigger_tool_change", "{}"), KMCP_OK);
    assert_string_equal(h.events[0], "hide 0 test_echo_arguments");
    fakehost_free(&h);
}

static void asks_and_goes_on(void **state)
{
    struct fakehost h;

    (void)state;
    fakehost_init(&h, &kmcp_plugin_v1);
    assert_int_equal(fakehost_run(&h, "test_input_required_result_multiple_inputs", "{}"), KMCP_AGAIN);
    assert_int_equal(h.n_asked, 3);
    assert_string_equal(h.asked[2], "client_roots");
    fakehost_reply(&h, "user_name", "{\"action\":\"accept\",\"content\":{\"name\":\"Ana\"}}");
    fakehost_reply(&h, "greeting",
                   "{\"role\":\"assistant\",\"content\":{\"type\":\"text\",\"text\":\"Hi\"}}");
    fakehost_reply(&h, "client_roots", "{\"roots\":[]}");
    assert_int_equal(fakehost_run(&h, "test_input_required_result_multiple_inputs", "{}"), KMCP_OK);
    assert_string_equal(h.text, "Hi, Ana");
    assert_int_equal(fakehost_plan(&h, "test_tool_with_task", "{}"), KMCP_OK);
    assert_int_equal(fakehost_run(&h, "test_input_required_result_request_state", "{}"), KMCP_AGAIN);
    fakehost_reply(&h, "confirm", "{\"action\":\"accept\",\"content\":{\"ok\":true}}");
    assert_int_equal(fakehost_run(&h, "test_input_required_result_request_state", "{}"), KMCP_OK);
    assert_string_equal(h.text, "state-ok");
    h.can = 0;
    assert_int_equal(fakehost_run(&h, "test_missing_capability", "{}"), KMCP_E_DENIED);
    fakehost_free(&h);
}

static void prompts_and_resources(void **state)
{
    struct fakehost h;

    (void)state;
    fakehost_init(&h, &kmcp_plugin_v1);
    assert_int_equal(fakehost_get(&h, "test_prompt_with_image", "{}"), KMCP_OK);
    assert_has(h.contents[0], "user image image/png");
    assert_string_equal(h.contents[1], "user text Please analyze the image above.");
    assert_int_equal(
        fakehost_read(&h, "test://template/{id}/data", "test://template/7/data", "{\"id\":\"7\"}"), KMCP_OK);
    assert_has(h.contents[0], "Data for ID: 7");
    assert_int_equal(
        fakehost_read(&h, "test://template/{id}/data", "test://template/none/data", "{\"id\":\"none\"}"),
        KMCP_E_NOTFOUND);
    assert_int_equal(fakehost_complete(&h, "test_prompt_with_arguments", "arg1", "par"), KMCP_OK);
    assert_int_equal(h.n_values, 3);
    assert_string_equal(h.values[0], "paris");
    fakehost_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(answers_with_content),
                                        cmocka_unit_test(asks_and_goes_on),
                                        cmocka_unit_test(prompts_and_resources) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
