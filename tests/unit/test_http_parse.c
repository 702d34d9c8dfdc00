/* test_http_parse.c - heads and chunked bodies.  SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "transport/http_parse.h"

#define HEAD(lines) "POST /mcp?a=b HTTP/1.1\r\nHost: h\r\n" lines "\r\n"

static int parse(const char *text, struct http_message *m, const char **why)
{
    static char copy[8192];

    snprintf(copy, sizeof copy, "%s", text);
    return http_head_parse(copy, strlen(copy), m, why);
}

static void finds_the_end(void **state)
{
    (void)state;
    assert_int_equal(http_head_len("GET / HTTP/1.1\r\nHost: h\r\n\r\nbody", 31), 27);
    assert_int_equal(http_head_len("GET / HTTP/1.1\r\nHost: h\r\n\r", 26), 0);
    assert_int_equal(http_head_len("GET / HTTP/1.1\n\nx", 17),
                     16); /* so that it is refused, not waited for */
    assert_int_equal(http_head_len("", 0), 0);
}

static void takes_apart(void **state)
{
    struct http_message m;
    const char *why;

    (void)state;
    assert_int_equal(parse(HEAD("X-A:  b c \t\r\nx-a: d\r\nContent-Length: 12\r\n"), &m, &why), 0);
    assert_string_equal(m.method, "POST");
    assert_string_equal(m.path, "/mcp");
    assert_string_equal(m.query, "a=b");
    assert_string_equal(m.host, "h");
    assert_string_equal(http_field(&m, "x-A"), "b c");
    assert_int_equal(http_field_count(&m, "X-A"), 2);
    assert_null(http_field(&m, "X-B"));
    assert_int_equal(m.content_length, 12);
    assert_true(m.keep_alive);
    assert_int_equal(
        parse("POST http://other:1/p HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n", &m, &why), 0);
    assert_string_equal(m.host, "other:1");
    assert_string_equal(m.path, "/p");
    assert_false(m.keep_alive);
    assert_int_equal(parse(HEAD("Accept: text/html, application/json;q=1\r\n"), &m, &why), 0);
    assert_true(http_field_has(&m, "accept", "application/json"));
    assert_false(http_field_has(&m, "accept", "application/js"));
}

static void refuses(void **state)
{
    static const struct {
        const char *text;
        int status;
        const char *why;
    } rows[] = {
        { HEAD("Content-Length: 1\r\nContent-Length: 1\r\n"), 400, "two Content-Length" },
        { HEAD("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400, "beside" },
        { HEAD("Content-Length: 1,1\r\n"), 400, "malformed Content-Length" },
        { HEAD("Content-Length:\r\n"), 400, "malformed Content-Length" },
        { HEAD("Content-Length: 1234567890123456\r\n"), 413, "too large" },
        { HEAD("Transfer-Encoding: chunked, chunked\r\n"), 501, "other than chunked" },
        { HEAD("Host: h\r\n"), 400, "two Host" },
        { HEAD(" X: folded\r\n"), 400, "folded" },
        { HEAD("X : y\r\n"), 400, "malformed header name" },
        { HEAD("X: \x7f\r\n"), 400, "control character" },
        { HEAD("Expect: other\r\n"), 417, "expectation" },
        { "POST /mcp HTTP/1.1\r\n\r\n", 400, "no Host" },
        { "POST /mcp HTTP/1.1\nHost: h\n\n", 400, "CR LF" },
        { "POST /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400, "malformed request line" },
        { "POST mcp HTTP/1.1\r\nHost: h\r\n\r\n", 400, "malformed request target" },
        { "POST /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "malformed request target" },
        { "POST /mcp HTTP/1.2\r\nHost: h\r\n\r\n", 505, "unsupported" },
        { "\r\nHost: h\r\n\r\n", 400, "malformed request line" },
    };
    struct http_message m;
    const char *why;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(parse(rows[i].text, &m, &why), rows[i].status);
        assert_has(why, rows[i].why);
    }
}

/* TEXT in pieces of SIZE: what came out, or "bad" or "more". */
static const char *unchunk(const char *text, size_t size)
{
    static char out[1000];
    struct http_chunks c = { 0 };
    enum http_chunks_end end = HTTP_CHUNKS_MORE;
    size_t at = 0, n = 0, len = strlen(text);

    while (at < len && end == HTTP_CHUNKS_MORE) {
        char piece[1000];
        size_t used = 0, got = 0, part = size < len - at ? size : len - at;

        memcpy(piece, text + at, part);
        end = http_chunks_feed(&c, piece, part, &used, &got);
        memcpy(out + n, piece, got);
        n += got;
        at += used;
    }
    out[n] = '\0';
    if (end == HTTP_CHUNKS_DONE && text[at])
        snprintf(out + n, sizeof out - n, "|%s", text + at);
    return end == HTTP_CHUNKS_DONE ? out : end == HTTP_CHUNKS_BAD ? "bad" : "more";
}

static void reads_chunks(void **state)
{
    static const char *const bad[] = { "g\r\n",
                                       "\r\n",
                                       "5\nhello",
                                       "5 \r\nhello\r\n0\r\n\r\n",
                                       "2\r\nhello",
                                       "fffffffffffff\r\n",
                                       "0\r\n: x\r\n\r\n",
                                       "0\r\nX\n\r\n",
                                       "-1\r\n",
                                       "5;x\ny\r\n" };

    (void)state;
    for (size_t size = 1; size < 40; size++) {
        assert_string_equal(unchunk("5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nT: x\r\n\r\nnext", size),
                            size < 39 ? "hello world|next" : "hello world|next");
        assert_string_equal(unchunk("0\r\n\r\n", size), "");
        assert_string_equal(unchunk("5\r\nhel", size), "more");
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
            assert_string_equal(unchunk(bad[i], size), "bad");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(finds_the_end), cmocka_unit_test(takes_apart),
                                        cmocka_unit_test(refuses), cmocka_unit_test(reads_chunks) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
