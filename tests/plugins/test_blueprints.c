/* test_blueprints.c - plugins/blueprints against the fake host, in both shapes.  SPDX-License-Identifier:
 * Apache-2.0 */
#include "blueprints.c"
#include "test.h"
#include "fakehost.h"
#include "fleet_data.h"

#define BLUEPRINT "/api/v1/blueprints/" ID

static void run_in(const char *list, const char *one, const char *items)
{
    int typed = items == NULL;
    struct fakehost h;

    fakehost_init(&h, &kmcp_plugin_v1);
    fakehost_answer(&h, "GET", "/api/v1/blueprints", 200, list);
    fakehost_answer(&h, "GET", BLUEPRINT, 200, one);
    if (items)
        fakehost_answer(&h, "GET", BLUEPRINT "/list-library-items", 200, items);
    assert_int_equal(fakehost_run(&h, "list_blueprints", "{\"name\":\"sal\"}"), KMCP_OK);
    assert_has(h.text, "Sales\t");
    assert_has(h.text, "\ttrue\t" ID);
    assert_lacks(h.text, "123456");
    assert_lacks(h.text, "Other");
    assert_int_equal(fakehost_run(&h, "get_blueprint", "{\"blueprint_id\":\"sales\"}"), KMCP_OK);
    assert_has(h.result, "\"enrollment_active\":true");
    assert_has(h.result, typed ? "\"library_items\":[[\"Item\",\"app\",\"i\"]]"
                               : "\"library_items\":[[\"Item\",\"i\"]]");
    assert_has(h.text, "Sales (" ID ")");
    assert_has(h.text, typed ? "\n1 library items\nname\ttype\tid\nItem\tapp\ti"
                             : "\n1 library items\nname\tid\nItem\ti");
    assert_lacks(h.text, "123456");
    assert_lacks(h.result, "123456");
    assert_int_equal(fakehost_run(&h, "get_blueprint", "{\"blueprint_id\":\"nosuch\"}"), KMCP_E_NOTFOUND);
    fakehost_free(&h);
}

static void both_shapes(void **state)
{
    (void)state;
    run_in(
        "{\"count\":2,\"next\":null,\"results\":[{\"id\":\"" ID
        "\",\"name\":\"Sales\",\"type\":\"classic\",\"computers_count\":5,"
        "\"enrollment_code\":{\"code\":\"123456\",\"is_active\":true}},{\"id\":\"x\",\"name\":\"Other\"}]}",
        "{\"id\":\"" ID "\",\"name\":\"Sales\",\"enrollment_code\":{\"code\":\"123456\",\"is_active\":true}}",
        "{\"count\":1,\"next\":null,\"results\":[{\"id\":\"i\",\"name\":\"Item\"}]}");
    run_in("[{\"id\":\"" ID
           "\",\"name\":\"Sales\",\"enrollment_code\":\"123456\",\"enrollment_code_is_active\":true},"
           "{\"id\":\"x\",\"name\":\"Other\"}]",
           "{\"id\":\"" ID
           "\",\"name\":\"Sales\",\"enrollment_code\":\"123456\",\"enrollment_code_is_active\":true,"
           "\"library_items\":[{\"id\":\"i\",\"name\":\"Item\",\"type\":\"app\"}]}",
           NULL);
}

/* Nothing is guessed: whoever named them is told what there is to choose from. */
static void several_of_one_name(void **state)
{
    struct fakehost h;

    (void)state;
    fakehost_init(&h, &kmcp_plugin_v1);
    fakehost_answer(
        &h, "GET", "/api/v1/blueprints", 200,
        "{\"count\":3,\"next\":null,\"results\":[{\"id\":\"a\",\"name\":\"Sales\",\"computers_count\":5},"
        "{\"id\":\"b\",\"name\":\"sales\"},{\"id\":\"c\",\"name\":\"Sales EMEA\",\"computers_count\":7}]}");
    assert_int_equal(fakehost_run(&h, "get_blueprint", "{\"blueprint_id\":\"Sales\"}"), KMCP_E_CONFLICT);
    assert_string_equal(h.failure, "2 blueprints are named \"Sales\"; use the id of one: a (5 devices); b");
    assert_int_equal(h.n_requests, 1);
    fakehost_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(both_shapes),
                                        cmocka_unit_test(several_of_one_name) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
