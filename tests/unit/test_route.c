/* test_route.c - what may be declared, and what may stand in a path.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "client/route.h"

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

static const struct kmcp_route device = { .method = "GET",
                                          .path = "/api/v1/devices/{device_id}/apps",
                                          .permission = "Application list",
                                          .tags = "devices device:{device_id}",
                                          .safety = KMCP_READ };

static char *expand(const char *id, struct failure *f)
{
    const struct kmcp_param path[] = { { "device_id", id } };
    const struct kmcp_param query[] = { { "limit", "5" }, { "absent", NULL }, { "after", "a b&c=\xC3\xA9" } };
    const struct kmcp_request rq = {
        .route = &device, .path = path, .n_path = 1, .query = query, .n_query = 3
    };

    f->rc = KMCP_OK;
    return route_expand(&a, &rq, f);
}

static void no_part_leaves_its_place(void **state)
{
    static const char *const bad[] = { "",       ".",          "..",   "a..b", "x/y",  "../devices",
                                       "%2e%2e", "%2F",        "a?b",  "a#b",  "a\\b", "a\nb",
                                       "a\x7f",  "a\300\200b", "\xff", "/",    "..%2f" };
    char longest[300];
    struct failure f;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (expand(bad[i], &f))
            fail_msg("\"%s\" was let through", bad[i]);
        assert_int_equal(f.rc, KMCP_E_ARG);
        assert_has(f.text, "nothing was sent");
    }
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(expand(longest, &f));
    assert_null(expand(NULL, &f));
}

static void encodes_and_sorts(void **state)
{
    struct failure f;

    (void)state;
    assert_string_equal(expand("a b:\xC3\xA9", &f),
                        "/api/v1/devices/a%20b%3A%C3%A9/apps?after=a%20b%26c%3D%C3%A9&limit=5");
}

static void refuses_bad_declarations(void **state)
{
    static const struct {
        struct kmcp_route route;
        const char *why;
    } rows[] = {
        { { .method = "POST", .path = "/api/v1/x", .permission = "p", .safety = KMCP_READ },
          "KMCP_ROUTE_QUERY" },
        { { .method = "GET", .path = "/api/v1/x", .permission = "p" }, "no safety class" },
        { { .method = "GET", .path = "/api/v1/x", .permission = "p", .safety = 9 }, "unknown safety" },
        { { .method = "HEAD", .path = "/api/v1/x", .permission = "p", .safety = KMCP_READ },
          "unknown method" },
        { { .method = "GET", .path = "https://evil/x", .permission = "p", .safety = KMCP_READ },
          "path under /api/" },
        { { .method = "GET", .path = "/api/v1/../x", .permission = "p", .safety = KMCP_READ },
          "path under /api/" },
        { { .method = "GET", .path = "/api/v1/a{b}", .permission = "p", .safety = KMCP_READ },
          "path under /api/" },
        { { .method = "GET", .path = "/api/v1/x", .safety = KMCP_READ }, "permission" },
        { { .method = "POST",
            .path = "/api/v1/x",
            .permission = "p",
            .safety = KMCP_WRITE,
            .flags = KMCP_ROUTE_RETRY },
          "may not be retried" },
        { { .method = "GET", .path = "/api/v1/x", .permission = "p", .safety = KMCP_READ, .flags = 1u << 9 },
          "flag" },
        { { .method = "GET", .path = "/api/v1/x", .permission = "p", .safety = KMCP_READ, .tags = "d:{id}" },
          "tags" },
        { { .method = "GET", .path = "/api/v1/x", .permission = "p", .safety = KMCP_READ, .pii = "a  b" },
          "pii" },
        { { .method = "GET", .path = "/api/v1/x", .permission = "p", .safety = KMCP_REVEAL, .cache = "c" },
          "cached" },
        { { .method = "GET", .path = "/api/v1/x", .permission = "p", .safety = KMCP_READ, .reserved = 1 },
          "reserved" },
        { { .method = "GET", .path = "/api/v1/x", .permission = "p", .safety = KMCP_READ, .paging = 7 },
          "paging" },
    };

    (void)state;
    assert_null(route_fault(&a, &device));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *why = route_fault(&a, &rows[i].route);

        assert_non_null(why);
        assert_has(why, rows[i].why);
    }
}

static void classes_bound_what_a_tool_may_use(void **state)
{
    static const int allowed[5][5] = { /* tool: UNSET READ REVEAL WRITE DESTROY; route across */
                                       { 0, 0, 0, 0, 0 },
                                       { 0, 1, 0, 0, 0 },
                                       { 0, 1, 1, 0, 0 },
                                       { 0, 1, 0, 1, 0 },
                                       { 0, 1, 0, 1, 1 }
    };

    (void)state;
    for (uint32_t tool = 0; tool < 5; tool++)
        for (uint32_t route = 0; route < 5; route++)
            assert_int_equal(route_allowed(tool, route), allowed[tool][route]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_part_leaves_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(encodes_and_sorts, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_bad_declarations, setup, teardown),
        cmocka_unit_test_setup_teardown(classes_bound_what_a_tool_may_use, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
