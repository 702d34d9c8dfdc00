/* test_loader.c - one bad plugin for each refusal, with its sentence.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "plugin/api.h"
#include "plugin/registry.h"

#include <unistd.h>

static char trace[64];

static struct plugin *load(const char *variant, char *why, size_t size)
{
    char path[500];

    snprintf(path, sizeof path, BAD_DIR "/kmcp-%s.so", variant);
    return loader_load(path, "bad", why, size);
}

static void loads_a_good_one(void **state)
{
    static const char *const variants[] = { "bad_none", "bad_newer", "frozen_1_0", "frozen_1_1",
                                            "frozen_1_2" };
    char why[600];

    (void)state;
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        struct plugin *p = load(variants[i], why, sizeof why);

        if (!p)
            fail_msg("%s: %s", variants[i], why);
        assert_int_equal(p->n_tools, 2);
        assert_string_equal(p->tools[0].decl.name, "hello");
        assert_string_equal(p->tools[1].decl.name, "goodbye"); /* strides: the second row is read right */
        assert_string_equal(p->tools[1].decl.title, "Hello");
        assert_ptr_equal(loader_route(p, (const struct kmcp_route *)p->raw_routes), &p->routes[0]);
        assert_null(loader_route(p, &p->routes[0])); /* the host's copy is not the plugin's row */
        assert_null(loader_route(p, (const struct kmcp_route *)(p->raw_routes + 8)));
        assert_null(loader_route(p, (const struct kmcp_route *)(p->raw_routes + p->decl.route_size)));
        assert_null(loader_route(p, NULL));
        loader_free(p);
    }
}

static void refuses_each_with_its_sentence(void **state)
{
    static const struct {
        const char *variant, *why;
    } rows[] = {
        { "manifest_missing", "it holds no kmcp manifest; is it a kmcp plugin, built with KMCP_PLUGIN()?" },
        { "manifest_twice", "it holds two kmcp manifests; a plugin file is one plugin" },
        { "manifest_malformed", "its manifest is malformed; build it with KMCP_PLUGIN() of kmcp/plugin.h" },
        { "manifest_abi",
          "it was built for kmcp ABI 2, this host has ABI 1; build it against this host's SDK" },
        { "wrong_name", "it is the plugin \"other\"; name its section [plugin other]" },
        { "other_version", "its descriptor and its manifest differ in name or version" },
        { "short_struct", "its descriptor is 40 bytes, shorter than ABI 1.0's" },
        { "descriptor_abi", "its descriptor is of ABI 2, its manifest of ABI 1" },
        { "needs_minor", "it needs kmcp ABI 1.99, this host has 1.3; install a newer kmcp" },
        { "reserved", "a reserved field of its descriptor is not 0" },
        { "threading", "it declares an unknown threading model; KMCP_SERIAL and KMCP_PARALLEL are known" },
        { "no_summary", "it has no summary" },
        { "short_stride", "the rows of its table of tools are 16 bytes, shorter than the first ABI's" },
        { "no_tools", "it declares no tools, no resources and no prompts" },
        { "many_routes", "it declares 100000 routes; that is too many" },
        { "null_table", "it declares 2 tools; but no table of them" },
        { "option_type",
          "option \"colour\" has the unknown type \"colour\"; string, int and bool are known" },
        { "option_help", "option \"colour\" has no help text" },
        { "option_key", "option \"path\" has no usable key" },
        { "route_method", "route FETCH /api/v1/devices has an unknown method" },
        { "route_path", "route GET /api/v1/../users must be a path under /api/" },
        { "route_unset",
          "route GET /api/v1/devices has no safety class; declare READ, REVEAL, WRITE or DESTROY" },
        { "route_post_read",
          "route POST /api/v1/devices is declared READ but is not a GET; if it only reads, say so on "
          "purpose with KMCP_ROUTE_QUERY" },
        { "route_retry_write", "route POST /api/v1/devices may not be retried: only READ routes may" },
        { "route_flag", "route GET /api/v1/devices carries a flag this host does not know" },
        { "route_permission", "route GET /api/v1/devices names no token permission" },
        { "tool_name",
          "tool name \"Say-Hello\" is refused; use lower-case letters, digits and _, at most 64" },
        { "tool_title", "tool \"hello\" needs a title" },
        { "tool_description", "tool \"hello\" needs a description" },
        { "tool_unset", "tool \"hello\" has no safety class; declare READ, REVEAL, WRITE or DESTROY" },
        { "tool_class", "tool \"hello\" has an unknown safety class" },
        { "tool_flag", "tool \"hello\" carries a flag this host does not know; it must understand it" },
        { "tool_run", "tool \"hello\" has no run function" },
        { "tool_plan", "tool \"hello\" is DESTROY but has no plan function" },
        { "tool_twice", "it declares tool \"hello\" twice" },
        { "schema_json", "the input schema of tool \"hello\" is refused: not JSON" },
        { "schema_keyword",
          "the input schema of tool \"hello\" is refused: keyword \"patternProperties\", which kmcp does "
          "not enforce" },
        { "schema_root", "the input schema of tool \"hello\" must have \"type\": \"object\" at its root" },
        { "schema_items", "the input schema of tool \"hello\" has an array without \"items\"" },
        { "confirm_missing",
          "tool \"hello\" wants a confirmation, but its input schema has no boolean \"confirm\"" },
        { "confirm_read", "tool \"hello\" is READ but wants a confirmation" },
        { "get_job", "tool name \"get_job\" is the host's own; choose another" },
        { "task_reveal", "tool \"hello\" is REVEAL and a task; a secret is not kept for later" },
        { "icons", "the icons of \"hello\" are refused" },
        { "header_type", "tool \"hello\" has an x-mcp-header that is refused" },
        { "header_twice", "tool \"hello\" has an x-mcp-header that is refused" },
        { "header_hidden", "tool \"hello\" has an x-mcp-header that is refused" },
        { "feature", "it makes use of a feature this host does not know; install a newer kmcp" },
        { "resource_scheme", "resource URI \"report\" is refused: it needs a scheme" },
        { "resource_part", "resource URI \"fleet://a-{id}\" is refused: a {name} must be one whole part" },
        { "resource_read", "resource \"fleet://report\" needs a name and a read function" },
        { "resource_flag", "resource \"fleet://report\" carries a flag this host does not know" },
        { "prompt_name", "prompt name \"Say It\" is refused" },
        { "prompt_get", "prompt \"greet\" needs a description and a get function" },
        { "prompt_arg", "an argument of prompt \"greet\" has no name, or a flag this host does not know" },
        { "confirm_unflagged",
          "tool \"hello\" has a \"confirm\" argument but not the flag KMCP_TOOL_CONFIRM" },
    };
    char why[600], variant[64];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool before_any_code = i < 5; /* what the manifest tells */

        unlink(trace);
        snprintf(variant, sizeof variant, "bad_%s", rows[i].variant);
        if (load(variant, why, sizeof why))
            fail_msg("%s was loaded", variant);
        assert_has(why, rows[i].why);
        if (before_any_code && access(trace, F_OK) == 0)
            fail_msg("code of %s ran before it was refused", variant);
    }
}

