/* test_devices.c - plugins/devices against the fake host, in both shapes.  SPDX-License-Identifier:
 * Apache-2.0 */
#include "devices.c"
#include "test.h"
#include "fakehost.h"
#include "fleet_data.h"

static struct fakehost h;

static void begin(void)
{
    static struct devices devices;

    devices.lacks_enrolment = 0;
    fakehost_init(&h, &kmcp_plugin_v1);
    h.state = &devices;
}

static int setup(void **state)
{
    (void)state;
    begin();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fakehost_free(&h);
    return 0;
}

static void run(const char *tool, const char *args)
{
    kmcp_rc rc = fakehost_run(&h, tool, args);

    if (rc != KMCP_OK)
        fail_msg("%s: %s", tool, h.failure);
}

static void lists_what_matches(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", "/api/v1/devices", 200, "[" REAL("Mac") "," OTHER "]");
    run("list_devices", "{\"platform\":\"Mac\",\"user\":\"ana@\",\"tag\":\"VIP\"}");
    assert_string_equal(h.requests[0], "GET /api/v1/devices?user_email=ana@");
    assert_has(h.text, "1 devices\nAna's Mac\tC02ABC\tMac\t14.4.1\tana@x.org\t2026-11-24T10:00:00");
    run("list_devices", "{\"blueprint_id\":\"Sales\",\"where\":[\"user_email =\"]}"); /* a name, not an id */
    assert_has(h.question, "\"where\":[\"user_email =\",\"blueprint = Sales\"]");
    assert_has(h.question, "\"blueprint_id\":\"\"");
    run("list_devices", "{\"filevault_enabled\":true}");
    assert_string_equal(h.requests[0], "GET /api/v1/devices?filevault_enabled=true");
    assert_int_equal(fakehost_run(&h, "list_devices", "{\"filevault_enabled\":true,\"platform\":\"iPad\"}"),
                     KMCP_E_ARG);
}

static void a_name_finds_one_or_candidates(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", "/api/v1/devices", 200, "[" REAL("Mac") "]");
    fakehost_answer(&h, "GET", DEVICE "/details", 403, "no");
    run("get_device", "{\"device_id\":\"Ana's Mac\"}");
    assert_has(h.text, "serial_number: C02ABC\n");
    fakehost_free(&h);
    begin();
    fakehost_answer(&h, "GET", "/api/v1/devices", 200,
                    "[{\"device_id\":\"" ID
                    "\",\"device_name\":\"Lab 1\",\"serial_number\":\"X1\"},{\"device_id\":\"" ID2
                    "\",\"device_name\":\"Lab 1\",\"serial_number\":\"X2\"}]");
    assert_int_equal(fakehost_run(&h, "get_device", "{\"device_id\":\"Lab 1\"}"), KMCP_E_CONFLICT);
    assert_has(h.failure, "2 devices are named \"Lab 1\"; use the id of one: " ID ", serial X1");
    assert_has(h.failure, ID2 ", serial X2");
}

/* Names need not look unlike serial numbers: "ACME-001" is one, and so is one that is no ASCII. */
static void any_name_finds_its_device(void **state)
{
    static const char *const names[] = { "ACME-001", "\xe5\xa4\xaa\xe9\x83\x8e" };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char rows[300], args[100];

        fakehost_free(&h);
        begin();
        snprintf(rows, sizeof rows,
                 "[{\"device_id\":\"" ID "\",\"device_name\":\"%s\",\"serial_number\":\"X1\"}]", names[i]);
        snprintf(args, sizeof args, "{\"device_id\":\"%s\"}", names[i]);
        fakehost_answer(&h, "GET", "/api/v1/devices", 200, rows);
        fakehost_answer(&h, "GET", DEVICE "/details", 403, "no");
        run("get_device", args);
        assert_has(h.text, "serial_number: X1\n");
    }
    assert_int_equal(fakehost_run(&h, "get_device", "{\"device_id\":\"ACME-002\"}"), KMCP_E_NOTFOUND);
    assert_has(h.failure, "device \"ACME-002\" not found; list_devices finds users");
    assert_has(h.failure, "parts of names unless redact_pii is on");
}

