/* test_policy.c - rules, windows and what comes before them.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <unistd.h>
#include "policy/caps.h"

static struct config config;
static struct policy policy;

static void load(const char *text)
{
    config_free(&config);
    policy_free(&policy);
    if (!config_parse(&config, "test.ini", text, strlen(text)) || !policy_read(&policy, &config))
        fail_msg("%s", config.error);
}

static void refuses(const char *text, const char *why)
{
    config_free(&config);
    policy_free(&policy);
    assert_false(config_parse(&config, "test.ini", text, strlen(text)) && policy_read(&policy, &config));
    assert_has(config.error, why);
}

static const char *const kinds[] = { "device", "device" }, *const ids[] = { "id-1", "id-2" };
static const struct policy_fact facts[] = {
    { 0, "serial", "C02AAA" },     { 0, "name", "Ana's Mac" },  { 0, "user", "ana@example.com" },
    { 0, "blueprint", "Finance" }, { 0, "platform", "Mac" },    { 0, "tag", "vip" },
    { 0, "tag", "loaner" },        { 1, "serial", "C02BBB" },   { 1, "user", "" },
    { 1, "blueprint", "Loaners" }, { 1, "platform", "iPhone" }, { 1, "tag", "" },
};
/* a Tuesday, 10:00 UTC */
#define TUESDAY INT64_C(1795514400000)

static struct policy_case of(const char *tool, kmcp_safety safety, size_t n_subjects)
{
    return (struct policy_case){ tool,    "http:ana", "http",
                                 safety,  n_subjects, kinds,
                                 ids,     facts,      sizeof facts / sizeof *facts,
                                 TUESDAY, NULL };
}

static const char *ruling(struct policy_case c)
{
    static char text[120];
    struct policy_ruling r;

    policy_rule_on(&policy, &c, &r);
    snprintf(text, sizeof text, "%s %s", policy_verdict_name(r.verdict), r.rule);
    if (r.verdict == POLICY_DENY)
        assert_true(r.why[0] != '\0');
    return text;
}

static void first_match_decides(void **state)
{
    (void)state;
    load("[policy]\nread_only = no\n"
         "[rule vip]\ntags = vip\nthen = approve\n"
         "[rule loaners]\nblueprints = Loaners, Spare*\nclasses = DESTROY\nthen = allow\n"
         "[rule phones]\nplatforms = iPhone, iPad\nthen = deny\nbecause = phones are Bob's\n"
         "[rule finance]\nblueprints = finance\nthen = deny\n");
    assert_string_equal(ruling(of("erase_device", KMCP_DESTROY, 1)), "approve rule vip");
    struct policy_case second = of("erase_device", KMCP_DESTROY, 1);
    struct policy_fact other[5];

    for (int i = 0; i < 5; i++) {
        other[i] = facts[7 + i];
        other[i].subject = 0;
    }
    second.facts = other;
    second.n_facts = 5;
    assert_string_equal(ruling(second), "allow rule loaners");
    second.safety = KMCP_WRITE;
    assert_string_equal(ruling(second), "deny rule phones");
    /* of two devices the stricter ruling counts */
    assert_string_equal(ruling(of("lock_device", KMCP_WRITE, 2)), "deny rule phones");
    assert_string_equal(ruling(of("list_devices", KMCP_READ, 0)), "allow default");
}

static void what_was_not_said_does_not_allow(void **state)
{
    struct policy_case c = of("lock_device", KMCP_WRITE, 1);

    (void)state;
    c.n_facts = 0;
    load("[rule ok]\nblueprints = Loaners\nthen = allow\n");
    assert_string_equal(ruling(c), "default default");
    load("[rule no]\nblueprints = Loaners\nthen = deny\n");
    assert_string_equal(ruling(c), "deny rule no");
    load("[policy]\nprotected_users = boss@example.com\n");
    assert_string_equal(ruling(c), "deny protected");
    /* "no user" is said, and is not the boss */
    c = of("lock_device", KMCP_WRITE, 1);
    assert_string_equal(ruling(c), "default default");
}

