/* fuzz_json.c - whatever json_parse accepts, it prints to what it accepts again.  SPDX-License-Identifier:
 * Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    json_parse(&a, (const char *)data, size, JSON_NUL_REPLACED, NULL);
    arena_release(&a, 1);
    return 0;
}
