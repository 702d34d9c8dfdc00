/* test_json.c - strictness, exactness, and arenas of base/json.c.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/json_path.h"

static struct arena a;

static int setup(void **state)
{
    (void)state;
    arena_init(&a, 8 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&a, 0);
    return 0;
}

static kmcp_json *parse(const char *text)
{
    return json_parse(&a, text, strlen(text), JSON_UNIQUE, NULL);
}

static void refuses(void **state)
{
    static const struct {
        const char *text, *what;
    } rows[] = {
        { "", "ends too early" },
        { "{", "expected a member name" },
        { "[1,]", "unexpected character" },
        { "{\"a\":1,}", "expected a member name" },
        { "{} x", "trailing bytes" },
        { "nul", "unexpected character" },
        { "01", "trailing bytes" },
        { "+1", "unexpected character" },
        { "1.", "bad number" },
        { "1e", "bad number" },
        { "1e999", "number out of range" },
        { "\"\x01\"", "control character" },
        { "\"\\x\"", "bad escape" },
        { "\"\\u12\"", "bad \\u escape" },
        { "\"\\ud800\"", "lone surrogate" },
        { "\"\\udc00\"", "lone surrogate" },
        { "\"\xff\"", "bad UTF-8" },
        { "\"\xc0\x80\"", "bad UTF-8" },
        { "\"\xed\xa0\x80\"", "bad UTF-8" },
        { "{\"a\":1,\"a\":2}", "occurs twice" },
        { "[{\"a\":1,\"b\":0,\"a\":2}]", "occurs twice" },
        { "\"abc", "unfinished" },
    };
    struct json_error error;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(json_parse(&a, rows[i].text, strlen(rows[i].text), JSON_UNIQUE, &error));
        assert_has(error.what, rows[i].what);
    }
}

static void round_trips(void **state)
{
    static const char *const rows[] = {
        "null",
        "true",
        "-1",
        "0.5",
        "\"\\\"\\\\\\n\"",
        "[]",
        "{}",
        "[1,[2,{\"a\":[]}]]",
        "9007199254740992",
        "9007199254740993",
        "-9223372036854775808",
        "123456789012345678901234567890",
        "\"\\u0000\"",
        "\"\xc3\xa9\xe2\x80\x99\"",
        "{\"A\":1,\"a\":2}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(json_text(&a, parse(rows[i])), rows[i]);
    assert_string_equal(json_canonical(&a, parse("{\"b\":{\"y\":1,\"x\":2},\"a\":[{\"d\":1,\"c\":2}]}")),
                        "{\"a\":[{\"c\":2,\"d\":1}],\"b\":{\"x\":2,\"y\":1}}");
}

static void keeps_integers_exact(void **state)
{
    int64_t n = 0;

    (void)state;
    assert_true(json_int(parse("9007199254740993"), &n));
    assert_int_equal(n, INT64_C(9007199254740993));
    assert_true(json_int(parse("1.0"), &n));
    assert_int_equal(n, 1);
    assert_false(json_int(parse("1.5"), &n));
    assert_false(json_int(parse("9223372036854775808"), &n));
    assert_string_equal(json_text(&a, json_integer(&a, INT64_MIN)), "-9223372036854775808");
    assert_string_equal(json_text(&a, json_copy(&a, parse("[9007199254740993]"))), "[9007199254740993]");
    assert_false(json_equal(parse("9007199254740993"), parse("9007199254740994")));
}

static void is_case_sensitive(void **state)
{
    (void)state;
    assert_null(json_get(parse("{\"a\":1}"), "A"));
    assert_non_null(json_get(parse("{\"a\":1}"), "a"));
}

static void bounds_depth(void **state)
{
    char text[300];

    (void)state;
    memset(text, '[', JSON_DEPTH);
    memset(text + JSON_DEPTH, ']', JSON_DEPTH);
    assert_non_null(json_parse(&a, text, 2 * JSON_DEPTH, 0, NULL));
    memset(text, '[', JSON_DEPTH + 1);
    assert_null(json_parse(&a, text, 2 * JSON_DEPTH + 2, 0, NULL));
}

static void replaces_nul_for_upstream(void **state)
{
    const kmcp_json *value = json_parse(&a, "\"x\\u0000y\"", 10, JSON_NUL_REPLACED, NULL);

    (void)state;
    assert_string_equal(json_str(value), "x\xEF\xBF\xBDy");
    assert_string_equal(json_str(parse("\"x\\u0000y\"")), "x\xC0\x80y");
    assert_string_equal(json_str(parse("\"\\\\u0000\"")), "\\u0000");
}

static void finds_raw_members(void **state)
{
    static const char text[] = "{\"x\":{\"id\":5},\"id\" : \"\\u0031\" ,\"y\":[2]}";
    const char *start;
    size_t len;

    (void)state;
    assert_true(json_raw_member(text, sizeof text - 1, "id", &start, &len));
    assert_int_equal(len, 8);
    assert_memory_equal(start, "\"\\u0031\"", 8);
    assert_false(json_raw_member(text, sizeof text - 1, "z", &start, &len));
}

static void builds_and_copies_what_has_a_parent(void **state)
{
    kmcp_json *object = json_object(&a), *list = json_array(&a), *item = json_string(&a, "v");

    (void)state;
    assert_true(json_append(&a, list, item));
    assert_true(json_append(&a, list, item)); /* has a parent already: copied */
    assert_true(json_set(&a, object, "list", list));
    assert_true(json_set(&a, object, "again", json_get(object, "list")));
    assert_true(json_set(&a, object, "list", json_integer(&a, 1))); /* replaced */
    assert_false(json_set(&a, object, "x", NULL));
    assert_string_equal(json_text(&a, object), "{\"list\":1,\"again\":[\"v\",\"v\"]}");
    assert_string_equal(json_text(&a, json_string(&a, "a\xff")), "\"a\xEF\xBF\xBD\"");
    assert_string_equal(json_text(&a, json_number(&a, 1.0 / 0.0)), "null");
}

