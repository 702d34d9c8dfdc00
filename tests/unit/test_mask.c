/* test_mask.c - declared fields, at any depth, in any shape.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "client/mask.h"

static struct arena a;

static int setup(void **state)
{
    (void)state;
    arena_init(&a, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&a, 0);
    return 0;
}

static void masks_what_is_declared_and_nothing_else(void **state)
{
    static const struct {
        const char *fields, *in, *out;
    } rows[] = {
        { "name", "[{\"name\":\"Ana\",\"blueprint_name\":\"B\"}]",
          "[{\"name\":\"[redacted]\",\"blueprint_name\":\"B\"}]" },
        { "user", "{\"results\":[{\"user\":{\"email\":\"a@b\",\"is_archived\":true}}]}",
          "{\"results\":[{\"user\":{\"email\":\"[redacted]\",\"is_archived\":true}}]}" },
        { "user.name", "{\"name\":\"keep\",\"user\":{\"name\":\"x\"}}",
          "{\"name\":\"keep\",\"user\":{\"name\":\"[redacted]\"}}" },
        { "users.name", "{\"users\":[{\"name\":\"x\"}]}", "{\"users\":[{\"name\":\"[redacted]\"}]}" },
        { "user", "{\"user\":\"\"}", "{\"user\":\"\"}" },
        { "user", "{\"user\":null}", "{\"user\":null}" },
        { "id", "{\"id\":31250}", "{\"id\":\"[redacted]\"}" },
        { "a b", "{\"b\":\"1\",\"ab\":\"2\"}", "{\"b\":\"[redacted]\",\"ab\":\"2\"}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kmcp_json *value = json_parse(&a, rows[i].in, strlen(rows[i].in), 0, NULL);

        assert_true(mask_apply(&a, value, rows[i].fields, MASK_PERSON, NULL));
        assert_string_equal(json_text(&a, value), rows[i].out);
    }
}

static void scrubs_what_was_seen(void **state)
{
    struct mask_seen seen = { .arena = &a };
    static const char text[] = "{\"name\":\"Ana Lima\",\"s\":\"C02ABC\",\"admin\":\"No\"}";
    kmcp_json *value = json_parse(&a, text, strlen(text), 0, NULL);

    (void)state;
    assert_true(mask_collect(value, "name s admin", &seen));
    assert_string_equal(json_text(&a, value), text);
    assert_string_equal(mask_scrub(&a, &seen, "no device c02abc of ana lima <x@y.z>, blueprint Sales"),
                        "no device [redacted] of [redacted] <[redacted]>, blueprint Sales");
}

static void renames_what_was_resolved(void **state)
{
    static const char text[] =
        "[{\"platform\":\"Mac\",\"device_name\":\"Mac\",\"os\":\"macOS 15\",\"user\":\"Ana Lima\"}]";
    static const struct {
        const char *in, *out;
    } rows[] = { { "Mac", "device:1" },
                 { "mac mini, MAC: Macs and macOS", "device:1 mini, device:1: Macs and macOS" },
                 { "xC02ABC of ana limax", "xserial:2 of user:4x" },
                 { "C02ABCD, C02AB, C02ABC", "serial:3, C02AB, serial:2" }, /* the longest */
                 { "nothing", "nothing" },
                 { "", "" } };
    struct mask_seen seen = { .arena = &a };
    kmcp_json *reply = json_parse(&a, text, strlen(text), 0, NULL);

    (void)state;
    assert_true(mask_remember(&seen, "nothing", "user:5")); /* seen in a reply alone */
    for (int i = 0; i < 2; i++) {
        assert_true(mask_resolve(&seen, "Mac", "device:1"));
        assert_true(mask_resolve(&seen, "C02ABC", "serial:2"));
        assert_true(mask_resolve(&seen, "C02ABCD", "serial:3"));
        assert_true(mask_resolve(&seen, "Ana Lima", "user:4"));
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(mask_rename(&a, &seen, rows[i].in), rows[i].out);
    assert_string_equal(mask_scrub(&a, &seen, "Mac of ana lima, nothing"), "device:1 of user:4, user:5");
    /* once it is a platform too, it is a word like any other; in errors it goes all the same */
    assert_true(mask_apply(&a, reply, "device_name user", MASK_PERSON, &seen));
    assert_string_equal(mask_rename(&a, &seen, "Mac of Ana Lima"), "Mac of user:4");
    assert_string_equal(mask_scrub(&a, &seen, "Mac of Ana Lima"), "device:1 of user:4");
}

static void tests_rows_on_real_values(void **state)
{
    static const char text[] =
        "{\"user\":{\"email\":\"Ana@x.org\"},\"serial\":\"C02\",\"tags\":[\"vip\"],\"on\":true}";
    const kmcp_json *row = json_parse(&a, text, strlen(text), 0, NULL);
    static const struct {
        struct kmcp_where where;
        int meets;
    } rows[] = {
        { { "serial", "c02", KMCP_WHERE_EQUALS, 0 }, 1 },
        { { "serial", "c0", KMCP_WHERE_EQUALS, 0 }, 0 },
        { { "serial", "c0", KMCP_WHERE_CONTAINS, 0 }, 1 },
        { { "user.email|user_email", "ana@", KMCP_WHERE_CONTAINS, 0 }, 1 },
        { { "user_email|user.email", "ana@", KMCP_WHERE_CONTAINS, 0 }, 1 },
        { { "tags", "VIP", KMCP_WHERE_HAS, 0 }, 1 },
        { { "tags", "vi", KMCP_WHERE_HAS, 0 }, 0 },
        { { "on", "true", KMCP_WHERE_EQUALS, 0 }, 1 },
        { { "none", "x", KMCP_WHERE_CONTAINS, 0 }, 0 },
        { { "none", NULL, KMCP_WHERE_CONTAINS, 0 }, 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(mask_where(row, &rows[i].where, NULL), rows[i].meets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(masks_what_is_declared_and_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(scrubs_what_was_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(renames_what_was_resolved, setup, teardown),
        cmocka_unit_test_setup_teardown(tests_rows_on_real_values, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
