/* test_rpc.c - reading and classifying messages.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "mcp/context.h"

static void classifies(void **state)
{
    static const struct {
        const char *text;
        enum rpc_kind kind;
        int code;
        const char *id; /* as echoed */
    } rows[] = {
        { "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", RPC_REQUEST, 0, "1" },
        { "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"ping\"}", RPC_REQUEST, 0, "\"1\"" },
        { "{\"jsonrpc\":\"2.0\",\"id\":\"\\u00e9\",\"method\":\"ping\"}", RPC_REQUEST, 0, "\"\\u00e9\"" },
        { "{\"jsonrpc\":\"2.0\",\"id\":9007199254740993,\"method\":\"p\"}", RPC_REQUEST, 0,
          "9007199254740993" },
        { "{\"jsonrpc\":\"2.0\",\"id\": 7 ,\"method\":\"p\",\"params\":{}}", RPC_REQUEST, 0, "7" },
        { "{\"jsonrpc\":\"2.0\",\"id\":1.0,\"method\":\"p\"}", RPC_BAD, RPC_INVALID, NULL },
        { "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"p\"}", RPC_BAD, RPC_INVALID, NULL },
        { "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"p\"}", RPC_BAD, RPC_INVALID, NULL },
        { "{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"p\"}", RPC_BAD, RPC_INVALID, NULL },
        { "{\"jsonrpc\":\"1.0\",\"id\":3,\"method\":\"p\"}", RPC_BAD, RPC_INVALID, "3" },
        { "{\"id\":3,\"method\":\"p\"}", RPC_BAD, RPC_INVALID, "3" },
        { "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":5}", RPC_BAD, RPC_INVALID, "3" },
        { "{\"jsonrpc\":\"2.0\",\"id\":3}", RPC_BAD, RPC_INVALID, "3" },
        { "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"p\",\"params\":[1]}", RPC_BAD, RPC_PARAMS, "3" },
        { "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"p\",\"method\":\"q\"}", RPC_BAD, RPC_INVALID, "3" },
        { "{\"jsonrpc\":\"2.0\",\"id\":3,\"id\":4,\"method\":\"p\"}", RPC_BAD, RPC_INVALID, NULL },
        { "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}", RPC_NOTIFICATION, 0, NULL },
        { "{\"jsonrpc\":\"2.0\",\"id\":\"kmcp-1\",\"result\":{}}", RPC_RESPONSE, 0, "\"kmcp-1\"" },
        { "[1]", RPC_BATCH, 0, NULL },
        { "5", RPC_BAD, RPC_INVALID, NULL },
        { "{bad", RPC_BAD, RPC_PARSE, NULL },
        { "", RPC_BAD, RPC_PARSE, NULL },
    };
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rpc_message m;

        rpc_read(&a, rows[i].text, strlen(rows[i].text), &m);
        if (m.kind != rows[i].kind || (m.kind == RPC_BAD && m.code != rows[i].code))
            fail_msg("%s: kind %d code %d", rows[i].text, (int)m.kind, m.code);
        if (!rows[i].id) {
            assert_null(m.id.text);
        } else {
            assert_int_equal(m.id.len, strlen(rows[i].id));
            assert_memory_equal(m.id.text, rows[i].id, m.id.len);
        }
    }
    arena_release(&a, 0);
}

static void same_ids_have_the_same_key(void **state)
{
    struct rpc_message x, y, z;
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    rpc_read(&a, "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"p\"}", 39, &x);
    rpc_read(&a, "{\"jsonrpc\":\"2.0\",\"id\":\"\\u0031\",\"method\":\"p\"}", 44, &y);
    rpc_read(&a, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p\"}", 37, &z);
    assert_string_equal(x.key, y.key);
    assert_string_not_equal(x.key, z.key);
    arena_release(&a, 0);
}

static void splits_batches(void **state)
{
    static const char text[] = " [ {\"a\":[1,2]} , \"x,]\" ,3]";
    static const char *const parts[] = { "{\"a\":[1,2]} ", "\"x,]\" ", "3" };
    struct rpc_raw element;
    size_t at = 0, n = 0;

    (void)state;
    while (rpc_split((struct rpc_raw){ text, sizeof text - 1 }, &at, &element)) {
        assert_int_equal(element.len, strlen(parts[n]));
        assert_memory_equal(element.text, parts[n], element.len);
        n++;
    }
    assert_int_equal(n, 3);
    at = 0;
    assert_false(rpc_split((struct rpc_raw){ "[]", 2 }, &at, &element));
}

static void reads_contexts(void **state)
{
#define META(v) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p\",\"params\":{\"_meta\":{" v "}}}"
#define VERSION "\"io.modelcontextprotocol/protocolVersion\":"
#define CAPS    "\"io.modelcontextprotocol/clientCapabilities\":"
    static const struct {
        const char *text;
        enum context_fault fault;
        bool can_ask;
    } rows[] = {
        { META(VERSION "\"2026-07-28\"," CAPS "{}"), CONTEXT_OK, false },
        { META(VERSION "\"2026-07-28\"," CAPS "{\"elicitation\":{}}"), CONTEXT_OK, true },
        { META(VERSION "\"2026-07-28\"," CAPS "{\"elicitation\":{\"form\":{}}}"), CONTEXT_OK, true },
        { META(VERSION "\"2026-07-28\"," CAPS "{\"elicitation\":{\"url\":{}}}"), CONTEXT_OK, false },
        { META(VERSION "\"2026-07-28\""), CONTEXT_BAD_META, false },
        { META(VERSION "5," CAPS "{}"), CONTEXT_BAD_META, false },
        { META(VERSION "\"2025-11-25\"," CAPS "{}"), CONTEXT_BAD_REVISION, false },
        { META(VERSION "\"v999\"," CAPS "{}"), CONTEXT_BAD_REVISION, false },
    };
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rpc_message m;
        struct context ctx;
        const char *requested;
        char why[200];

        rpc_read(&a, rows[i].text, strlen(rows[i].text), &m);
        assert_true(context_claims(m.params));
        assert_int_equal(context_read(&ctx, &m, why, sizeof why, &requested), rows[i].fault);
        if (rows[i].fault == CONTEXT_OK)
            assert_int_equal((ctx.can & KMCP_CAN_FORM) != 0, rows[i].can_ask);
    }
    arena_release(&a, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classifies),
        cmocka_unit_test(same_ids_have_the_same_key),
        cmocka_unit_test(splits_batches),
        cmocka_unit_test(reads_contexts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
