/* fuzz_rpc.c - lines from a client, through the server; every request is answered once.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "mcp/server.h"
#include "plugin/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t answers;

static void check(struct sink *sink, const char *text, size_t len)
{
    struct arena a;

    (void)sink;
    arena_init(&a, 64 << 20);
    if (memchr(text, 10, len) || !json_parse(&a, text, len, JSON_UNIQUE, NULL))
        abort();
    arena_release(&a, 0);
}

static void count(struct sink *sink, int status, const char *text, size_t len)
{
    (void)status;
    if (!text)
        return;
    __atomic_add_fetch(&answers, 1, __ATOMIC_RELAXED);
    check(sink, text, len);
}

static kmcp_rc run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const kmcp_json *answer;
    struct kmcp_ask ask = {
        .struct_size = sizeof ask,
        .key = "name",
        .message = "Name?",
        .schema = "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"}}}"
    };
    kmcp_rc rc = KMCP_OK;

    if (json_get(args, "ask"))
        rc = ctx->host->ask(ctx, &ask, &answer);
    ctx->host->progress(ctx, 1, 2, "half");
    return rc == KMCP_OK ? ctx->host->result_json(ctx, args) : rc;
}

static kmcp_rc read_it(kmcp_ctx *ctx, const char *uri, const kmcp_json *vars)
{
    struct kmcp_content c = { .struct_size = sizeof c, .text = "text", .uri = uri };

    (void)vars;
    return ctx->host->content(ctx, &c);
}

/* A plugin with one of each, without a file. */
static void fill(struct host *host)
{
    static struct plugin plugin = { .decl = { .name = "fuzz", .threading = KMCP_PARALLEL, .features = 3 } };
    static struct plugin *plugins[] = { &plugin };
    static struct tool tool = { .decl = { .name = "echo",
                                          .title = "Echo",
                                          .description = "Echoes.",
                                          .safety = KMCP_READ,
                                          .run = run },
                                .plugin = &plugin };
    static struct tool *tools[] = { &tool };
    static struct resource resource = {
        .decl = { .uri = "fuzz://{id}/x", .name = "x", .read = read_it, .flags = 1 },
        .plugin = &plugin,
        .is_template = true
    };
    static struct resource *resources[] = { &resource };
    static struct kmcp_prompt_arg arg = { .name = "a" };
    static struct prompt prompt = {
        .decl = { .name = "p", .description = "P.", .get = run }, .args = &arg, .n_args = 1, .plugin = &plugin
    };
    static struct prompt *prompts[] = { &prompt };
    char why[200];

    tool.input = schema_compile("{\"type\":\"object\"}", why, sizeof why);
    host->registry = (struct registry){ plugins, 1, tools, 1, prompts, 1, resources, 1 };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct host host;
    static struct server *server;
    static const struct sink_ops ops = { .write = check, .answer = count };
    static const struct who who = { "fuzz", "stdio", SCOPE_ALL };
    struct sink sink = { &ops };
    struct session session;
    const char *at = (const char *)data, *end = at + size;

    if (!server) {
        host_init(&host);
        fill(&host);
        host.policy.read_only = 1;
        host.list_page = 10;
        host.call_bytes = 16 << 20;
        host.call_timeout_ms = 1000;
        server = server_new(&host, 1);
    }
    session_init(&session, NULL);
    while (at < end) {
        const char *stop = memchr(at, 10, (size_t)(end - at));
        size_t len = (size_t)((stop ? stop : end) - at);

        __atomic_store_n(&answers, 0, __ATOMIC_RELAXED);
        if (len)
            server_receive(server, &session, &who, &sink, at, len);
        if (!server_wait_idle(server, clock_ms() + 5000) || __atomic_load_n(&answers, __ATOMIC_RELAXED) > 1)
            abort();
        at = stop ? stop + 1 : end;
    }
    server_cancel_all(server); /* what is parked or listens knows this sink */
    session_drop(&session);
    return 0;
}
