/* bad.c - a good plugin (BAD_none), or one with exactly one thing wrong, chosen by a BAD_... macro.
 * SPDX-License-Identifier: Apache-2.0 */
#include <kmcp/plugin.h>

#include <stdio.h>
#include <stdlib.h>

#define NAME "bad"

/* Leaves a trace if any of its code runs: refusals that come from the manifest must not let it. */
__attribute__((constructor)) static void leave_a_trace(void)
{
    const char *path = getenv("KMCP_TRACE_FILE");
    FILE *f = path ? fopen(path, "w") : NULL;

    if (f)
        fclose(f);
}

static kmcp_rc run(kmcp_ctx *ctx, const kmcp_json *args)
{
    (void)args;
    return ctx->host->result_text(ctx, "hello");
}

#define SCHEMA "{\"type\":\"object\",\"additionalProperties\":false}"

static const struct kmcp_option options[] = { {
#ifdef BAD_option_key
    .key = "path",
#else
    .key = "colour",
#endif
#ifdef BAD_option_type
    .type = "colour",
#else
    .type = "string",
#endif
    .dflt = "red",
#ifndef BAD_option_help
    .help = "Its colour.",
#endif
} };

static const struct kmcp_route routes[] = { {
#if defined(BAD_route_method)
    .method = "FETCH",
#elif defined(BAD_route_post_read) || defined(BAD_route_retry_write)
    .method = "POST",
#else
    .method = "GET",
#endif
#ifdef BAD_route_path
    .path = "/api/v1/../users",
#else
    .path = "/api/v1/devices",
#endif
#ifndef BAD_route_permission
    .permission = "Device list",
#endif
#if defined(BAD_route_unset)
    .safety = KMCP_SAFETY_UNSET,
#elif defined(BAD_route_retry_write)
    .safety = KMCP_WRITE,
    .flags = KMCP_ROUTE_RETRY,
#else
    .safety = KMCP_READ,
#endif
#ifdef BAD_route_flag
    .flags = 1u << 12,
#endif
} };

#ifdef BAD_newer
/* As a later minor would have it: more at the end of each row. */
struct newer_tool {
    struct kmcp_tool tool;
    const char *more[2];
};
#define TOOL_ROW struct newer_tool
#define ROW(...)                                                                                             \
    {                                                                                                        \
        .tool = { __VA_ARGS__ }, .more = { "new", "er" }                                                     \
    }
#else
#define TOOL_ROW struct kmcp_tool
#define ROW(...)                                                                                             \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#endif

#define GOOD_TOOL(tool_name)                                                                                 \
    ROW(.name = tool_name, .title = "Hello", .description = "Says hello.", .input_schema = SCHEMA,           \
        .safety = KMCP_READ, .run = run)

static const TOOL_ROW tools[] = {
#if defined(BAD_tool_name)
    GOOD_TOOL("Say-Hello"),
#elif defined(BAD_tool_title)
    ROW(.name = "hello", .description = "d", .input_schema = SCHEMA, .safety = KMCP_READ, .run = run),
#elif defined(BAD_tool_description)
    ROW(.name = "hello", .title = "t", .input_schema = SCHEMA, .safety = KMCP_READ, .run = run),
#elif defined(BAD_tool_unset)
    ROW(.name = "hello", .title = "t", .description = "d", .input_schema = SCHEMA, .run = run),
#elif defined(BAD_tool_class)
    ROW(.name = "hello", .title = "t", .description = "d", .input_schema = SCHEMA, .safety = 9, .run = run),
#elif defined(BAD_tool_flag)
    ROW(.name = "hello", .title = "t", .description = "d", .input_schema = SCHEMA, .safety = KMCP_READ,
        .flags = 1u << 15, .run = run),
#elif defined(BAD_tool_run)
    ROW(.name = "hello", .title = "t", .description = "d", .input_schema = SCHEMA, .safety = KMCP_READ),
#elif defined(BAD_tool_plan)
    ROW(.name = "hello", .title = "t", .description = "d", .input_schema = SCHEMA, .safety = KMCP_DESTROY,
        .run = run),
#elif defined(BAD_tool_twice)
    GOOD_TOOL("hello"),
    GOOD_TOOL("hello"),
#elif defined(BAD_schema_json)
    ROW(.name = "hello", .title = "t", .description = "d", .input_schema = "{", .safety = KMCP_READ,
        .run = run),
#elif defined(BAD_schema_keyword)
    ROW(.name = "hello", .title = "t", .description = "d",
        .input_schema = "{\"type\":\"object\",\"patternProperties\":{}}", .safety = KMCP_READ, .run = run),
#elif defined(BAD_schema_root)
    ROW(.name = "hello", .title = "t", .description = "d",
        .input_schema = "{\"type\":\"array\",\"items\":{}}", .safety = KMCP_READ, .run = run),
#elif defined(BAD_schema_items)
    ROW(.name = "hello", .title = "t", .description = "d",
        .input_schema = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\"}}}",
        .safety = KMCP_READ, .run = run),
#elif defined(BAD_confirm_missing)
    ROW(.name = "hello", .title = "t", .description = "d", .input_schema = SCHEMA, .safety = KMCP_WRITE,
        .flags = KMCP_TOOL_CONFIRM, .run = run),
#elif defined(BAD_confirm_read)
    ROW(.name = "hello", .title = "t", .description = "d", .safety = KMCP_READ, .flags = KMCP_TOOL_CONFIRM,
        .run = run,
        .input_schema = "{\"type\":\"object\",\"properties\":{\"confirm\":{\"type\":\"boolean\"}}}"),
#elif defined(BAD_confirm_unflagged)
    ROW(.name = "hello", .title = "t", .description = "d",
        .input_schema = "{\"type\":\"object\",\"properties\":{\"confirm\":{\"type\":\"boolean\"}}}",
        .safety = KMCP_READ, .run = run),
#elif defined(BAD_get_job)
    GOOD_TOOL("get_job"),
#elif defined(BAD_task_reveal)
    ROW(.name = "hello", .title = "t", .description = "d", .input_schema = SCHEMA, .safety = KMCP_REVEAL,
        .run = run, .plan = run, .flags = KMCP_TOOL_TASK),
#elif defined(BAD_icons)
    ROW(.name = "hello", .title = "t", .description = "d", .input_schema = SCHEMA, .safety = KMCP_READ,
        .run = run, .icons = "[{\"src\":\"http://example.com/a.png\"}]"),
#elif defined(BAD_header_type)
    ROW(.name = "hello", .title = "t", .description = "d", .safety = KMCP_READ, .run = run,
        .input_schema =
            "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\",\"x-mcp-header\":\"A\"}}}"),
#elif defined(BAD_header_twice)
    ROW(.name = "hello", .title = "t", .description = "d", .safety = KMCP_READ, .run = run,
        .input_schema =
            "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"},"
            "\"b\":{\"type\":\"string\",\"x-mcp-header\":\"a\"}}}"),
