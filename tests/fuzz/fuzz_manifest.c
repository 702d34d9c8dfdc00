/* fuzz_manifest.c - the bytes of a plugin file.  SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "plugin/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest m;
    char why[300] = "";

    if (!manifest_parse(&m, (const char *)data, size, why, sizeof why) && !why[0])
        abort();
    return 0;
}
