/* test_trust.c - the walk to the root.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "base/trust.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[64], sub[80], file[100], real[PATH_MAX], why[600];

static int setup(void **state)
{
    FILE *f;

    (void)state;
    snprintf(base, sizeof base, "/tmp/kmcp-trust-XXXXXX");
    assert_non_null(mkdtemp(base));
    snprintf(sub, sizeof sub, "%s/sub", base);
    snprintf(file, sizeof file, "%s/file", sub);
    mkdir(sub, 0755);
    f = fopen(file, "w");
    assert_non_null(f);
    fclose(f);
    chmod(file, 0644);
    return 0;
}

static int teardown(void **state)
{
    char link[100];

    (void)state;
    snprintf(link, sizeof link, "%s/link", base);
    unlink(link);
    unlink(file);
    rmdir(sub);
    rmdir(base);
    return 0;
}

static bool trusted(const char *path)
{
    return trust_file(path, real, sizeof real, why, sizeof why);
}

static void believes_what_only_we_can_change(void **state)
{
    (void)state;
    if (!trusted(file)) /* /tmp itself is sticky, which is allowed */
        fail_msg("%s", why);
    assert_string_equal(real, file);
}

static void names_the_offender_and_the_remedy(void **state)
{
    (void)state;
    chmod(file, 0664);
    assert_false(trusted(file));
    assert_has(why, file);
    assert_has(why, "its group; chmod go-w it");
    chmod(file, 0644);
    chmod(sub, 0777);
    assert_false(trusted(file));
    assert_has(why, "everybody; chmod go-w it");
    assert_lacks(why, "/file\"");
    chmod(sub, 01777); /* sticky: others cannot replace our file in it */
    assert_true(trusted(file));
    chmod(sub, 0755);
    assert_false(trusted(sub));
    assert_has(why, "not a regular file");
    if (geteuid() == 0) {
        assert_int_equal(chown(sub, 12345, (gid_t)-1), 0);
        assert_false(trusted(file));
        assert_has(why, "belongs to uid 12345");
        assert_int_equal(chown(sub, 0, (gid_t)-1), 0);
    }
}

static void follows_links_to_what_is_really_there(void **state)
{
    char link[100];

    (void)state;
    snprintf(link, sizeof link, "%s/link", base);
    assert_int_equal(symlink(file, link), 0);
    assert_true(trusted(link));
    assert_string_equal(real, file);
    chmod(file, 0666);
    assert_false(trusted(link));
    unlink(link);
    assert_false(trusted(link));
    assert_has(why, "does not exist");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(believes_what_only_we_can_change, setup, teardown),
        cmocka_unit_test_setup_teardown(names_the_offender_and_the_remedy, setup, teardown),
        cmocka_unit_test_setup_teardown(follows_links_to_what_is_really_there, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
