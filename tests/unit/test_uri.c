/* test_uri.c - resource URIs, their templates, and base64.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "base/base64.h"
#include "base/uri.h"

static void knows_templates(void **state)
{
    static const struct {
        const char *uri, *why;
    } rows[] = { { "fleet://report", NULL },
                 { "fleet://devices/{device_id}", NULL },
                 { "fleet://devices/{id}/apps/{app}", NULL },
                 { "urn:a:b", NULL },
                 { "report", "scheme" },
                 { "1a://x", "scheme" },
                 { "fleet://a{id}", "one whole part" },
                 { "fleet:///{id}x", "one whole part" },
                 { "fleet:///{}", "one whole part" },
                 { "fleet:///{+id}", "one whole part" },
                 { "fleet:///{id", "one whole part" },
                 { "fleet://a b", "percent-encoded" },
                 { "fleet://\xc3\xa9", "percent-encoded" },
                 { "fleet://%zz", "percent-encoded" } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *why = uri_template_fault(rows[i].uri);

        if (rows[i].why)
            assert_has(why, rows[i].why);
        else
            assert_null(why);
    }
}

static void matches_parts(void **state)
{
    static const struct {
        const char *template, *uri, *vars;
    } rows[] = { { "t://a/{x}/b", "t://a/1/b", "{\"x\":\"1\"}" },
                 { "t://a/{x}/{y}", "t://a/1/%C3%A9%20", "{\"x\":\"1\",\"y\":\"\xc3\xa9 \"}" },
                 { "t://a/{x}", "t://a/%2525", "{\"x\":\"%25\"}" }, /* decoded once */
                 { "t://a/{x}/b", "t://a//b", NULL },
                 { "t://a/{x}/b", "t://a/../b", NULL },
                 { "t://a/{x}/b", "t://a/%2e%2E/b", NULL },
                 { "t://a/{x}/b", "t://a/./b", NULL },
                 { "t://a/{x}", "t://a/%2F", NULL },
                 { "t://a/{x}", "t://a/%5C", NULL },
                 { "t://a/{x}", "t://a/%00", NULL },
                 { "t://a/{x}", "t://a/%0a", NULL },
                 { "t://a/{x}", "t://a/%ff", NULL },
                 { "t://a/{x}", "t://a/%4", NULL },
                 { "t://a/{x}", "t://a/1/2", NULL },
                 { "t://a/{x}", "t://a/1?q", NULL },
                 { "t://a/{x}/b", "t://a/1", NULL },
                 { "t://a", "t://A", NULL } };
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kmcp_json *vars = uri_match(&a, rows[i].template, rows[i].uri);

        if (rows[i].vars)
            assert_string_equal(json_text(&a, vars), rows[i].vars);
        else
            assert_null(vars);
    }
    arena_release(&a, 0);
}

static void judges_uris(void **state)
{
    (void)state;
    assert_true(uri_is_valid("a+b.c-d:x"));
    assert_true(uri_is_valid("https://[::1]:8/a?b=c#d%20"));
    assert_false(uri_is_valid(""));
    assert_false(uri_is_valid(":x"));
    assert_false(uri_is_valid("a:"));
    assert_false(uri_is_valid("a:b c"));
    assert_false(uri_is_valid("a:{x}"));
    assert_false(uri_is_valid("a:%4"));
}

static void carries_bytes(void **state)
{
    static const char *const pairs[][2] = { { "", "" },
                                            { "f", "Zg==" },
                                            { "fo", "Zm8=" },
                                            { "foo", "Zm9v" },
                                            { "foob", "Zm9vYg==" },
                                            { "fooba", "Zm9vYmE=" },
                                            { "\xff\xfe", "//4=" } };
    static const char *const bad[] = { "Z",    "Zg",   "Zg=",      "Zg===",  "Zh==", "Zm9=",
                                       "Z*==", "=g==", "Zg==Zg==", "Zm9v\n", "Zm 9" };
    char out[64];

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t len = strlen(pairs[i][0]);

        assert_int_equal(base64_encode(pairs[i][0], len, out), BASE64_LEN(len));
        assert_string_equal(out, pairs[i][1]);
        assert_int_equal(base64_decode(pairs[i][1], strlen(pairs[i][1]), out), len);
        assert_memory_equal(out, pairs[i][0], len);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(base64_decode(bad[i], strlen(bad[i]), out) == (size_t)-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(knows_templates), cmocka_unit_test(matches_parts),
                                        cmocka_unit_test(judges_uris), cmocka_unit_test(carries_bytes) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
