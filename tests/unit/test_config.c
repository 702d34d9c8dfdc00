/* test_config.c - the INI: file:line for everything that is wrong, nothing cut.  SPDX-License-Identifier:
 * Apache-2.0 */
#include "test.h"
#include "base/config.h"

#include <sys/stat.h>
#include <unistd.h>

static void names_file_and_line(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        { "[a]\nx = 1\nx = 2\n", "t.ini:3: \"x\" is set a second time in [a] (first in line 2)" },
        { "[a]\nx = 1\n[b]\n[a]\n", "t.ini:4: section [a] is here a second time (first in line 1)" },
        { "x = 1\n", "t.ini:1: key \"x\" stands before any [section]" },
        { "[a]\n\nfoo\n", "t.ini:3: expected \"key = value\" or \"[section]\", got \"foo\"" },
        { "[a\n", "t.ini:1: a section line needs a closing ]" },
        { "[a] b\n", "t.ini:1: there is text after the section's ]" },
        { "[a]\nk = \"x\n", "t.ini:2: a value that begins with a double quote must end with one" },
        { "[a]\nk = \"x\" y\n", "t.ini:2: there is text after the closing double quote" },
        { "[a]\nk = \xff\n", "t.ini:2: the line is not UTF-8" },
        { "[a]\n = 5\n", "t.ini:2: there is no key before the =" },
    };
    struct config c;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(config_parse(&c, "t.ini", rows[i].text, strlen(rows[i].text)));
        assert_has(c.error, rows[i].error);
        config_free(&c);
    }
}

static void has_an_end(void **state)
{
    static char text[40000];
    struct config c;
    size_t at = (size_t)snprintf(text, sizeof text, "[a]\n");

    (void)state;
    for (int i = 0; i < 1001; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "k%d = 1\n", i);
    assert_false(config_parse(&c, "t.ini", text, at));
    assert_has(c.error, "t.ini:1002: more than 1000 keys");
    config_free(&c);
}

static void knows_home(void **state)
{
    static const char text[] = "[a]\nx = ~/token\ny = /etc/token\nz = token\nw = ~ana/token\n";
    struct config c;

    (void)state;
    setenv("HOME", "/home/of ana", 1);
    assert_true(config_parse(&c, "t.ini", text, strlen(text)));
    assert_string_equal(config_path(&c, "a", "x"), "/home/of ana/token");
    assert_string_equal(config_path(&c, "a", "x"), "/home/of ana/token");
    assert_string_equal(config_path(&c, "a", "y"), "/etc/token");
    assert_null(config_path(&c, "a", "none"));
    assert_string_equal(c.error, "");
    setenv("HOME", "relative", 1); /* then the user's own is taken */
    assert_null(config_path(&c, "a", "z"));
    assert_has(c.error, "t.ini:4: \"z\" in [a] is a path and must begin with / or ~/");
    c.error[0] = '\0';
    assert_null(config_path(&c, "a", "w"));
    assert_has(c.error, "t.ini:5:");
    config_free(&c);
}

static void takes_a_third_word(void **state)
{
    static const char text[] = "[a]\nx = maybe\ny = YES\nz = perhaps\n";
    struct config c;

    (void)state;
    assert_true(config_parse(&c, "t.ini", text, strlen(text)));
    assert_int_equal(config_bool_or(&c, "a", "x", false, "maybe"), CONFIG_THIRD);
    assert_int_equal(config_bool_or(&c, "a", "y", false, "maybe"), true);
    assert_int_equal(config_bool_or(&c, "a", "none", true, "maybe"), true);
    assert_int_equal(config_bool_or(&c, "a", "z", false, "maybe"), false);
    assert_string_equal(c.error, "t.ini:4: \"z\" must be yes, maybe or no, not \"perhaps\"");
    config_free(&c);
}

static void cuts_nothing(void **state)
{
    struct config c;
    char text[4000], value[3001];

    (void)state;
    memset(value, 'v', 3000);
    value[3000] = '\0';
    snprintf(text, sizeof text,
             "[tenant]\nlong = %s\nquoted = \" a ; b \"\nplain = x ; comment\n  indented = yes\n", value);
    assert_true(config_parse(&c, "t.ini", text, strlen(text)));
    assert_string_equal(config_str(&c, "tenant", "long", ""), value);
    assert_string_equal(config_str(&c, "tenant", "quoted", ""), " a ; b ");
    assert_string_equal(config_str(&c, "tenant", "plain", ""), "x");
    assert_true(config_bool(&c, "tenant", "indented", false));
    config_free(&c);
}

static void refuses_numbers_with_units(void **state)
{
    static const char *const values[] = { "abc", "5m", "-1", "", "1.5", "0x10", "99999999999999999999" };
    struct config c;
    char text[100];

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(text, sizeof text, "[cache]\ndevices = %s\n", values[i]);
        assert_true(config_parse(&c, "t.ini", text, strlen(text)));
        assert_int_equal(config_int(&c, "cache", "devices", 0, 86400, 300), 300);
        assert_has(c.error, "t.ini:2: \"devices\" must be a whole number from 0 to 86400");
        config_free(&c);
    }
}

static void every_key_must_be_meant(void **state)
{
    static const char *const known[] = { "tenant", "policy", NULL };
    struct config c;

    (void)state;
    assert_true(config_parse(&c, "t.ini", "[policy]\nread_onyl = no\n", 24));
    config_bool(&c, "policy", "read_only", true);
    assert_false(config_all_used(&c, known));
    assert_has(c.error, "t.ini:2: unknown key \"read_onyl\" in [policy]");
    config_free(&c);
    assert_true(config_parse(&c, "t.ini", "[tenat]\n[plugin x]\n", 19));
    assert_false(config_all_used(&c, known));
    assert_has(c.error, "t.ini:1: unknown section [tenat]; did you mean [tenant]?");
    config_free(&c);
}

static void checks_who_may_write_it(void **state)
{
    char path[] = "/tmp/kmcp-config-XXXXXX";
    int fd = mkstemp(path);
    struct config c;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "[a]\n", 4), 4);
    close(fd);
    assert_true(config_read(&c, path));
    config_free(&c);
    chmod(path, 0666);
    assert_false(config_read(&c, path));
    assert_has(c.error, "chmod go-w");
    config_free(&c);
    unlink(path);
    assert_false(config_read(&c, path));
    assert_has(c.error, "cannot be opened");
    config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_file_and_line),        cmocka_unit_test(knows_home),
        cmocka_unit_test(takes_a_third_word),         cmocka_unit_test(cuts_nothing),
        cmocka_unit_test(refuses_numbers_with_units), cmocka_unit_test(every_key_must_be_meant),
        cmocka_unit_test(checks_who_may_write_it),    cmocka_unit_test(has_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