static void stops_at_the_ceiling(void **state)
{
    struct arena small;
    struct json_error error;
    char text[4001];

    (void)state;
    arena_init(&small, 2000);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? '1' : ',';
    text[0] = '[';
    text[sizeof text - 1] = ']';
    assert_null(json_parse(&small, text, sizeof text, 0, &error));
    assert_string_equal(error.what, "out of memory");
    arena_release(&small, 1);
}

static const char *projected(const char *text, const char *fields)
{
    static struct buf out;

    buf_free(&out);
    buf_init(&out, 1 << 20);
    return json_project(&out, text, strlen(text), fields, false, NULL) ? out.data : NULL;
}

static void projects(void **state)
{
    char many[400];
    static const char object[] = " {\"a\":1,\"b\":[{\"a\":1}],\"c\":2}";
    struct buf top = { .max = 1000 };

    (void)state;
    assert_string_equal(projected("[{\"a\":1,\"b\":{\"a\":[{}]},\"c\":\"x\\\"\"},{},{\"b\":2}]", "a c"),
                        "[{\"a\":1,\"c\":\"x\\\"\"},{},{}]");
    assert_string_equal(
        projected("{\"count\":2,\"w\":{\"results\":[ {\"a\" : {\"b\":1} , \"b\":2} ]},\"next\":null}", "b"),
        "{\"count\":2,\"w\":{\"results\":[ {\"b\":2} ]},\"next\":null}");
    assert_string_equal(projected("[1,\"{\",[{\"a\":1}]]", "b"), "[1,\"{\",[{\"a\":1}]]");
    assert_string_equal(projected(" {\"a\":1} ", "b"), " {\"a\":1} ");
    buf_reset(&top);
    assert_true(json_project(&top, object, strlen(object), "b", true, NULL));
    assert_string_equal(top.data, " {\"b\":[{\"a\":1}]}");
    buf_free(&top);
    /* what is passed over is checked all the same */
    assert_string_equal(projected("[{\"device\\u005fid\":1,\"b\":2}]", "device_id"),
                        "[{\"device\\u005fid\":1}]"); /* the same name, written otherwise */
    for (int i = 0; i < 97; i++)
        snprintf(many + 4 * i, sizeof many - 4 * (size_t)i, "%03d ", i);
    assert_string_equal(projected("[{\"096\":1}]", many), "[{\"096\":1}]");
    assert_null(projected("[{\"a\":1,\"b\":tru}]", "a"));
    assert_null(projected("[{\"a\":1,\"b\":\"\xff\"}]", "a"));
    assert_null(projected("[{\"a\":1}", "a"));
    assert_null(projected("[{\"a\":1}] x", "a"));
    assert_null(projected("[{\"a\":1,}]", "a"));
}

/* Strings of every length around the scanner's eight-byte steps, with each special byte at each place. */
static void scans_every_place(void **state)
{
    static const char special[] = { '"', '\\', 0x1F, (char)0xFF, 0x7F, ' ' };
    char text[64];

    (void)state;
    for (size_t len = 1; len < 26; len++)
        for (size_t at = 0; at < len; at++)
            for (size_t k = 0; k < sizeof special; k++) {
                int n = snprintf(text, sizeof text, "[\"%.*s\"]", (int)len, "xxxxxxxxxxxxxxxxxxxxxxxxxx");

                text[2 + at] = special[k];
                assert_int_equal(json_parse(&a, text, (size_t)n, 0, NULL) != NULL, k >= 4);
            }
}

static void a_path_leads_to_a_value(void **state)
{
    static const struct {
        const char *field, *value; /* NULL: none */
    } rows[] = {
        { "a", "1" },          { "o.b", "2" },
        { "o.c.d", "3" },      { "l.0", "\"x\"" },
        { "l.1.e", "4" },      { "l.1.m.1", "6" },
        { "z|o.b", "2" },      { "l.0.e|l.1.e", "4" },
        { "e.0.e", NULL },     { "l.2", NULL },
        { "l.e", NULL },       { "l.-1", NULL },
        { "l.0000000", NULL }, { "l.18446744073709551616", NULL },
        { "a.b", NULL },       { "o.0", NULL },
        { "z", NULL },
    };
    const kmcp_json *row = parse(
        "{\"a\":1,\"o\":{\"b\":2,\"c\":{\"d\":3}},\"l\":[\"x\",{\"e\":4,\"m\":[5,6]}],\"e\":[]}");

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const kmcp_json *value = json_path(row, rows[i].field);

        if (!value != !rows[i].value || (value && strcmp(json_text(&a, value), rows[i].value) != 0))
            fail_msg("%s: %s", rows[i].field, value ? json_text(&a, value) : "(none)");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(round_trips, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_integers_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(is_case_sensitive, setup, teardown),
        cmocka_unit_test_setup_teardown(bounds_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(replaces_nul_for_upstream, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_raw_members, setup, teardown),
        cmocka_unit_test_setup_teardown(builds_and_copies_what_has_a_parent, setup, teardown),
        cmocka_unit_test_setup_teardown(stops_at_the_ceiling, setup, teardown),
        cmocka_unit_test_setup_teardown(projects, setup, teardown),
        cmocka_unit_test_setup_teardown(scans_every_place, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_leads_to_a_value, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
