/* fuzz_json.c - whatever json_parse accepts, it prints to what it accepts again.  SPDX-License-Identifier:
 * Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A projection is taken exactly when the whole is, and what is left is JSON without other members in its
 * rows, but for those whose names are written with escapes, which may be any. */
static void project(const char *text, size_t len)
{
    struct arena a;
    struct buf out;
    bool whole, part;

    arena_init(&a, 64 << 20);
    buf_init(&out, 64 << 20);
    whole = json_parse(&a, text, len, 0, NULL) != NULL;
    part = json_project(&out, text, len, "id a", false, NULL);
    if (whole != part)
        abort();
    if (part) {
        const kmcp_json *value = json_parse(&a, out.data, out.len, 0, NULL), *row;

        if (!value)
            abort();
        for (row = json_kind(value) == KMCP_JSON_ARRAY ? json_first(value) : NULL; row; row = json_next(row))
            for (const kmcp_json *m = json_kind(row) == KMCP_JSON_OBJECT ? json_first(row) : NULL; m;
                 m = json_next(m))
                if (strcmp(json_key(m), "id") != 0 && strcmp(json_key(m), "a") != 0 &&
                    !memchr(text, '\\', len))
                    abort();
    }
    buf_free(&out);
    arena_release(&a, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    const char *text, *raw, *again;
    kmcp_json *value;
    size_t len;

    arena_init(&a, 64 << 20);
    value = json_parse(&a, (const char *)data, size, JSON_UNIQUE, NULL);
    if (value) {
        text = json_text(&a, value);
        value = json_parse(&a, text, strlen(text), JSON_UNIQUE, NULL);
        if (!value)
            abort();
        again = json_text(&a, value);
        if (!again || strcmp(text, again) != 0)
            abort();
        if (!json_canonical(&a, value) || !json_equal(value, json_copy(&a, value)))
            abort();
        json_raw_member((const char *)data, size, "id", &raw, &len);
    }
    project((const char *)data, size);
    json_parse(&a, (const char *)data, size, JSON_NUL_REPLACED, NULL);
    arena_release(&a, 1);
    return 0;
}
