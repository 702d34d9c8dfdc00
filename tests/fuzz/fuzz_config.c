/* fuzz_config.c - an INI file.  SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const known[] = { "tenant", "policy", NULL };
    struct config c;

    if (config_parse(&c, "fuzz.ini", (const char *)data, size)) {
        config_int(&c, "cache", "devices", 0, 86400, 1);
        config_bool(&c, "policy", "read_only", 1);
        config_all_used(&c, known);
    } else if (!c.error[0]) {
        abort();
    }
    config_free(&c);
    return 0;
}
