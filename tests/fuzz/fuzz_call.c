/* fuzz_call.c - what a client sends back with a call: the first line is its requestState, the rest its
 * inputResponses. A state that we did not seal opens nothing.  SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static kmcp_rc run(kmcp_ctx *ctx, const kmcp_json *args)
{
    struct kmcp_ask ask = {
        .struct_size = sizeof ask,
        .key = "name",
        .message = "Name?",
        .schema = "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"maxLength\":5}},"
                  "\"required\":[\"name\"]}"
    };
    const kmcp_json *answer = NULL;
    kmcp_rc rc = ctx->host->ask(ctx, &ask, &answer);
    const char *name = ctx->host->json_str(
        ctx->host->json_get(ctx->host->json_get(answer, "content"), "name"));

    (void)args;
    if (rc != KMCP_OK)
        return rc;
    if (ctx->host->kept(ctx, "secret"))
        abort(); /* nobody kept it */
    if (name && strlen(name) > 20)
        abort(); /* five characters */
    return ctx->host->result_text(ctx, "%s", name ? name : "none");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct host host;
    static struct plugin plugin = { .decl = { .name = "fuzz", .threading = KMCP_PARALLEL } };
    static struct plugin *plugins[] = { &plugin };
    static struct tool tool = {
        .decl = { .name = "ask", .title = "Ask", .description = "Asks.", .safety = KMCP_READ, .run = run },
        .plugin = &plugin
    };
    static struct tool *tools[] = { &tool };
    struct call_input in = { .kind = CALL_TOOL,
                             .name = "ask",
                             .principal = "p",
                             .client = "c",
                             .transport = "t",
                             .can = KMCP_CAN_FORM };
    char *text = malloc(size + 1), *newline, why[200];
    struct call *call;
    struct arena a;

    if (!text)
        abort();
    if (!tool.input) {
        host_init(&host);
        host.call_bytes = 16 << 20;
        host.call_timeout_ms = 1000;
        tool.input = schema_compile("{\"type\":\"object\"}", why, sizeof why);
        host.registry = (struct registry){ .plugins = plugins, .n_plugins = 1, .tools = tools, .n_tools = 1 };
    }
    memcpy(text, data, size);
    text[size] = '\0';
    arena_init(&a, 16 << 20);
    newline = strchr(text, '\n');
    if (newline) {
        *newline = '\0';
        in.answers = json_parse(&a, newline + 1, strlen(newline + 1), JSON_UNIQUE, NULL);
        if (json_kind(in.answers) != KMCP_JSON_OBJECT)
            in.answers = NULL;
    }
    in.state = *text ? text : NULL;
    call = call_run(&host, &in);
    if (!call || (in.state && call_output(call)->end != CALL_BAD_STATE))
        abort();
    call_release(call);
    arena_release(&a, 0);
    free(text);
    return 0;
}
