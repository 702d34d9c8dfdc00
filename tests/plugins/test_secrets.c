/* test_secrets.c - plugins/secrets against the fake host.  SPDX-License-Identifier: Apache-2.0 */
#include "secrets.c"
#include "test.h"
#include "fakehost.h"
#include "fleet_data.h"

#define ARGS "{\"device_id\":\"" ID "\",\"reason\":\"ticket 7\",\"confirm\":true}"
#define KEY  DEVICE "/secrets/filevaultkey"

static void run_in(const char *record, const char *key, kmcp_rc rc)
{
    struct fakehost h;

    fakehost_init(&h, &kmcp_plugin_v1);
    fakehost_answer(&h, "GET", DEVICE, 200, record);
    fakehost_answer(&h, "GET", KEY, 200, key);
    assert_int_equal(fakehost_plan(&h, "get_filevault_key", ARGS), KMCP_OK);
    assert_has(h.sentence, "Ana's Mac");
    assert_has(h.sentence, "ticket 7");
    assert_false(fakehost_sent(&h, "GET " KEY)); /* the plan does not look */
    assert_int_equal(fakehost_run(&h, "get_filevault_key", ARGS), rc);
    if (rc == KMCP_OK)
        assert_has(h.text, "FileVault recovery key of device " ID ": AAAA-BBBB.");
    else
        assert_has(h.failure, "no FileVault recovery key is escrowed");
    fakehost_free(&h);
}

static void reveals_in_both_shapes(void **state)
{
    (void)state;
    run_in(REAL("Mac"), "{\"key\":\"AAAA-BBBB\"}", KMCP_OK);
    run_in(SEED("Mac"), "{\"filevault_key\":\"AAAA-BBBB\"}", KMCP_OK);
    run_in(REAL("Mac"), "{\"key\":null}", KMCP_E_NOTFOUND);
}

static void macs_only(void **state)
{
    struct fakehost h;

    (void)state;
    fakehost_init(&h, &kmcp_plugin_v1);
    fakehost_answer(&h, "GET", DEVICE, 200, REAL("iPad"));
    assert_int_equal(fakehost_plan(&h, "get_filevault_key", ARGS), KMCP_E_CONFLICT);
    fakehost_free(&h);
}

static void reads_the_others(void **state)
{
    static const struct {
        const char *secret, *part, *body, *text;
    } cases[] = {
        { "unlock_pin", "unlockpin", "{\"pin\":\"192746\"}", "unlock PIN of device " ID ": 192746." },
        { "recovery_password", "recoverypassword", "{\"recovery_password\":\"abc\"}",
          "password of device " ID ": abc." },
        { "bypass_code", "bypasscode", "{\"user_based_albc\":null,\"device_based_albc\":\"X-Y\"}",
          "device-based activation lock bypass code of device " ID ": X-Y." },
        { "bypass_code", "bypasscode", "{\"user_based_albc\":\"U\",\"device_based_albc\":\"X-Y\"}",
          "user-based activation lock bypass code of device " ID ": U." },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[200], args[300];
        struct fakehost h;

        fakehost_init(&h, &kmcp_plugin_v1);
        snprintf(path, sizeof path, DEVICE "/secrets/%s", cases[i].part);
        fakehost_answer(&h, "GET", DEVICE, 200, REAL("Mac"));
        fakehost_answer(&h, "GET", path, 200, cases[i].body);
        snprintf(args, sizeof args,
                 "{\"device_id\":\"" ID "\",\"secret\":\"%s\",\"reason\":\"ticket 7\",\"confirm\":true}",
                 cases[i].secret);
        assert_int_equal(fakehost_plan(&h, "get_device_secret", args), KMCP_OK);
        assert_int_equal(fakehost_run(&h, "get_device_secret", args), KMCP_OK);
        assert_has(h.text, cases[i].text);
        fakehost_free(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reveals_in_both_shapes),
                                        cmocka_unit_test(reads_the_others), cmocka_unit_test(macs_only) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
