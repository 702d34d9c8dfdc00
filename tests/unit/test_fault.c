/* test_fault.c - the eight error shapes, and the advice.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "client/fault.h"

static struct arena a;

static int setup(void **state)
{
    (void)state;
    arena_init(&a, 4 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&a, 0);
    return 0;
}

static void reads_all_shapes(void **state)
{
    static const struct {
        const char *body, *words;
    } rows[] = {
        { "\"This device is already locked.\"", "This device is already locked" },
        { "[\"Device is not in lost mode.\"]", "Device is not in lost mode" },
        { "{\"detail\":\"Not found.\"}", "Not found" },
        { "{\"dep_account\":[\"Enter a valid UUID.\"]}", "dep_account: Enter a valid UUID" },
        { "{\"error\":\"Rate limit exceeded\"}", "Rate limit exceeded" },
        { "{\"message\":\"no Route matched\",\"request_id\":\"1\"}", "no Route matched" },
        { "<!doctype html><h1>Not Found</h1>", "Not Found" },
        { "", "" },
        { "{\"detail\":[{\"loc\":[\"q\"],\"msg\":\"bad\",\"type\":\"t\"}]}", "bad" },
        { "{\"errors\":[\"a\",\"b\"]}", "a; b" },
        { "plain words", "plain words" },
        { "{\"detail\":", "{\"detail\":" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(fault_words(&a, rows[i].body, strlen(rows[i].body), NULL), rows[i].words);
}

static void covers_what_is_hidden(void **state)
{
    static const struct {
        const char *body, *words, *alone; /* ALONE: of an answer that could be a secret */
    } rows[] = {
        { "{\"key\":\"K-1\"}", "key: [secret]", "" },
        { "{\"detail\":\"no\",\"key\":\"K-1\"}", "no", "no" },
        { "{\"detail\":{\"what\":\"K-1\"}}", "what: K-1", "" },
        { "\"K-1\"", "K-1", "" },
        { "K-1", "", "" },
        { "<p>K-1</p>", "", "" },
        { "{\"key\":\"K-1\"", "", "" },
        { "{\"message\":\"Ana: 739201\",\"key\":5}", "Ana: [not shown]", "Ana: [not shown]" },
    };
    struct mask_seen values = { .arena = &a };

    (void)state;
    assert_true(mask_resolve(&values, "739201", "[not shown]"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fault_hide hide = { "key", &values, false };
        size_t len = strlen(rows[i].body);

        assert_string_equal(fault_words(&a, rows[i].body, len, &hide), rows[i].words);
        hide.sentence = true;
        assert_string_equal(fault_words(&a, rows[i].body, len, &hide), rows[i].alone);
    }
    assert_true(fault_is_own("{\"message\":\"busy\"}", 18));
    assert_false(fault_is_own("busy", 4));
    assert_false(fault_is_own("{}", 2));
}

static void bounds_and_neutralises_words(void **state)
{
    size_t len = 1 << 20;
    char *body = malloc(len);

    (void)state;
    memset(body, 'x', len);
    assert_true(strlen(fault_words(&a, body, len, NULL)) <= 200);
    body[0] = '<';
    assert_true(strlen(fault_words(&a, body, len, NULL)) <= 200);
    free(body);
    assert_lacks(fault_words(&a, "\"a\\u001b[2Jb\\n\"", 15, NULL), "\x1b");
}

static void says_what_to_do(void **state)
{
    static const struct kmcp_route route = { .method = "GET",
                                             .path = "/api/v1/devices",
                                             .permission = "Device list" };
    static const struct {
        int status;
        kmcp_rc rc;
        const char *advice;
    } rows[] = {
        { 400, KMCP_E_CONFLICT, "refused" },
        { 401, KMCP_E_DENIED, "\"Device list\"" },
        { 403, KMCP_E_DENIED, "lacks the permission \"Device list\"" },
        { 404, KMCP_E_NOTFOUND, "list_devices" },
        { 429, KMCP_E_RATE, "try again in 3 seconds" },
        { 500, KMCP_E_UPSTREAM, "HTTP 500" },
        { 302, KMCP_E_UPSTREAM, "HTTP 302" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct failure f = { 0 };

        assert_int_equal(fault_set(&f, &route, rows[i].status, "its words", 2500), rows[i].rc);
        assert_has(f.text, rows[i].advice);
        assert_has(f.text, "its words");
        assert_lacks(f.text, "get_device_commands");
    }
}

/* What is there already needs no other try: the words say so, and where none may be shown it may be. */
static void what_is_there_already_says_where_it_shows(void **state)
{
    static const struct kmcp_route lock = { .method = "POST", .path = "/api/v1/devices/{id}/action/lock" },
                                   restart = { .method = "POST",
                                               .path = "/api/v1/devices/{id}/action/restart" },
                                   list = { .method = "GET", .path = "/api/v1/devices" };
    static const struct {
        const struct kmcp_route *route;
        const char *words, *advice;
    } rows[] = { { &restart, "Command already running", "get_device_commands shows it" },
                 { &restart, NULL, "get_device_commands shows it" },
                 { &lock, "This device is already locked", "unlock_pin has the PIN of a Mac" },
                 { &restart, "no such option", NULL },
                 { &list, "already", NULL } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct failure f = { .rc = KMCP_OK };

        assert_int_equal(fault_set(&f, rows[i].route, 400, rows[i].words, -1), KMCP_E_CONFLICT);
        if (rows[i].advice)
            assert_has(f.text, rows[i].advice);
        else
            assert_lacks(f.text, "get_device_commands");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_all_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(covers_what_is_hidden, setup, teardown),
        cmocka_unit_test_setup_teardown(bounds_and_neutralises_words, setup, teardown),
        cmocka_unit_test_setup_teardown(says_what_to_do, setup, teardown),
        cmocka_unit_test(what_is_there_already_says_where_it_shows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