static void a_device_without_a_queue_says_where_to_look(void **state)
{
    static const char args[] = "{\"device_id\":\"" ID "\"}";

    (void)state;
    fakehost_answer(&h, "GET", DEVICE "/commands", 400, "\"Command is not allowed for current device\"");
    fakehost_answer(&h, "GET", DEVICE, 200, REAL("Android"));
    assert_int_equal(fakehost_run(&h, "get_device_commands", args), KMCP_E_CONFLICT);
    assert_has(h.failure, "have no command queue; get_device_activity shows");
    fakehost_free(&h);
    begin();
    fakehost_answer(&h, "GET", DEVICE "/commands", 400, "\"no\"");
    fakehost_answer(&h, "GET", DEVICE, 200, REAL("Mac"));
    assert_int_equal(fakehost_run(&h, "get_device_commands", args), KMCP_E_CONFLICT);
    assert_lacks(h.failure, "have no command queue");
}

static void another_devices_record_is_refused(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", "/api/v1/devices/" ID2, 200, REAL("Mac"));
    assert_int_equal(fakehost_run(&h, "get_device", "{\"device_id\":\"" ID2 "\"}"), KMCP_E_UPSTREAM);
    assert_has(h.failure, "is not that device's record");
}

static void rubbish_is_no_healthy_device(void **state)
{
    static const char *const bodies[] = { "{}", "null", "[{\"device_id\":1}]", "\"x\"",
                                          "{\"error\":\"maintenance\"}" };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        fakehost_answer(&h, "GET", DEVICE, 200, REAL("Mac"));
        fakehost_answer(&h, "GET", DEVICE "/status", 200, bodies[i]);
        fakehost_answer(&h, "GET", DEVICE "/details", 200, bodies[i]);
        assert_int_equal(fakehost_run(&h, "get_device_status", "{\"device_id\":\"" ID "\"}"),
                         KMCP_E_UPSTREAM);
        if (*bodies[i] != '{')
            assert_int_equal(fakehost_run(&h, "get_device_details", "{\"device_id\":\"" ID "\"}"),
                             KMCP_E_UPSTREAM);
        fakehost_free(&h);
        begin();
    }
}

static void compliance_counts_what_applies(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", "/api/v1/devices", 200,
                    "[" REAL("iPhone") "," OTHER ",{\"device_id\":\"gone\",\"platform\":\"Mac\"}]");
    fakehost_answer(&h, "GET", DEVICE "/status", 200,
                    "{\"library_items\":[{\"name\":\"A\",\"status\":\"PASS\"},{\"name\":\"C\",\"status\":"
                    "\"INCOMPATIBLE\"}],"
                    "\"parameters\":[]}");
    fakehost_answer(&h, "GET", "/api/v1/devices/" ID2 "/status", 200,
                    "{\"library_items\":[{\"name\":\"B\",\"status\":\"failed\",\"type\":\"profile\"}],"
                    "\"parameters\":[{\"name\":"
                    "\"P\",\"status\":\"ERROR\"}]}");
    fakehost_answer(&h, "GET", "/api/v1/devices/gone/status", 404, "no");
    run("get_compliance_summary", "{}");
    assert_has(h.text, "3 of 3 devices");
    assert_has(h.text, "1 without a known state");
    assert_has(h.text, "iPhone\t1\t0\t0\t1\t0"); /* what is incompatible with it is no failure */
    assert_has(h.text, "B\tprofile\t1");
    assert_has(h.text, "P\tparameter\t1");
    run("get_compliance_summary", "{\"blueprint_id\":\"Nope\"}");
    assert_has(h.text, "0 of 0 devices, as of 20");
    assert_has(h.text, "no device is of that platform, blueprint and tag");
}

static void finds_by_serial_number(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", "/api/v1/devices", 200, "[" OTHER "," REAL("Mac") "]");
    fakehost_answer(
        &h, "GET", DEVICE "/details", 200,
        "{\"mdm\":{\"supervised\":\"True\"},\"automated_device_enrollment\":{\"auto_enrolled\":false}}");
    run("get_device", "{\"device_id\":\"c02abc\"}"); /* contains OTHER too: only the exact one counts */
    assert_has(h.result, "\"is_supervised\":true");
    assert_has(h.result, "\"is_dep_enrolled\":false");
    assert_has(h.result, "\"user_email\":\"ana@x.org\"");
    assert_has(h.text, "serial_number: C02ABC\n");
    assert_int_equal(fakehost_run(&h, "get_device", "{\"device_id\":\"NONE\"}"), KMCP_E_NOTFOUND);
    assert_has(h.failure, "list_devices");
    assert_int_equal(fakehost_run(&h, "get_device", "{\"device_id\":\"../x\"}"), KMCP_E_ARG);
    assert_int_equal(h.n_requests, 0);
}

