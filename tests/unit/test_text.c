/* test_text.c - outside text.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"

static void neutralises(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "plain", "plain" },
        { "Ana\xE2\x80\x99s Mac", "Ana\xE2\x80\x99s Mac" },
        { "a\x1b[31mb", "a\xEF\xBF\xBD[31mb" },
        { "a\xE2\x80\xAE"
          "b",
          "a\xEF\xBF\xBD"
          "b" },
        { "a\xE2\x80\x8B"
          "b",
          "ab" },
        { "a\nb\tc", "a\nb\tc" },
        { "a\uFE00\uFE0F\u180B\u180F\u17B4\u17B5\u2065\U0001D173\U0001D17A\U000E0100z", "az" },
        { "a\xff"
          "b",
          "a\xEF\xBF\xBD"
          "b" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out;

        buf_init(&out, 1000);
        assert_true(text_neutral(&out, rows[i].in, strlen(rows[i].in)));
        assert_string_equal(out.data, rows[i].out);
        assert_int_equal(text_needs_neutral(rows[i].in, strlen(rows[i].in)),
                         strcmp(rows[i].in, rows[i].out) != 0);
        buf_free(&out);
    }
}

static void knows_names_and_uuids(void **state)
{
    (void)state;
    assert_true(text_is_uuid("6ce9a0bc-1f73-4e3b-9a10-0123456789ab"));
    assert_false(text_is_uuid("6ce9a0bc-1f73-4e3b-9a10-0123456789a"));
    assert_false(text_is_uuid("6ce9a0bc-1f73-4e3b-9a10-0123456789abc"));
    assert_false(text_is_uuid("6ce9a0bc_1f73-4e3b-9a10-0123456789ab"));
    assert_true(text_is_name("list_devices", 64));
    assert_false(text_is_name("List", 64));
    assert_false(text_is_name("1a", 64));
    assert_false(text_is_name("", 64));
    assert_false(text_is_name("abc", 2));
    assert_non_null(text_casestr("The MacBook", "macb"));
    assert_null(text_casestr("The MacBook", "macx"));
    assert_int_equal(text_codepoints("a\xC3\xA9"), 2);
}

static void a_failed_buffer_stays_failed(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 8);
    assert_false(buf_puts(&b, "more than eight"));
    assert_false(buf_putc(&b, 'x'));
    assert_true(b.failed);
    assert_int_equal(b.len, 0);
    buf_free(&b);
}

static void a_line_of_others(void **state)
{
    static const struct {
        const char *text, *line, *quoted;
        size_t max;
    } cases[] = {
        { "plain", "plain", "plain", SIZE_MAX },
        { "a\nb\tc", "a b c", "a b c", SIZE_MAX },
        { "say \"x\" \\", "say \"x\" \\", "say \\\"x\\\" \\\\", SIZE_MAX },
        { "\x1b[31mred", "\xEF\xBF\xBD[31mred", "\xEF\xBF\xBD[31mred", SIZE_MAX },
        { "\xC3\xA4\xC3\xA4\xC3\xA4", "\xC3\xA4\xC3\xA4...", "\xC3\xA4\xC3\xA4...", 2 },
        { "\xC3\xA4\"", "\xC3\xA4\"", "\xC3\xA4\\\"", 2 },
        { "a\xE2\x80\x8B"
          "b",
          "ab", "ab", SIZE_MAX },
        { "", "", "", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b;

        buf_init(&b, 1000);
        assert_true(text_line(&b, cases[i].text, cases[i].max, false));
        assert_string_equal(b.data ? b.data : "", cases[i].line);
        buf_reset(&b);
        assert_true(text_line(&b, cases[i].text, cases[i].max, true));
        assert_string_equal(b.data ? b.data : "", cases[i].quoted);
        buf_free(&b);
    }
}

static void hides_the_token_in_every_spelling(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = { { "{\"a\":\"to/ken-1\"}", "{\"a\":\"********\"}" },
                 { "\"to\\/ken-1\"", "\"*********\"" },
                 { "\"x\\u0074o/\\u006Ben-\\u0031y\"", "\"x***********************y\"" },
                 { "\"\\\\to\\/ken-1\\\\\"", "\"\\\\*********\\\\\"" },
                 { "\"\\\\u0074o\\/ken-1\"", "\"\\\\u0074o\\/ken-1\"" }, /* decoded it is another text */
                 { "\"to\\nken-1 \\u00e9 to\\/ken-\"", "\"to\\nken-1 \\u00e9 to\\/ken-\"" },
                 { "\\u00", "\\u00" },
                 { "\\", "\\" } };
    char text[100];

    (void)state;
    log_never("to/ken-1");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, "%s", rows[i].in);
        log_hide(text, strlen(text));
        assert_string_equal(text, rows[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neutralises),
        cmocka_unit_test(knows_names_and_uuids),
        cmocka_unit_test(a_failed_buffer_stays_failed),
        cmocka_unit_test(a_line_of_others),
        cmocka_unit_test(hides_the_token_in_every_spelling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
