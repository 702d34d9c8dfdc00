/* fuzz_http.c - what comes over a connection: heads and bodies, whole and in pieces, give the same.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "transport/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum http_chunks_end unchunk(const char *text, size_t len, size_t step, char *out, size_t *n,
                                    size_t *used)
{
    struct http_chunks c = { 0 };
    enum http_chunks_end end = HTTP_CHUNKS_MORE;

    *n = *used = 0;
    while (*used < len && end == HTTP_CHUNKS_MORE) {
        char piece[64];
        size_t part = step < len - *used ? step : len - *used, took = 0, got = 0;

        memcpy(piece, text + *used, part);
        end = http_chunks_feed(&c, piece, part, &took, &got);
        if (took > part || got > took)
            abort();
        memcpy(out + *n, piece, got);
        *n += got;
        *used += took;
    }
    return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = http_head_len((const char *)data, size), a, b, used_a, used_b;
    enum http_chunks_end one, many;
    char *text = malloc(size + 1), *first = malloc(size + 1), *second = malloc(size + 1);
    struct http_message m;
    const char *why;

    if (!text || !first || !second)
        abort();
    if (len > size)
        abort();
    memcpy(text, data, size);
    if (len && http_head_parse(text, len, &m, &why) == 0) {
        if (*m.path != '/' || (m.chunked && http_field(&m, "Content-Length")) ||
            http_field_count(&m, "Host") > 1)
            abort();
        for (size_t i = 0; i < m.n_fields; i++)
            if (!*m.fields[i].name || strpbrk(m.fields[i].value, "\r\n"))
                abort();
    }
    one = unchunk((const char *)data, size, 1, first, &a, &used_a);
    many = unchunk((const char *)data, size, 64, second, &b, &used_b);
    if (one != many ||
        (one == HTTP_CHUNKS_DONE && (a != b || used_a != used_b || memcmp(first, second, a) != 0)))
        abort();
    free(text);
    free(first);
    free(second);
    return 0;
}
