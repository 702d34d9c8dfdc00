/* test_words.c - values that callers know by another name than the API's.  SPDX-License-Identifier:
 * Apache-2.0 */
#include "query/words.h"
#include "test.h"

static const struct kmcp_column columns[] = {
    { "platform", "device__family|platform", "family", KMCP_COLUMN_TEXT, 0 },
    { "other", "other", "other", KMCP_COLUMN_TEXT, 0 },
    { "status", "status", NULL, KMCP_COLUMN_TEXT, 0 },
};

static const struct kmcp_query query = {
    .struct_size = sizeof query,
    KMCP_COLUMNS(columns),
    .words = "platform:AppleTV=tvOS platform:Mac=Mac status:sent=2 status:failed=4 status:not_now=5",
};

/* "what rows are compared with, what may be left to the API" */
static const char *said(struct arena *a, const struct kmcp_query *q, const char *text)
{
    struct failure f = { .rc = KMCP_OK };
    struct condition c;

    assert_int_equal(condition_parse(q, a, text, 0, &c, &f), KMCP_OK);
    assert_true(words_of_condition(q, a, &c));
    assert_true(!c.operand.is || strcmp(c.operand.text, c.text) == 0);
    return arena_format(a, "%s, %s", c.text, c.api ? c.api : "nothing");
}

static void callers_are_understood(void **state)
{
    struct kmcp_query none = query;
    struct arena a;

    (void)state;
    none.words = NULL;
    arena_init(&a, 1 << 16);
    assert_string_equal(said(&a, &query, "platform = AppleTV"), "AppleTV, tvOS");
    assert_string_equal(said(&a, &query, "platform = appletv"), "AppleTV, tvOS");
    assert_string_equal(said(&a, &query, "platform != appletv"), "AppleTV, nothing");
    assert_string_equal(said(&a, &query, "platform = MAC"), "Mac, Mac"); /* as the API spells it */
    assert_string_equal(said(&a, &query, "platform = AppleTVs"), "AppleTVs, AppleTVs");
    assert_string_equal(said(&a, &query, "platform = tvOS"),
                        "AppleTV, tvOS"); /* nor is the API's word wrong */
    assert_string_equal(said(&a, &query, "platform ~ apple"), "apple, nothing");
    assert_string_equal(said(&a, &query, "platform ="), ", ");
    assert_string_equal(said(&a, &query, "other ~ AppleTV"), "AppleTV, AppleTV");
    assert_string_equal(said(&a, &none, "platform = AppleTV"), "AppleTV, AppleTV");
    assert_string_equal(said(&a, &query, "status = failed"), "failed, 4");
    assert_string_equal(said(&a, &query, "status = 4"), "failed, 4");
    assert_string_equal(said(&a, &query, "status = 44"), "44, 44");
    arena_release(&a, 0);
}

static void answers_say_it_the_callers_way(void **state)
{
    static const char *const rows[][2] = {
        { "{\"device__family\":\"tvOS\",\"other\":\"tvOS\"}",
          "{\"device__family\":\"AppleTV\",\"other\":\"tvOS\"}" },
        { "{\"platform\":\"tvOS\"}", "{\"platform\":\"AppleTV\"}" },
        { "{\"device__family\":\"iPad\"}", "{\"device__family\":\"iPad\"}" },
        { "{\"device__family\":null,\"x\":1}", "{\"device__family\":null,\"x\":1}" },
        { "{\"device__family\":{\"tvOS\":\"tvOS\"}}", "{\"device__family\":{\"tvOS\":\"tvOS\"}}" },
        { "{\"status\":4}", "{\"status\":\"failed\"}" },
        { "{\"status\":\"5\"}", "{\"status\":\"not_now\"}" },
        { "{\"status\":44}", "{\"status\":44}" },
        { "{\"status\":4.5}", "{\"status\":4.5}" },
        { "{}", "{}" },
    };
    struct kmcp_query none = query;
    struct arena a;

    (void)state;
    none.words = NULL;
    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kmcp_json *row = json_parse(&a, rows[i][0], strlen(rows[i][0]), 0, NULL);

        assert_true(words_to_caller(&none, &a, row));
        assert_string_equal(json_text(&a, row), rows[i][0]);
        assert_true(words_to_caller(&query, &a, row));
        assert_string_equal(json_text(&a, row), rows[i][1]);
    }
    arena_release(&a, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(callers_are_understood),
                                        cmocka_unit_test(answers_say_it_the_callers_way) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
