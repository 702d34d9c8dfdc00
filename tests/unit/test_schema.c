/* test_schema.c - every keyword that is enforced, and those that are refused.  SPDX-License-Identifier:
 * Apache-2.0 */
#include "test.h"
#include "base/schema.h"

static void enforces(void **state)
{
    static const struct {
        const char *schema, *value;
        int good;
    } rows[] = {
        { "{\"type\":\"string\"}", "\"x\"", 1 },
        { "{\"type\":\"string\"}", "1", 0 },
        { "{\"type\":\"integer\"}", "5.0", 1 },
        { "{\"type\":\"integer\"}", "5.5", 0 },
        { "{\"type\":\"number\"}", "5.5", 1 },
        { "{\"type\":\"null\"}", "null", 1 },
        { "{\"type\":[\"string\",\"null\"]}", "null", 1 },
        { "{\"type\":[\"string\",\"null\"]}", "false", 0 },
        { "{\"type\":\"boolean\"}", "\"true\"", 0 },
        { "{\"enum\":[1,\"a\",null]}", "null", 1 },
        { "{\"enum\":[1,\"a\"]}", "\"A\"", 0 },
        { "{\"const\":{\"a\":1}}", "{\"a\":1}", 1 },
        { "{\"const\":{\"a\":1}}", "{\"a\":2}", 0 },
        { "{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":1}", 0 },
        { "{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"b\":1}", 1 },
        { "{\"required\":[\"a\"]}", "{}", 0 },
        { "{\"required\":[\"a\"]}", "{\"a\":null}", 1 },
        { "{\"additionalProperties\":false}", "{\"a\":1}", 0 },
        { "{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1}", 1 },
        { "{\"additionalProperties\":{\"type\":\"string\"}}", "{\"a\":1}", 0 },
        { "{\"items\":{\"type\":\"string\"}}", "[\"a\",1]", 0 },
        { "{\"items\":{\"type\":\"string\"}}", "[\"a\"]", 1 },
        { "{\"prefixItems\":[{\"type\":\"string\"}],\"items\":false}", "[\"a\"]", 1 },
        { "{\"prefixItems\":[{\"type\":\"string\"}],\"items\":false}", "[\"a\",1]", 0 },
        { "{\"minItems\":1}", "[]", 0 },
        { "{\"maxItems\":1}", "[1,2]", 0 },
        { "{\"uniqueItems\":true}", "[1,1.0]", 0 },
        { "{\"uniqueItems\":true}", "[1,2]", 1 },
        { "{\"minLength\":2}", "\"\xC3\xA9\"", 0 },
        { "{\"maxLength\":1}", "\"\xC3\xA9\"", 1 },
        { "{\"maxLength\":1}", "\"ab\"", 0 },
        { "{\"minimum\":1}", "1", 1 },
        { "{\"minimum\":1}", "0", 0 },
        { "{\"maximum\":3}", "4", 0 },
        { "{\"exclusiveMinimum\":1}", "1", 0 },
        { "{\"exclusiveMaximum\":1}", "1", 0 },
        { "{\"multipleOf\":0.1}", "0.3", 1 },
        { "{\"multipleOf\":2}", "3", 0 },
        { "{\"pattern\":\"^[0-9]{6}$\"}", "\"123456\"", 1 },
        { "{\"pattern\":\"^[0-9]{6}$\"}", "\"12345a\"", 0 },
        { "{\"pattern\":\"^[]*?a-c]{2,3}(x|[[:digit:]]+)?$\"}", "\"*?x\"", 1 },
        { "{\"pattern\":\"^[]*?a-c]{2,3}(x|[[:digit:]]+)?$\"}", "\"]]]1234\"", 1 },
        { "{\"pattern\":\"^[]*?a-c]{2,3}(x|[[:digit:]]+)?$\"}", "\"a1\"", 0 },
        { "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "1", 0 },
        { "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "null", 1 },
        { "{\"oneOf\":[{\"minimum\":1},{\"minimum\":2}]}", "3", 0 },
        { "{\"oneOf\":[{\"minimum\":1},{\"minimum\":2}]}", "1", 1 },
        { "{\"allOf\":[{\"minimum\":1},{\"maximum\":2}]}", "3", 0 },
        { "{\"not\":{\"type\":\"string\"}}", "\"a\"", 0 },
        { "{\"$defs\":{\"x\":{\"type\":\"string\"}},\"properties\":{\"a\":{\"$ref\":\"#/$defs/x\"}}}",
          "{\"a\":1}", 0 },
        { "{\"title\":\"t\",\"description\":\"d\",\"default\":1,\"format\":\"uuid\"}", "\"no uuid\"", 1 },
    };
    struct arena a;
    char why[300];

    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct schema *s = schema_compile(rows[i].schema, why, sizeof why);

        if (!s)
            fail_msg("%s: %s", rows[i].schema, why);
        if (schema_check(s, json_parse(&a, rows[i].value, strlen(rows[i].value), 0, NULL), why, sizeof why) !=
            (rows[i].good != 0))
            fail_msg("%s against %s: %s", rows[i].value, rows[i].schema, why);
        schema_free(s);
    }
    arena_release(&a, 0);
}

static void names_whole_values(void **state)
{
    char schema[3000] = "{\"enum\":[\"value-0-of-many\"", why[1200];
    struct schema *few = schema_compile("{\"enum\":[\"a\",1]}", why, sizeof why), *many;
    const kmcp_json *value;
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    value = json_string(&a, "b");
    assert_false(schema_check(few, value, why, sizeof why));
    assert_string_equal(why, "the arguments must be one of \"a\", 1");
    for (int i = 1; i < 60; i++)
        snprintf(schema + strlen(schema), sizeof schema - strlen(schema), ",\"value-%d-of-many\"", i);
    many = schema_compile(strcat(schema, "]}"), why, sizeof why);
    assert_false(schema_check(many, value, why, sizeof why));
    assert_has(why, "-of-many\" and 2");
    assert_has(why, " more");
    schema_free(few);
    schema_free(many);
    arena_release(&a, 0);
}

static void refuses_what_it_would_not_enforce(void **state)
{
    static const struct {
        const char *schema, *why;
    } rows[] = {
        { "{\"patternProperties\":{}}", "keyword \"patternProperties\"" },
        { "{\"properties\":{\"a\":{\"dependentSchemas\":{}}}}",
          "keyword \"dependentSchemas\", which kmcp does not enforce, at /properties/a" },
        { "{\"if\":5}", "expected a schema at /if" },
        { "{\"dependentRequired\":{}}", "dependentRequired" },
        { "{\"unevaluatedProperties\":false}", "unevaluatedProperties" },
        { "{\"contains\":{}}", "contains" },
        { "{\"type\":\"strng\"}", "unknown type" },
        { "{\"pattern\":\"\\\\d\"}", "\\d" },
        { "{\"pattern\":\"(\"}", "not a regular expression" },
        { "{\"pattern\":\"a)\"}", "not a regular expression" },
        { "{\"pattern\":\"a++++++++++++++++++++++++++++++\"}", "repeat one another" },
        { "{\"pattern\":\"a+?\"}", "repeat one another" },
        { "{\"pattern\":\"(((a{99}){99}){99}){99}\"}", "multiply too far" },
        { "{\"pattern\":\"((((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+\"}", "multiply too far" },
        { "{\"pattern\":\"(a)\\\\1\"}", "back-reference" },
        { "{\"$ref\":\"#/$defs/none\"}", "$ref" },
        { "{\"$ref\":\"https://example.org/x\"}", "$ref" },
        { "{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/a\"}},\"$ref\":\"#/$defs/a\"}", "leads back" },
        { "{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", "dialect" },
        { "{\"minLength\":-1}", "whole number" },
        { "[", "not JSON" },
        { "{\"enum\":[]}", "list of values" },
    };
    char why[300];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(schema_compile(rows[i].schema, why, sizeof why));
        assert_has(why, rows[i].why);
    }
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *value, *why;
    } rows[] = {
        { "{}", "\"id\" is missing" },
        { "{\"id\":5}", "\"id\" must be a string, not a number" },
        { "{\"id\":\"\"}", "\"id\" must not be empty" },
        { "{\"id\":\"x\",\"devid\":1}", "unknown argument \"devid\"; the arguments are: id, limit, where" },
        { "{\"id\":\"x\",\"limit\":301}", "\"limit\" must be at most 300" },
        { "{\"id\":\"x\",\"where\":{\"os\":[1]}}", "\"where.os[0]\" must be a string" },
    };
    struct arena a;
    char why[300];
    struct schema *s = schema_compile("{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\","
                                      "\"minLength\":1},\"limit\":{\"type\":\"integer\","
                                      "\"maximum\":300},\"where\":{\"properties\":{\"os\":{\"items\":{"
                                      "\"type\":\"string\"}}}}},\"required\":[\"id\"],"
                                      "\"additionalProperties\":false}",
                                      why, sizeof why);

    (void)state;
    assert_non_null(s);
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(
            schema_check(s, json_parse(&a, rows[i].value, strlen(rows[i].value), 0, NULL), why, sizeof why));
        assert_has(why, rows[i].why);
    }
    arena_release(&a, 0);
    schema_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enforces),
        cmocka_unit_test(names_whole_values),
        cmocka_unit_test(refuses_what_it_would_not_enforce),
        cmocka_unit_test(says_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
