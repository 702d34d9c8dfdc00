/* agreed.c - the one request above READ that a call may send.  SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "agreed.h"

bool agreed_digest(struct arena *a, const char *method, const char *path, const kmcp_json *body,
                   uint8_t out[DIGEST_SIZE])
{
    const char *canonical = body ? json_canonical(a, body) : "";
    const char *text = canonical ? arena_format(a, "%s %s\n%s", method, path, canonical) : NULL;

    return text && digest_sha256(text, strlen(text), out);
}

bool agreed_take(struct agreed *g, struct arena *a, const char *method, const char *path,
                 const kmcp_json *body)
{
    if (g->taken) /* the first counts; a plugin that sends more is held to what it named */
        return true;
    g->line = arena_format(a, "%s %s", method, path);
    g->body = body ? json_copy(a, body) : NULL;
    g->taken = g->line && (!body || g->body) && agreed_digest(a, method, path, body, g->digest);
    return g->taken;
}

bool agreed_pass(struct agreed *g, struct arena *a, const char *method, const char *path,
                 const kmcp_json *body)
{
    uint8_t digest[DIGEST_SIZE];

    if (!g->bound)
        return true;
    if (g->spent || !agreed_digest(a, method, path, body, digest) ||
        !digest_equal(digest, g->digest, sizeof digest))
        return false;
    return g->spent = true;
}
