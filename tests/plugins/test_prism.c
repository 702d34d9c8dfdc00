/* test_prism.c - plugins/prism against the fake host.  SPDX-License-Identifier: Apache-2.0 */
#include "prism.c"
#include "test.h"
#include "fakehost.h"

#define LIST "/api/v1/prism/"

static void start(struct fakehost *h, const char *path, const char *rows)
{
    char body[2000];

    fakehost_init(h, &kmcp_plugin_v1);
    snprintf(body, sizeof body, "{\"offset\":0,\"limit\":300,\"total\":null,\"cursor\":null,\"data\":%s}",
             rows);
    fakehost_answer(h, "GET", path, 200, body);
}

/* Every category is a word of the schema, has a route of its own, and columns that are named once. */
static void describes_all_categories(void **state)
{
    char word[64];

    (void)state;
    for (size_t i = 0; i < N_CATEGORIES; i++) {
        const struct category *c = &categories[i];
        const struct kmcp_column *last = NULL;
        int shown = 0;

        snprintf(word, sizeof word, "\"%s\"", c->name);
        assert_has(query_prism_schema, word);
        assert_string_equal(prism_routes[i].path + strlen(LIST), c->name);
        for (uint32_t k = 0; k < c->n_columns; k++) {
            for (uint32_t j = 0; j < k; j++)
                assert_string_not_equal(c->columns[j].name, c->columns[k].name);
            if (c->columns[k].flags & KMCP_COLUMN_SHOWN) {
                last = &c->columns[k];
                shown++;
            }
        }
        assert_non_null(last);
        assert_string_equal(last->name, "device_id");
        assert_in_range(shown, 5, 9);
    }
    assert_string_equal(prism_routes[DEVICE_INFORMATION].permission, "Prism: device_information");
}

static void asks_a_category(void **state)
{
    struct fakehost h;

    (void)state;
    start(&h, LIST "apps",
          "[{\"device_id\":\"a\",\"device__name\":\"Ada's\",\"serial_number\":\"S1\",\"name\":\"Zoom\","
          "\"version\":\"6.2\",\"bundle_id\":\"us.zoom\",\"obtained_from\":null},"
          "{\"device_id\":\"b\",\"device__name\":\"Zoom room\",\"name\":\"Safari\",\"category\":\"apps\"}]");
    assert_int_equal(fakehost_run(&h, "query_prism", "{\"category\":\"apps\",\"name\":\"zoom\"}"), KMCP_OK);
    assert_string_equal(h.requests[0], "GET /api/v1/prism/apps");
    assert_has(h.text, "1 installed apps"); /* the app's name, and the category is no condition on it */
    assert_has(h.text, "Ada's\tS1\tZoom\t6.2\tus.zoom\t");
    assert_int_equal(fakehost_run(&h, "query_prism", "{\"category\":\"app\"}"), KMCP_E_ARG);
    fakehost_free(&h);
}

static void names_the_device_where_a_row_has_no_name(void **state)
{
    struct fakehost h;

    (void)state;
    start(&h, LIST "filevault",
          "[{\"device_id\":\"a\",\"device__name\":\"Ada's Mac\",\"status\":true},"
          "{\"device_id\":\"b\",\"device__name\":\"Bob's Mac\",\"status\":false}]");
    assert_int_equal(fakehost_run(&h, "query_prism", "{\"category\":\"filevault\",\"name\":\"ada\"}"),
                     KMCP_OK);
    assert_has(h.text, "1 devices in filevault\nAda's Mac\t\ttrue");
    fakehost_free(&h);
}

static void takes_a_blueprint_by_id_or_name(void **state)
{
    struct fakehost h;

    (void)state;
    start(&h, LIST "filevault", "[]");
    assert_int_equal(fakehost_run(&h, "query_prism",
                                  "{\"category\":\"filevault\",\"blueprint_id\":"
                                  "\"0a0a0a0a-1111-2222-3333-444444444444\"}"),
                     KMCP_OK);
    assert_has(h.question, "\"blueprint_id\":\"0a0a0a0a-1111-2222-3333-444444444444\"");
    assert_int_equal(fakehost_run(&h, "query_prism",
                                  "{\"category\":\"filevault\",\"blueprint_id\":\"Sales\","
                                  "\"where\":[\"status = no\"]}"),
                     KMCP_OK);
    assert_has(h.question, "\"where\":[\"status = no\",\"blueprint = Sales\"]");
    assert_has(h.question, "\"blueprint_id\":\"\"");
    fakehost_free(&h);
}

static void hides_secrets(void **state)
{
    const struct kmcp_column *passcode = NULL;
    struct fakehost h;

    (void)state;
    for (size_t i = 0; i < N_CATEGORIES; i++)
        for (uint32_t k = 0; k < categories[i].n_columns; k++)
            if (strcmp(categories[i].columns[k].name, "removal_passcode") == 0) {
                passcode = &categories[i].columns[k];
                assert_string_equal(prism_routes[i].secrets, "removal_passcode");
            }
    assert_non_null(passcode);
    start(&h, LIST "installed_profiles", "[{\"device_id\":\"a\",\"profile_display_name\":\"VPN\"}]");
    assert_int_equal(fakehost_run(&h, "query_prism", "{\"category\":\"installed_profiles\"}"), KMCP_OK);
    assert_has(h.text, "\tVPN\t");
    fakehost_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_all_categories),
        cmocka_unit_test(asks_a_category),
        cmocka_unit_test(names_the_device_where_a_row_has_no_name),
        cmocka_unit_test(takes_a_blueprint_by_id_or_name),
        cmocka_unit_test(hides_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