static void two_devices_with_one_serial_are_candidates(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", "/api/v1/devices", 200,
                    "[{\"device_id\":\"" ID "\",\"serial_number\":\"X1\"},{\"device_id\":\"" ID2
                    "\",\"serial_number\":\"X1\"}]");
    assert_int_equal(fakehost_run(&h, "get_device", "{\"device_id\":\"X1\"}"), KMCP_E_CONFLICT);
    assert_has(h.failure, ID);
    assert_has(h.failure, ID2);
}

static void reads_the_flat_shape(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", DEVICE, 200, SEED("Mac"));
    run("get_device", "{\"device_id\":\"" ID "\"}");
    assert_has(h.result, "\"user_name\":\"Ana\"");
    assert_has(h.result, "\"is_supervised\":true");
    assert_int_equal(h.n_requests, 1); /* it says so itself: no details needed */
}

static void a_record_stands_without_its_details(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", DEVICE, 200, REAL("iPad"));
    fakehost_answer(&h, "GET", DEVICE "/details", 403, "no");
    run("get_device", "{\"device_id\":\"" ID "\"}");
    assert_lacks(h.result, "is_supervised");
}

static void status_knows_what_does_not_apply(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", DEVICE, 200, REAL("iPad"));
    fakehost_answer(
        &h, "GET", DEVICE "/status", 200,
        "{\"library_items\":[{\"name\":\"A\",\"status\":\"PASS\"},{\"name\":\"B\",\"status\":\"failed\","
        "\"type\":\"profile\"},"
        "{\"name\":\"C\",\"status\":\"INCOMPATIBLE\"},{\"name\":\"D\",\"status\":\"NEW\"}],"
        "\"parameters\":[{\"name\":\"P\",\"status\":\"ERROR\"},{\"name\":\"Q\",\"status\":\"REMEDIATED\"}]}");
    run("get_device_status", "{\"device_id\":\"" ID "\"}");
    assert_has(h.result, "\"library_items\":{\"good\":1,\"failed\":1,\"not_applicable\":1,\"other\":1}");
    assert_has(h.result, "\"parameters\":{\"good\":1,\"failed\":1}");
    assert_has(h.result, "{\"name\":\"B\",\"status\":\"failed\",\"kind\":\"profile\"}");
    assert_has(h.result, "{\"name\":\"P\",\"status\":\"ERROR\",\"kind\":\"parameter\"}");
}

static void a_uuid_needs_no_looking_up(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", "/api/v1/devices/abcdefab-1111-4111-8111-111111111111/apps", 200,
                    "{\"apps\":[{\"app_name\":\"Mail\",\"version\":\"1\"}]}");
    run("get_device_apps", "{\"device_id\":\"ABCDEFAB-1111-4111-8111-111111111111\"}");
    assert_int_equal(h.n_requests, 1);
    assert_string_equal(h.requests[0], "GET /api/v1/devices/abcdefab-1111-4111-8111-111111111111/apps");
}

static void details_by_section(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", DEVICE, 200, REAL("Mac"));
    fakehost_answer(
        &h, "GET", DEVICE "/details", 200,
        "{\"general\":{\"model\":\"M\",\"empty\":\"\"},\"volumes\":[{\"name\":\"d\"}],\"lost_mode\":{}}");
    run("get_device_details", "{\"device_id\":\"" ID "\"}");
    assert_has(h.result, "\"general\":{\"model\":\"M\"}");
    assert_has(h.result, "\"volumes_count\":1");
    run("get_device_details", "{\"device_id\":\"" ID "\",\"section\":\"volumes\"}");
    assert_has(h.result, "\"volumes\":[{\"name\":\"d\"}]");
    assert_int_equal(
        fakehost_run(&h, "get_device_details", "{\"device_id\":\"" ID "\",\"section\":\"lost_mode\"}"),
        KMCP_E_NOTFOUND);
}