static void refuses_what_is_no_plugin_at_all(void **state)
{
    char why[600], path[] = "/tmp/kmcp-nofile-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_null(load("none_such", why, sizeof why));
    assert_has(why, "does not exist");
    assert_null(loader_load(path, "bad", why, sizeof why));
    assert_has(why, "it is empty");
    assert_true(write(fd, "\n[kmcp-manifest]\nabi=1.0\nname=bad\nversion=1\n[end]\n", 51) > 0);
    close(fd);
    assert_null(loader_load(path, "bad", why, sizeof why));
    assert_has(why, "it cannot be loaded");
    unlink(path);
    assert_null(loader_load("/tmp", "bad", why, sizeof why));
    assert_has(why, "not a regular file");
}

static bool load_ini(struct config *c, struct registry *r, const char *text)
{
    assert_true(config_parse(c, "t.ini", text, strlen(text)));
    return registry_load(r, c, BAD_DIR);
}

static void the_registry_says_where(void **state)
{
    struct registry r;
    struct config c;

    (void)state;
    assert_false(load_ini(&c, &r, "[plugin bad]\npath = " BAD_DIR "/kmcp-bad_none.so\ncolor = blue\n"));
    assert_string_equal(
        c.error, "t.ini:3: unknown key \"color\" in [plugin bad]; its keys are: path, optional, colour");
    registry_free(&r);
    config_free(&c);
    assert_false(load_ini(&c, &r, "\n[plugin bad]\npath = " BAD_DIR "/kmcp-bad_tool_run.so\n"));
    assert_has(c.error, "t.ini:2: plugin \"bad\" (" BAD_DIR
                        "/kmcp-bad_tool_run.so) is refused: tool \"hello\" has no run");
    registry_free(&r);
    config_free(&c);
    assert_false(load_ini(&c, &r, "[plugin bad]\npath = relative.so\n"));
    assert_has(c.error, "must begin with /");
    registry_free(&r);
    config_free(&c);
    assert_true(load_ini(
        &c, &r, "[plugin bad]\npath = " BAD_DIR "/kmcp-bad_tool_run.so\noptional = yes\ncolour = x\n"));
    assert_int_equal(r.n_tools, 0);
    registry_free(&r);
    config_free(&c);
    assert_true(load_ini(&c, &r, "[plugin bad]\npath = " BAD_DIR "/kmcp-bad_none.so\ncolour = blue\n"));
    assert_string_equal(r.tools[0]->decl.name, "goodbye"); /* sorted */
    assert_non_null(registry_find(&r, "hello"));
    assert_null(registry_find(&r, "hell"));
    assert_string_equal(r.plugins[0]->option_values[0], "blue");
    assert_true(registry_open(&r, &c, &api_host));
    registry_close(&r);
    config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_a_good_one),
        cmocka_unit_test(refuses_each_with_its_sentence),
        cmocka_unit_test(refuses_what_is_no_plugin_at_all),
        cmocka_unit_test(the_registry_says_where),
    };

    snprintf(trace, sizeof trace, "/tmp/kmcp-trace-%ld", (long)getpid());
    setenv("KMCP_TRACE_FILE", trace, 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    unlink(trace);
    return failed;
}
