/* fuzz_schema.c - a schema and a value, separated by a newline.  SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1), why[400], *value;
    struct schema *schema;
    struct arena a;

    if (!text)
        return 0;
    memcpy(text, data, size);
    value = strchr(text, 10);
    if (value)
        *value++ = 0;
    schema = schema_compile(text, why, sizeof why);
    if (schema && value) {
        arena_init(&a, 16 << 20);
        kmcp_json *instance = json_parse(&a, value, strlen(value), 0, NULL);

        if (instance)
            schema_check(schema, instance, why, sizeof why);
        arena_release(&a, 0);
    }
    schema_free(schema);
    free(text);
    return 0;
}
