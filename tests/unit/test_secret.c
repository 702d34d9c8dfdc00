/* test_secret.c - where the token may come from.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "base/clock.h"
#include "base/secret.h"

#include <sys/stat.h>
#include <unistd.h>

static char path[40];

static void put(const char *text, mode_t mode)
{
    FILE *f;

    snprintf(path, sizeof path, "/tmp/kmcp-token-%ld", (long)getpid());
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(path, mode);
}

static void reads_a_private_file(void **state)
{
    struct secret s;
    char why[300];

    (void)state;
    put("abc-123\n", 0600);
    assert_true(secret_from_file(&s, path, why, sizeof why));
    assert_string_equal(s.text, "abc-123");
    secret_free(&s);
    put("abc-123\n", 0644);
    assert_false(secret_from_file(&s, path, why, sizeof why));
    assert_has(why, "chmod 600");
    assert_lacks(why, "abc-123");
    put("two\nlines", 0600);
    assert_false(secret_from_file(&s, path, why, sizeof why));
    assert_lacks(why, "two");
    put("\n", 0600);
    assert_false(secret_from_file(&s, path, why, sizeof why));
    assert_has(why, "is empty");
    unlink(path);
    assert_false(secret_from_file(&s, path, why, sizeof why));
}

static void runs_a_command(void **state)
{
    struct secret s;
    char why[300];
    int64_t start = clock_ms();

    (void)state;
    assert_true(secret_from_command(&s, "printf 'tok\\n'", 5000, why, sizeof why));
    assert_string_equal(s.text, "tok");
    secret_free(&s);
    assert_false(secret_from_command(&s, "exit 3", 5000, why, sizeof why));
    assert_has(why, "exit 3");
    assert_false(secret_from_command(&s, "sleep 20", 200, why, sizeof why));
    assert_has(why, "gave no token");
    assert_true(clock_ms() - start < 15000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_private_file),
        cmocka_unit_test(runs_a_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