#elif defined(BAD_header_hidden)
    ROW(.name = "hello", .title = "t", .description = "d", .safety = KMCP_READ, .run = run,
        .input_schema = "{\"type\":\"object\",\"anyOf\":[{\"properties\":{\"a\":{\"type\":\"string\","
                        "\"x-mcp-header\":\"A\"}}}]}"),
#else
    GOOD_TOOL("hello"),
    GOOD_TOOL("goodbye"),
#endif
};

#if defined(BAD_resource_scheme) || defined(BAD_resource_part) || defined(BAD_resource_read) ||              \
    defined(BAD_resource_flag)
#define HAS_RESOURCES
static kmcp_rc read_it(kmcp_ctx *ctx, const char *uri, const kmcp_json *vars)
{
    (void)uri;
    (void)vars;
    return ctx->host->fail(ctx, KMCP_E_NOTFOUND, "nothing");
}

static const struct kmcp_resource resources[] = { {
#if defined(BAD_resource_scheme)
    .uri = "report",
#elif defined(BAD_resource_part)
    .uri = "fleet://a-{id}",
#else
    .uri = "fleet://report",
#endif
    .name = "report",
#ifndef BAD_resource_read
    .read = read_it,
#endif
#ifdef BAD_resource_flag
    .flags = 1u << 9,
#endif
} };
#endif

#if defined(BAD_prompt_name) || defined(BAD_prompt_get) || defined(BAD_prompt_arg)
#define HAS_PROMPTS
static const struct kmcp_prompt_arg prompt_args[] = { {
    .name = "who",
#ifdef BAD_prompt_arg
    .flags = 1u << 4,
#endif
} };
static const struct kmcp_prompt prompts[] = { {
#ifdef BAD_prompt_name
    .name = "Say It",
#else
    .name = "greet",
#endif
    .description = "Greets.",
    KMCP_ARGS(prompt_args),
#ifndef BAD_prompt_get
    .get = run,
#endif
} };
#endif

#define MANIFEST(abi, name, version, end)                                                                    \
    "\n[kmcp-manifest]\nabi=" abi "\nname=" name "\nversion=" version "\n" end

#ifdef BAD_manifest_abi
#define ABI "2.0"
#else
#define ABI "1.0"
#endif
#ifdef BAD_wrong_name
#define FILE_NAME "other"
#else
#define FILE_NAME NAME
#endif
#ifdef BAD_manifest_malformed
#define END "colour=red\n[end]\n"
#else
#define END "[end]\n"
#endif

#ifndef BAD_manifest_missing
static const char manifest[] KMCP_USED = MANIFEST(ABI, FILE_NAME, "1.0.0", END);
#endif
#ifdef BAD_manifest_twice
static const char second[] KMCP_USED = MANIFEST(ABI, NAME, "1.0.0", END);
#endif

extern KMCP_EXPORT const struct kmcp_plugin kmcp_plugin_v1;
KMCP_EXPORT const struct kmcp_plugin kmcp_plugin_v1 = {
#ifdef BAD_short_struct
    .struct_size = 40,
#else
    .struct_size = sizeof(struct kmcp_plugin),
#endif
#ifdef BAD_descriptor_abi
    .abi_major = 2,
#else
    .abi_major = KMCP_ABI_MAJOR,
#endif
    .abi_minor = KMCP_ABI_MINOR,
#ifdef BAD_needs_minor
    .needs_minor = 99,
#endif
#ifdef BAD_reserved
    .reserved = 1,
#endif
    .name = FILE_NAME,
#ifdef BAD_other_version
    .version = "9.9.9",
#else
    .version = "1.0.0",
#endif
#ifndef BAD_no_summary
    .summary = "Says hello",
#endif
#ifdef BAD_threading
    .threading = 7,
#endif
    KMCP_OPTIONS(options),
    .routes = routes,
    .route_size = sizeof routes[0],
#ifdef BAD_many_routes
    .n_routes = 100000,
#else
    .n_routes = 1,
#endif
#ifndef BAD_no_tools
    .n_tools = sizeof tools / sizeof tools[0],
#ifdef BAD_short_stride
    .tool_size = 16,
#else
    .tool_size = sizeof tools[0],
#endif
#ifndef BAD_null_table
    .tools = (const struct kmcp_tool *)tools,
#endif
#endif
#ifdef BAD_feature
    .features = 1u << 7,
#endif
#ifdef HAS_RESOURCES
    KMCP_RESOURCES(resources),
#endif
#ifdef HAS_PROMPTS
    KMCP_PROMPTS(prompts),
#endif
};
