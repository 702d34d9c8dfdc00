/* fuzz_uri.c - a template on the first line, a URI on the rest; base64; the token file.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "base/text.h"
#include "base/uri.h"
#include "transport/http_tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_match(char *template, const char *uri)
{
    struct arena a;
    kmcp_json *vars;

    if (uri_template_fault(template))
        return;
    arena_init(&a, 1 << 20);
    vars = uri_match(&a, template, uri);
    for (const kmcp_json *v = json_first(vars); v; v = json_next(v))
        if (!*json_str(v) || strpbrk(json_str(v), "/\\\n") || strcmp(json_str(v), "..") == 0 ||
            !text_is_utf8(json_str(v), strlen(json_str(v))))
            abort();
    arena_release(&a, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *bytes = malloc(size + 4), *again = malloc(2 * size + 8), *newline,
         why[600];
    struct http_tokens *tokens;
    uint32_t scopes;
    size_t n;

    if (!text || !bytes || !again)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    n = base64_decode(text, size, bytes);
    if (n != (size_t)-1 && (base64_encode(bytes, n, again) != size || memcmp(again, text, size) != 0))
        abort(); /* one spelling only */
    tokens = http_tokens_parse("tokens", text, size, why, sizeof why);
    if (tokens && http_tokens_find(tokens, text, &scopes))
        abort(); /* nobody writes his token into the file of digests */
    http_tokens_free(tokens);
    newline = strchr(text, '\n');
    uri_is_valid(text);
    if (newline) {
        *newline = '\0';
        try_match(text, newline + 1);
    }
    free(text);
    free(bytes);
    free(again);
    return 0;
}
