/* fuzz_fault.c - error bodies of the API.  SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "client/fault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    char *body = calloc(1, size + 1), *words;

    if (!body)
        return 0;
    memcpy(body, data, size);
    arena_init(&a, 64 << 20);
    words = fault_words(&a, body, size, NULL);
    if (words && (strlen(words) > 200 || !text_is_utf8(words, strlen(words)) || strchr(words, 27)))
        abort();
    arena_release(&a, 0);
    free(body);
    return 0;
}
