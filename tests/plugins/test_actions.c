/* test_actions.c - plugins/actions against the fake host.  SPDX-License-Identifier: Apache-2.0 */
#include "actions.c"
#include "test.h"
#include "fakehost.h"
#include "fleet_data.h"

static struct fakehost h;

static int setup(void **state)
{
    (void)state;
    fakehost_init(&h, &kmcp_plugin_v1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fakehost_free(&h);
    return 0;
}

static void plans_name_the_device_and_send_nothing(void **state)
{
    static const char *const shapes[] = { REAL("Mac"), SEED("Mac") };

    (void)state;
    for (uint32_t i = 0; i < kmcp_plugin_v1.n_tools; i++)
        for (size_t s = 0; s < 2; s++) {
            fakehost_answer(&h, "GET", DEVICE, 200, shapes[s]);
            assert_int_equal(fakehost_plan(&h, kmcp_plugin_v1.tools[i].name,
                                           "{\"device_id\":\"" ID "\",\"confirm\":true}"),
                             KMCP_OK);
            assert_has(h.sentence, "Ana's Mac");
            assert_has(h.sentence, "C02ABC");
            assert_has(h.sentence, "Ana <ana@x.org>");
            assert_has(h.sentence, "Sales");
            assert_string_equal(h.subjects[0],
                                "device " ID " Ana's Mac (serial C02ABC, user ana@x.org, blueprint Sales)");
            assert_int_equal(h.n_requests, 1);
            fakehost_free(&h);
            fakehost_init(&h, &kmcp_plugin_v1);
        }
}

static int states(const char *fact)
{
    for (int i = 0; i < h.n_facts; i++)
        if (strcmp(h.facts[i], fact) == 0)
            return 1;
    return 0;
}

/* Is anything said of NAME? */
static int says(const char *name)
{
    for (int i = 0; i < h.n_facts; i++)
        if (strncmp(h.facts[i], name, strlen(name)) == 0 && strchr(" ", h.facts[i][strlen(name)]))
            return 1;
    return 0;
}

/* What a record does not say is not the same as none. */
static void facts_are_what_is_known(void **state)
{
    static const struct {
        const char *members, *fact, *unsaid;
    } rows[] = {
        { "\"user\":\"\"", "user", NULL },
        { "\"user\":null", "user_name", NULL },
        { "\"user\":{\"name\":\"Ana\",\"email\":\"a@x\"}", "user a@x", NULL },
        { "\"user\":{\"name\":\"Ana\",\"email\":null}", "user", NULL },
        { "\"user_name\":\"Ana\",\"user_email\":\"a@x\"", "user a@x", NULL },
        { "\"user\":\"a@x\"", NULL, "user" },
        { "\"user\":[{\"email\":\"a@x\"}]", NULL, "user" },
        { "\"user\":{\"name\":\"Ana\"}", NULL, "user_name" },
        { "\"user\":{\"name\":\"Ana\",\"email\":5}", NULL, "user" },
        { "\"x\":1", NULL, "user" },
        { "\"tags\":[]", "tag", "user" },
        { "\"tags\":[\"a\",{\"name\":\"vip\"}]", "tag vip", "user" },
        { "\"tags\":null", NULL, "tag" },
        { "\"tags\":\"vip\"", NULL, "tag" },
        { "\"tags\":{\"name\":\"vip\"}", NULL, "tag" },
        { "\"tags\":[\"a\",{\"title\":\"vip\"}]", NULL, "tag" },
        { "\"tags\":[[\"vip\"]]", NULL, "tag" },
        { "\"blueprint_name\":null", "blueprint", "blueprint_id" },
        { "\"blueprint\":{\"name\":\"Lab\"}", NULL, "blueprint" },
        { "\"device_name\":7", NULL, "name" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char record[400];

        snprintf(record, sizeof record, "{\"device_id\":\"" ID "\",\"serial_number\":\"C02ABC\",%s}",
                 rows[i].members);
        fakehost_answer(&h, "GET", DEVICE, 200, record);
        assert_int_equal(fakehost_plan(&h, "restart_device", "{\"device_id\":\"" ID "\"}"), KMCP_OK);
        assert_true(states("serial C02ABC"));
        if (rows[i].fact && !states(rows[i].fact))
            fail_msg("%s does not state %s", rows[i].members, rows[i].fact);
        if (rows[i].unsaid && says(rows[i].unsaid))
            fail_msg("%s states %s", rows[i].members, rows[i].unsaid);
        fakehost_free(&h);
        fakehost_init(&h, &kmcp_plugin_v1);
    }
}

/* The serial number and what is lost come before anything that its user may have written. */
static void a_name_forges_no_sentence(void **state)
{
    static const char begins[] =
        "Erase the Mac with serial number C02ABC? Everything on it is lost. This cannot be "
        "undone. It is " ID ", \"x (user Bob, blueprint Lab). y";

    (void)state;
    fakehost_answer(&h, "GET", DEVICE, 200,
                    "{\"device_id\":\"" ID
                    "\",\"serial_number\":\"C02ABC\",\"platform\":\"Mac\",\"user\":\"\","
                    "\"device_name\":\"x (user Bob, blueprint Lab). y\"}");
    assert_int_equal(
        fakehost_plan(&h, "erase_device", "{\"device_id\":\"" ID "\",\"serial_number\":\"C02ABC\"}"),
        KMCP_OK);
    assert_int_equal(strncmp(h.sentence, begins, strlen(begins)), 0);
    assert_has(h.sentence, "y\" (user none, blueprint unknown).");
}

static void the_wrong_serial_is_refused(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", DEVICE, 200, REAL("Mac"));
    assert_int_equal(
        fakehost_plan(&h, "erase_device", "{\"device_id\":\"" ID "\",\"serial_number\":\"C02ABD\"}"),
        KMCP_E_ARG);
    assert_has(h.failure, "serial_number");
    assert_int_equal(
        fakehost_plan(&h, "delete_device", "{\"device_id\":\"" ID "\",\"serial_number\":\"c02abc\"}"),
        KMCP_OK);
    assert_has(h.sentence, "unenrolled");
}

static void platforms_that_cannot_are_refused(void **state)
{
    static const struct {
        const char *tool, *record;
        kmcp_rc rc;
    } rows[] = {
        { "lock_device", REAL("AppleTV"), KMCP_E_CONFLICT },
        { "lock_device", REAL("Windows"), KMCP_E_CONFLICT },
        { "lock_device", REAL("iPad"), KMCP_OK },
        { "restart_device", REAL("AppleTV"), KMCP_OK },
        { "restart_device", REAL("Android"), KMCP_E_CONFLICT },
        { "shutdown_device", REAL("AppleTV"), KMCP_E_CONFLICT },
        { "erase_device", REAL("Windows"), KMCP_OK },
        { "lock_device", REAL("Vision"), KMCP_OK },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fakehost_answer(&h, "GET", DEVICE, 200, rows[i].record);
        assert_int_equal(fakehost_plan(&h, rows[i].tool, "{\"device_id\":\"" ID "\"}"), rows[i].rc);
        if (strcmp(rows[i].tool, "erase_device") == 0)
            assert_has(h.sentence, "Erase the Windows PC with ");
        fakehost_free(&h);
        fakehost_init(&h, &kmcp_plugin_v1);
    }
}

static void sends_the_real_keys(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", DEVICE, 200, REAL("Mac"));
    fakehost_answer(&h, "POST", DEVICE "/action/lock", 200, "{\"PIN\":\"496406\"}");
    fakehost_answer(&h, "POST", DEVICE "/action/erase", 200, "");
    fakehost_answer(&h, "POST", DEVICE "/action/restart", 200, "");
    fakehost_answer(&h, "DELETE", DEVICE, 204, "");
    assert_int_equal(fakehost_run(&h, "lock_device",
                                  "{\"device_id\":\"" ID "\",\"message\":\"m\",\"phone_number\":\"1\"}"),
                     KMCP_OK);
    assert_string_equal(h.requests[1],
                        "POST " DEVICE "/action/lock {\"Message\":\"m\",\"PhoneNumber\":\"1\"}");
    assert_has(h.result, "\"pin_set\":true");
    assert_lacks(h.result, "496406");
    assert_lacks(h.text, "496406");
    assert_int_equal(fakehost_run(&h, "erase_device",
                                  "{\"device_id\":\"" ID "\",\"pin\":\"123456\",\"preserve_data_plan\":true,"
                                  "\"disallow_proximity_setup\":false}"),
                     KMCP_OK);
    assert_string_equal(h.requests[1],
                        "POST " DEVICE "/action/erase {\"PIN\":\"123456\",\"PreserveDataPlan\":true,"
                        "\"DisallowProximitySetup\":false}");
    assert_has(h.text, "queued");
    assert_lacks(h.text, "123456");
    assert_int_equal(fakehost_run(&h, "restart_device", "{\"device_id\":\"" ID "\"}"), KMCP_OK);
    assert_string_equal(h.requests[1], "POST " DEVICE "/action/restart");
    assert_int_equal(fakehost_run(&h, "delete_device", "{\"device_id\":\"" ID "\"}"), KMCP_OK);
    assert_string_equal(h.requests[1], "DELETE " DEVICE);
    assert_has(h.text, "gone from Kandji");
}

static void says_where_it_will_show(void **state)
{
    static const char *const platforms[] = { REAL("Android"), REAL("Windows"), REAL("iPad") };

    (void)state;
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++) {
        fakehost_answer(&h, "GET", DEVICE, 200, platforms[i]);
        fakehost_answer(&h, "POST", DEVICE "/action/erase", 200, "");
        assert_int_equal(fakehost_run(&h, "erase_device", "{\"device_id\":\"" ID "\"}"), KMCP_OK);
        assert_has(h.text, i < 2 ? "see get_device_activity" : "see get_device_commands");
        fakehost_free(&h);
        fakehost_init(&h, &kmcp_plugin_v1);
    }
}

static void understands_the_older_pin(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", DEVICE, 200, SEED("Mac"));
    fakehost_answer(&h, "POST", DEVICE "/action/lock", 200, "{\"unlock_pin\":\"496406\"}");
    fakehost_option(&h, "lock_message", "Call us");
    assert_int_equal(fakehost_run(&h, "lock_device", "{\"device_id\":\"" ID "\"}"), KMCP_OK);
    assert_has(h.requests[1], "{\"Message\":\"Call us\"}");
    assert_has(h.result, "\"pin_set\":true");
    assert_lacks(h.text, "496406");
}

static void passes_a_refusal_on(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", DEVICE, 200, REAL("Mac"));
    fakehost_answer(&h, "POST", DEVICE "/action/lock", 400, "\"This device is already locked.\"");
    assert_int_equal(fakehost_run(&h, "lock_device", "{\"device_id\":\"" ID "\"}"), KMCP_E_CONFLICT);
    assert_has(h.failure, "already locked");
}

#define SENT         INT64_C(1795687200000) /* 2026-11-26T10:00:00Z */
#define QUEUE        DEVICE "/commands"
#define HISTORY      DEVICE "/activity"
#define LOCKED(when) "{\"request_type\":\"DeviceLock\",\"date_requested\":\"" when "\"}"

static kmcp_rc resolved(const char *platform, int queue_status, const char *queue, const char *activity)
{
    kmcp_rc rc;

    fakehost_free(&h);
    fakehost_init(&h, &kmcp_plugin_v1);
    fakehost_answer(&h, "GET", DEVICE, 200, platform);
    fakehost_answer(&h, "GET", QUEUE, queue_status, queue);
    fakehost_answer(&h, "GET", HISTORY, 200, activity);
    rc = fakehost_resolve(&h, "lock_device", "{\"device_id\":\"" ID "\"}", SENT);
    return rc;
}

static void finds_out_what_became_of_it(void **state)
{
    static const char no[] = "\"Command is not allowed for current device\"",
                      none[] = "{\"device_id\":\"" ID "\",\"activity\":{\"count\":0,\"results\":[]}}",
                      seen[] = "{\"device_id\":\"" ID "\",\"activity\":{\"count\":1,\"results\":[{\"id\":1,"
                               "\"action_type\":\"mdm_command_completed\",\"details\":" LOCKED(
                                   "2026-11-26T10:00:02Z") "}]}}",
                      old[] = "{\"device_id\":\"" ID "\",\"activity\":{\"count\":1,\"results\":[{\"id\":1,"
                              "\"details\":" LOCKED("2026-11-26T09:00:00Z") "}]}}";

    (void)state;
    assert_int_equal(resolved(REAL("Mac"), 200,
                              "{\"device_id\":\"" ID "\",\"commands\":{\"count\":1,\"results\":[" LOCKED(
                                  "2026-11-26T10:00:02Z") "]}}",
                              none),
                     KMCP_HAPPENED);
    assert_has(h.text, "queue holds a DeviceLock");
    assert_int_equal(resolved(REAL("Mac"), 200,
                              "{\"device_id\":\"" ID "\",\"commands\":{\"count\":0,\"results\":[]}}", seen),
                     KMCP_NOT_SEEN); /* the queue tells */
    assert_int_equal(resolved(REAL("Android"), 400, no, seen), KMCP_HAPPENED);
    assert_has(h.text, "activity shows a DeviceLock");
    assert_true(resolved(REAL("Android"), 400, no, none) < 0); /* not carried out yet, or never received */
    assert_true(resolved(REAL("Android"), 400, no, old) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plans_name_the_device_and_send_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(facts_are_what_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_forges_no_sentence, setup, teardown),
        cmocka_unit_test_setup_teardown(the_wrong_serial_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(platforms_that_cannot_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(sends_the_real_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(says_where_it_will_show, setup, teardown),
        cmocka_unit_test_setup_teardown(understands_the_older_pin, setup, teardown),
        cmocka_unit_test_setup_teardown(passes_a_refusal_on, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_out_what_became_of_it, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