static void protected_and_frozen_come_first(void **state)
{
    char path[] = "/tmp/kmcp-freeze-XXXXXX", text[200];
    int fd = mkstemp(path);

    (void)state;
    close(fd);
    load("[policy]\nprotected_devices = c02aaa\n[rule all]\nthen = allow\n");
    assert_string_equal(ruling(of("erase_device", KMCP_DESTROY, 1)), "deny protected");
    assert_string_equal(ruling(of("get_device", KMCP_READ, 0)), "allow default");
    load("[policy]\nprotected_users = *@example.com\n[rule all]\nthen = allow\n");
    assert_string_equal(ruling(of("erase_device", KMCP_DESTROY, 1)), "deny protected");
    load("[policy]\nprotected_tags = loaner\n[rule all]\nthen = allow\n");
    assert_string_equal(ruling(of("erase_device", KMCP_DESTROY, 1)), "deny protected");
    load("[policy]\nfreeze = yes\n[rule all]\nthen = allow\n");
    assert_string_equal(ruling(of("erase_device", KMCP_DESTROY, 1)), "deny freeze");
    snprintf(text, sizeof text, "[policy]\nfreeze_file = %s\n[rule all]\nthen = allow\n", path);
    load(text);
    assert_string_equal(ruling(of("erase_device", KMCP_DESTROY, 1)), "deny freeze");
    unlink(path);
    assert_string_equal(ruling(of("erase_device", KMCP_DESTROY, 1)), "allow rule all");
    load("[policy]\nfreeze_file = /dev/null/x\n[rule all]\nthen = allow\n"); /* doubtful */
    assert_string_equal(ruling(of("erase_device", KMCP_DESTROY, 1)), "deny freeze");
}

/* What WORDS of protected_devices make of a device called NAME. */
static bool protects(const char *words, const char *name)
{
    const struct policy_fact fact = { 0, "name", name };
    struct policy_case c = of("lock_device", KMCP_WRITE, 1);
    char text[300];

    c.facts = &fact;
    c.n_facts = 1;
    snprintf(text, sizeof text, "[policy]\nprotected_devices = %s\n", words);
    load(text);
    return strcmp(ruling(c), "deny protected") == 0;
}

static void names_are_compared_as_people_do(void **state)
{
    (void)state;
    assert_true(protects("J\u00FCrgen M\u00FCller", "J\u00DCRGEN m\u00DCller"));
    assert_true(protects("M\u00FCllers Mac", "Mu\u0308llers Mac")); /* a file system's way to spell it */
    assert_true(protects("mU\u0308llers*", "M\u00DCLLERS MAC"));
    assert_true(protects("\u0141\u00F3d\u017A", "\u0142\u00D3D\u0179"));
    assert_true(protects("\u0391\u03B8\u03AE\u03BD\u03B1", "\u03B1\u03B8\u03B7\u0301\u03BD\u03B1"));
    assert_true(protects("\u041E\u043B\u0451\u0433", "\u043E\u041B\u0435\u0308\u0413"));
    assert_true(protects("stra\u00DFe", "STRASSE"));
    assert_true(protects("\uD55C\uAE00", "\u1112\u1161\u11AB\u1100\u1173\u11AF"));
    assert_false(protects("M\u00FCller", "Muller"));
    assert_false(protects("M\u00FCller", "M\u00F6ller"));
    assert_true(protects("lab *", "  Lab 1 "));
    assert_true(protects("'Ana\u2019s Mac, old', other", "ana\u2019s mac, OLD"));
    assert_true(protects("x, 'Ana's, or Bob's' , y", "ana's, or bob's"));
    assert_true(protects("x, 'Ana's, or Bob's' , y", "Y"));
    assert_true(protects("' spare ', x", "spare"));
    assert_true(protects("'tis, x", "'tis"));
    assert_true(protects("'tis, x", "x"));
    assert_false(protects("'a, b'", "a"));
}

static void callers_and_readers(void **state)
{
    (void)state;
    load("[rule ana]\nprincipals = http:ana\ntools = lock_*\nthen = allow\n"
         "[rule rest]\nprincipals = http:*\nthen = deny\n"
         "[rule look]\nclasses = READ\ntools = get_device_details\nthen = deny\n");
    assert_string_equal(ruling(of("lock_device", KMCP_WRITE, 1)), "allow rule ana");
    assert_string_equal(ruling(of("erase_device", KMCP_DESTROY, 1)), "deny rule rest");
    assert_string_equal(ruling(of("get_device_details", KMCP_READ, 0)), "deny rule look");
    assert_string_equal(ruling(of("get_device", KMCP_READ, 0)), "allow default");
}

