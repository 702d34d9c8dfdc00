/* fuzz_rpc.c - lines from a client, through the server; every request is answered once.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "mcp/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t answers;

static void count(struct sink *sink, const char *text, size_t len)
{
    struct arena a;

    (void)sink;
    __atomic_add_fetch(&answers, 1, __ATOMIC_RELAXED);
    arena_init(&a, 64 << 20);
    if (memchr(text, 10, len) || !json_parse(&a, text, len, JSON_UNIQUE, NULL))
        abort();
    arena_release(&a, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct host host;
    static struct server *server;
    struct sink sink = { count };
    struct session session;
    const char *at = (const char *)data, *end = at + size;

    if (!server) {
        host.policy.read_only = 1;
        host.call_bytes = 16 << 20;
        host.call_timeout_ms = 1000;
        server = server_new(&host, 1);
    }
    session_init(&session);
    while (at < end) {
        const char *stop = memchr(at, 10, (size_t)(end - at));
        size_t len = (size_t)((stop ? stop : end) - at);

        __atomic_store_n(&answers, 0, __ATOMIC_RELAXED);
        if (len)
            server_receive(server, &session, &sink, at, len);
        if (!server_wait_idle(server, clock_ms() + 5000) || __atomic_load_n(&answers, __ATOMIC_RELAXED) > 1)
            abort();
        at = stop ? stop + 1 : end;
    }
    session_free(&session);
    return 0;
}
