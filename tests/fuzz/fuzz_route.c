/* fuzz_route.c - a value for a path part: whatever comes through has no slash of its own and no dots.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "client/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct kmcp_route route = { .method = "GET", .path = "/api/v1/devices/{id}/apps" };
    char *value = calloc(1, size + 1), *path;
    const struct kmcp_param params[] = { { "id", value } };
    const struct kmcp_request rq = {
        .route = &route, .path = params, .n_path = 1, .query = params, .n_query = 1
    };
    struct failure f = { 0 };
    struct arena a;

    if (!value)
        return 0;
    memcpy(value, data, size);
    arena_init(&a, 16 << 20);
    path = route_expand(&a, &rq, &f);
    if (path) {
        char *query = strchr(path, 63);
        size_t slashes = 0;

        *query = 0;
        for (char *p = path; *p; p++)
            slashes += *p == 47;
        if (slashes != 5 || strstr(path, "..") || strchr(path, 35) || strchr(path, 92))
            abort();
    }
    arena_release(&a, 0);
    free(value);
    return 0;
}