static void windows_know_their_zone(void **state)
{
    struct policy_case c = of("lock_device", KMCP_WRITE, 1);

    (void)state;
    load("[rule day]\nwhen = Mon-Fri 08:00-18:00 UTC\nthen = allow\n[rule else]\nthen = deny\n");
    assert_string_equal(ruling(c), "allow rule day");
    c.now_ms = TUESDAY + 8 * 3600000; /* 18:00 */
    assert_string_equal(ruling(c), "deny rule else");
    c.now_ms = TUESDAY + 4 * 86400000; /* Saturday */
    assert_string_equal(ruling(c), "deny rule else");
    load("[rule night]\nwhen = Tue 22:00-06:00 +02:00\nthen = allow\n[rule else]\nthen = deny\n");
    c.now_ms = TUESDAY + 10 * 3600000; /* Tuesday 22:00 there */
    assert_string_equal(ruling(c), "allow rule night");
    c.now_ms = TUESDAY + 17 * 3600000 + 3599999; /* Wednesday 05:59 there */
    assert_string_equal(ruling(c), "allow rule night");
    c.now_ms = TUESDAY + 18 * 3600000;
    assert_string_equal(ruling(c), "deny rule else");
    refuses("[rule a]\nwhen = 11:00-11:30 America/Argentina\nthen = deny\n", "is no time zone");
    refuses("[rule a]\nwhen = 11:00-11:30 leapseconds\nthen = deny\n", "is no time zone");
    refuses("[rule a]\nwhen = 11:00-11:30 Europe/Berlin/\nthen = deny\n", "is no time zone");
    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) != 0)
        return;
    setenv("TZDIR", "/nonexistent", 1); /* another place must not make another zone of it, nor UTC */
    load("[rule berlin]\nwhen = 11:00-11:30 Europe/Berlin\nthen = allow\n[rule else]\nthen = deny\n");
    c.now_ms = TUESDAY; /* winter: +1 */
    assert_string_equal(ruling(c), "allow rule berlin");
    c.now_ms = TUESDAY + INT64_C(240) * 86400000; /* summer: +2, so 12:00 */
    assert_string_equal(ruling(c), "deny rule else");
    c.now_ms -= 3600000;
    assert_string_equal(ruling(c), "allow rule berlin");
    unsetenv("TZDIR");
    c.now_ms = TUESDAY + INT64_C(2000) * 86400000; /* beyond what was read: not allowed */
    assert_string_equal(ruling(c), "deny rule else");
}