static void apps_of_every_platform(void **state)
{
    static const char *const bodies[] = {
        ("{\"device_id\":\"x\",\"apps\":[{\"app_name\":\"Mail\",\"version\":\"1\",\"bundle_id\":\"m\","
         "\"source\":\"Apple\"}]}"),
        "[{\"display_name\":\"Mail\",\"version_name\":\"1\",\"package_name\":\"m\"}]",
        "{\"apps\":[{\"name\":\"Mail\",\"version\":\"1\",\"product_code\":\"m\"}]}",
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        fakehost_answer(&h, "GET", DEVICE, 200, REAL("Mac"));
        fakehost_answer(&h, "GET", DEVICE "/apps", 200, bodies[i]);
        run("get_device_apps", "{\"device_id\":\"" ID "\",\"name\":\"mai\"}");
        assert_has(h.text, "1 apps\nMail\t1");
        fakehost_free(&h);
        begin();
    }
}

static void history_is_newest_first(void **state)
{
    (void)state;
    fakehost_answer(&h, "GET", DEVICE, 200, REAL("Mac"));
    fakehost_answer(
        &h, "GET", DEVICE "/commands", 200,
        "{\"device_id\":\"x\",\"commands\":{\"count\":3,\"next\":null,\"results\":["
        "{\"request_type\":\"A\",\"status\":1,\"date_requested\":\"2026-01-01T00:00:00Z\"},"
        "{\"request_type\":\"C\",\"status\":4,\"date_requested\":\"2026-03-01T00:00:00Z\",\"error_chain\":"
        "[{\"us_english_description\":\"bad luck\"}]},"
        "{\"request_type\":\"B\",\"status\":3,\"date_requested\":\"2026-02-01T00:00:00Z\",\"date_completed\":"
        "\"x\"}]}}");
    run("get_device_commands", "{\"device_id\":\"" ID "\"}");
    assert_has(h.question, "\"sort\":\"-requested\""); /* the host sorts, and says states in words */
    assert_has(h.text, "2026-03-01T00:00:00Z\tC\t4\t\tbad luck");
    assert_has(h.text, "2026-02-01T00:00:00Z\tB\t3\tx\t");
    run("get_device_commands", "{\"device_id\":\"" ID "\",\"request_type\":\"c\"}");
    assert_has(h.text, "1 commands\n2026-03-01T00:00:00Z\tC");
    fakehost_answer(&h, "GET", DEVICE "/activity", 200,
                    "[{\"created_at\":\"2026-01-01\",\"action_type\":\"old\"},{\"created_at\":\"2026-02-01\","
                    "\"action_type\":\"new\","
                    "\"details\":{\"from\":\"a\"}}]");
    run("get_device_activity", "{\"device_id\":\"" ID "\",\"limit\":1}");
    assert_has(h.question, "\"sort\":\"-time\""); /* the host sorts */
    assert_has(h.text, "2026-02-01\tnew\t\t\t\t{\"from\":\"a\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_what_matches, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_finds_one_or_candidates, setup, teardown),
        cmocka_unit_test_setup_teardown(any_name_finds_its_device, setup, teardown),
        cmocka_unit_test_setup_teardown(a_device_without_a_queue_says_where_to_look, setup, teardown),
        cmocka_unit_test_setup_teardown(another_devices_record_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(rubbish_is_no_healthy_device, setup, teardown),
        cmocka_unit_test_setup_teardown(compliance_counts_what_applies, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_by_serial_number, setup, teardown),
        cmocka_unit_test_setup_teardown(two_devices_with_one_serial_are_candidates, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_the_flat_shape, setup, teardown),
        cmocka_unit_test_setup_teardown(a_record_stands_without_its_details, setup, teardown),
        cmocka_unit_test_setup_teardown(status_knows_what_does_not_apply, setup, teardown),
        cmocka_unit_test_setup_teardown(a_uuid_needs_no_looking_up, setup, teardown),
        cmocka_unit_test_setup_teardown(details_by_section, setup, teardown),
        cmocka_unit_test_setup_teardown(apps_of_every_platform, setup, teardown),
        cmocka_unit_test_setup_teardown(history_is_newest_first, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
