/* test_tenant.c - where the token may travel.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "client/tenant.h"

static void accepts(const char *keys, const char *url)
{
    struct config c;
    struct tenant t;
    char text[500];

    snprintf(text, sizeof text, "[tenant]\n%s\n", keys);
    assert_true(config_parse(&c, "t.ini", text, strlen(text)));
    if (!tenant_read(&t, &c))
        fail_msg("%s: %s", keys, c.error);
    assert_string_equal(t.base_url, url);
    config_free(&c);
}

static void refuses(const char *keys, const char *why)
{
    struct config c;
    struct tenant t;
    char text[500];

    snprintf(text, sizeof text, "[tenant]\n%s\n", keys);
    assert_true(config_parse(&c, "t.ini", text, strlen(text)));
    assert_false(tenant_read(&t, &c));
    assert_has(c.error, why);
    config_free(&c);
}

static void builds_the_host(void **state)
{
    (void)state;
    unsetenv("KANDJI_SUBDOMAIN");
    unsetenv("KANDJI_REGION");
    accepts("subdomain = acme", "https://acme.api.kandji.io");
    accepts("subdomain = acme\nregion = us", "https://acme.api.kandji.io");
    accepts("subdomain = acme\nregion = EU", "https://acme.api.eu.kandji.io");
    accepts("base_url = http://127.0.0.1:8443/", "http://127.0.0.1:8443");
    accepts("base_url = http://[::1]:1", "http://[::1]:1");
    accepts("base_url = https://acme.api.iru.com", "https://acme.api.iru.com");
    setenv("KANDJI_SUBDOMAIN", "fromenv", 1);
    setenv("KANDJI_REGION", "Eu", 1);
    accepts("timeout = 30", "https://fromenv.api.eu.kandji.io");
    accepts("subdomain = ini", "https://ini.api.eu.kandji.io");
    accepts("subdomain = ini\nregion = us", "https://ini.api.kandji.io");
    setenv("KANDJI_REGION", "mars", 1);
    refuses("subdomain = acme", "region \"mars\" (from KANDJI_REGION) is unknown; it is us or eu");
    unsetenv("KANDJI_SUBDOMAIN");
    unsetenv("KANDJI_REGION");
}

static void refuses_everything_else(void **state)
{
    (void)state;
    refuses("subdomain = acme\nregion = xx", "t.ini:3: region \"xx\" is unknown; it is us or eu");
    refuses("subdomain = acme.evil.org", "name alone");
    refuses("subdomain = a/b", "name alone");
    refuses("subdomain = a@b", "name alone");
    refuses("subdomain = -a", "name alone");
    refuses("timeout = 5", "no tenant");
    refuses("base_url = http://example.org", "plain http only on this machine");
    refuses("base_url = http://127.0.0.1.evil.org", "plain http only on this machine");
    refuses("base_url = http://localhost.evil.org", "plain http only on this machine");
    refuses("base_url = http://user@127.0.0.1", "plain http only on this machine");
    refuses("base_url = https://a.org/path", "scheme, host and port alone");
    refuses("base_url = https://u:p@a.org", "scheme, host and port alone");
    refuses("base_url = ftp://a.org", "must begin with https://");
    refuses("base_url = https://a.org\nregion = us", "exclude each other");
    refuses("subdomain = a\ntoken = abc", "may not stand in this file");
    refuses("subdomain = a\ntoken_file = /x\ntoken_command = y", "exclude each other");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_the_host),
        cmocka_unit_test(refuses_everything_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