static void levels(void **state)
{
    (void)state;
    load("[policy]\nread_only = no\n");
    assert_int_equal(policy_level(&policy, POLICY_DEFAULT, KMCP_WRITE, true), LEVEL_CLIENT);
    assert_int_equal(policy_level(&policy, POLICY_DEFAULT, KMCP_WRITE, false), LEVEL_NONE);
    assert_int_equal(policy_level(&policy, POLICY_DEFAULT, KMCP_DESTROY, false), LEVEL_PERSON);
    assert_int_equal(policy_level(&policy, POLICY_DEFAULT, KMCP_REVEAL, true), LEVEL_CLIENT);
    assert_int_equal(policy_level(&policy, POLICY_ASK, KMCP_WRITE, false), LEVEL_PERSON);
    assert_int_equal(policy_level(&policy, POLICY_APPROVE, KMCP_WRITE, true), LEVEL_PERSON);
    assert_int_equal(policy_level(&policy, POLICY_TWO, KMCP_WRITE, true), LEVEL_TWO);
    load("[policy]\nunasked_destroy = yes\n");
    assert_int_equal(policy_level(&policy, POLICY_DEFAULT, KMCP_DESTROY, false), LEVEL_NONE);
    assert_int_equal(policy_level(&policy, POLICY_ASK, KMCP_DESTROY, false), LEVEL_PERSON);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    refuses("[rule a]\ntags = x\n", "test.ini:1: [rule a] needs then");
    refuses("[rule a]\nthen = maybe\n", "test.ini:2:");
    refuses("[rule a]\nclasses = Destroy\nthen = deny\n", "no safety class");
    refuses("[rule a]\ntags = ,\nthen = deny\n", "names nothing");
    refuses("[rule a]\nprincipals = http:ana, token:bob\nthen = deny\n",
            "\"token:bob\" can never be who asks");
    refuses("[rule a]\nprincipals = ana\nthen = deny\n", "can never be");
    refuses("[rule a]\nprincipals = http:\nthen = deny\n", "can never be");
    refuses("[rule a]\nprincipals = local:ana\nthen = deny\n", "local:UID(NAME)");
    refuses("[rule a]\nprincipals = local:1000\nthen = deny\n", "local:UID(NAME)");
    refuses("[rule a]\ntransports = stdio, ssh\nthen = deny\n", "\"ssh\" is no transport");
    load(
        "[rule a]\nprincipals = *, *ana*, HTTP:ana, h*, local:*, local:1000(ana), local:1000*, local:*(ana)\n"
        "transports = STDIO, command*, *\nthen = deny\n");
    refuses("[rule a]\ntags = *a*b*c*d\nthen = deny\n", "three *");
    refuses("[rule a]\nwhen = always\nthen = deny\n", "expected something like");
    refuses("[rule a]\nwhen = Mon 25:00-26:00 UTC\nthen = deny\n", "expected something like");
    refuses("[rule a]\nwhen = 08:00-18:00 Mars/Olympus\nthen = deny\n", "is no time zone");
    refuses("[rule a]\nwhen = 08:00-18:00 ../../etc/passwd\nthen = deny\n", "expected something like");
    refuses("[rule a]\nwhen = 09:00-17:00\nthen = deny\n", "test.ini:2: \"when\": the time zone is missing");
    refuses("[rule a]\nwhen = Mon 09:00-17:00, 18:00-19:00 \nthen = deny\n", "the time zone is missing");
    refuses("[rule a]\nclasses = READ\nthen = ask\n", "READ tools");
    refuses("[rule a]\nclasses = READ\ntags = vip\nthen = deny\n", "READ tools");
    refuses("[rule a]\nblueprint = x\nthen = deny\n", "test.ini:2: unknown key \"blueprint\" in [rule a]; "
                                                      "did you mean \"blueprints\"? docs/policy.md shows");
    refuses("[rule a]\nthn = deny\n", "did you mean \"then\"?");
    refuses("[cap a]\nlimits = 1\nper = day\n", "unknown key \"limits\" in [cap a]; did you mean \"limit\"?");
    refuses("[cap a]\nlimit = 1\nper = day\nxyzzyxyzzy = 1\n", "in [cap a]; docs/policy.md shows");
    refuses("[rule a]\nthen = approve-two\n", "approvers");
    refuses("[cap a]\nper = day\n", "either limit");
    refuses("[cap a]\nlimit = 1\n", "per = minute");
    refuses("[cap a]\nlimit = 1\npercent = 5\nper = day\n", "either limit");
    refuses("[cap a]\nlimit = 1\nper = day\neach = colour\n", "\"each\" must be");
    assert_true(policy.read_only && policy.freeze); /* half a policy allows nothing */
}

static void caps_tell_blueprints_apart(void **state)
{
    static const struct policy_fact same_name[] = {
        { 0, "blueprint", "Sales" }, { 0, "blueprint_id", "b-1" }, { 0, "blueprint_devices", "100" },
        { 1, "blueprint", "Sales" }, { 1, "blueprint_id", "b-2" }, { 1, "blueprint_devices", "100" }
    };
    struct policy_case c = of("lock_device", KMCP_WRITE, 2);
    struct caps_due due;
    char rule[80], why[400];

    (void)state;
    load("[policy]\nread_only = no\n[cap each]\nlimit = 3\nper = day\neach = blueprint\n"
         "[cap share]\npercent = 5\nper = day\n");
    c.facts = same_name;
    c.n_facts = sizeof same_name / sizeof *same_name;
    assert_true(caps_due(&policy, &c, &due, rule, why, sizeof why));
    assert_int_equal(due.n, 4);
    assert_string_equal(due.of[0].key, "cap:each:b-1");
    assert_string_equal(due.of[1].key, "cap:each:b-2");
    assert_int_equal(due.of[1].limit, 3);
    assert_int_equal(due.of[3].limit, 5);
    c = of("lock_device", KMCP_WRITE, 1); /* a plugin that knows no ids and no sizes */
    assert_false(caps_due(&policy, &c, &due, rule, why, sizeof why));
    assert_string_equal(rule, "cap share");
    assert_string_equal(due.of[0].key, "cap:each:Finance");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_match_decides),
        cmocka_unit_test(what_was_not_said_does_not_allow),
        cmocka_unit_test(callers_and_readers),
        cmocka_unit_test(protected_and_frozen_come_first),
        cmocka_unit_test(windows_know_their_zone),
        cmocka_unit_test(levels),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(caps_tell_blueprints_apart),
        cmocka_unit_test(names_are_compared_as_people_do),
    };
    int status;

    setenv("TZ", "Pacific/Auckland", 1); /* that of the process makes no difference to any window */
    status = cmocka_run_group_tests(tests, NULL, NULL);
    policy_free(&policy);
    config_free(&config);
    return status;
}
