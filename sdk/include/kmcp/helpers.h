/* kmcp/helpers.h - sugar over plugin.h: compiled into the plugin, nothing to link. Source compatibility only.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KMCP_HELPERS_H
#define KMCP_HELPERS_H

#include <string.h>
#include <kmcp/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define KMCP_MAYBE_UNUSED __attribute__((__unused__))
#else
#define KMCP_MAYBE_UNUSED
#endif

#define kmcp_fail(ctx, ...) ((ctx)->host->fail((ctx), __VA_ARGS__))
#define kmcp_text(ctx, ...) ((ctx)->host->result_text((ctx), __VA_ARGS__))
#define kmcp_say(ctx, ...)  ((ctx)->host->say((ctx), __VA_ARGS__))
#define kmcp_log(ctx, ...)  ((ctx)->host->log((ctx), __VA_ARGS__))

/* A string member, or NULL if it is absent, not a string, or empty (the API writes "" for "none"). */
KMCP_MAYBE_UNUSED static inline const char *kmcp_get_str(kmcp_ctx *ctx, const kmcp_json *object, const char *key)
{
    const char *text = ctx->host->json_str(ctx->host->json_get(object, key));

    return text && *text ? text : NULL;
}

/* An integer member, or DFLT. */
KMCP_MAYBE_UNUSED static inline int64_t kmcp_get_int(kmcp_ctx *ctx, const kmcp_json *object, const char *key,
                                                     int64_t dflt)
{
    int64_t value = dflt;

    return ctx->host->json_int(ctx->host->json_get(object, key), &value) ? value : dflt;
}

/* A boolean member, or DFLT. */
KMCP_MAYBE_UNUSED static inline int kmcp_get_bool(kmcp_ctx *ctx, const kmcp_json *object, const char *key, int dflt)
{
    int value = dflt;

    return ctx->host->json_bool(ctx->host->json_get(object, key), &value) ? value : dflt;
}

KMCP_MAYBE_UNUSED static inline kmcp_rc kmcp_set_str(kmcp_ctx *ctx, kmcp_json *object, const char *key,
                                                     const char *value)
{
    return ctx->host->json_set(ctx, object, key, ctx->host->json_new_str(ctx, value));
}

KMCP_MAYBE_UNUSED static inline kmcp_rc kmcp_set_int(kmcp_ctx *ctx, kmcp_json *object, const char *key, int64_t value)
{
    return ctx->host->json_set(ctx, object, key, ctx->host->json_new_int(ctx, value));
}

KMCP_MAYBE_UNUSED static inline kmcp_rc kmcp_set_bool(kmcp_ctx *ctx, kmcp_json *object, const char *key, int value)
{
    return ctx->host->json_set(ctx, object, key, ctx->host->json_new_bool(ctx, value));
}

/* Is VALUE, of a field that its route calls a secret, a handle that the host put there? It is the value itself where the
 * site wants that. How a person opens a handle the host adds to the answer. */
KMCP_MAYBE_UNUSED static inline int kmcp_is_handle(const char *value)
{
    return strncmp(value, "secret:", 7) == 0;
}

/* TEXT, which somebody else wrote (a device's name, a user's), as it stands in a sentence to a person: in quotes, with
 * quotes and backslashes in it escaped, so that it cannot end there and go on as if it were the sentence; at most 200
 * characters of it. NULL: OTHERWISE, without quotes. */
KMCP_MAYBE_UNUSED static inline const char *kmcp_quote(kmcp_ctx *ctx, const char *text, const char *otherwise)
{
    size_t len = text ? strlen(text) : 0, shown = 0, i;
    char *out = text ? (char *)ctx->host->alloc(ctx, 2 * len + 6) : NULL, *at = out;

    if (!text || !out)
        return otherwise;
    *at++ = '"';
    for (i = 0; i < len && shown < 200; i++) {
        if (text[i] == '"' || text[i] == '\\')
            *at++ = '\\';
        *at++ = text[i];
        shown += ((unsigned char)text[i + 1] & 0xC0) != 0x80; /* the last byte of a character */
    }
    memcpy(at, i < len ? "...\"" : "\"", i < len ? 5 : 2);
    return out;
}

/* A request on ROUTE with the one path parameter PATH, or none if that has no name. PATH must outlive it. */
KMCP_MAYBE_UNUSED static inline struct kmcp_request kmcp_request_on(const struct kmcp_route *route,
                                                                    const struct kmcp_param *path)
{
    struct kmcp_request request;

    memset(&request, 0, sizeof request);
    request.struct_size = (uint32_t)sizeof request;
    request.route = route;
    request.path = path;
    request.n_path = path->name ? 1 : 0;
    return request;
}

/* Gets only the members FIELDS ("mdm general") of what ROUTE, with at most one path parameter, answers. */
KMCP_MAYBE_UNUSED static inline KMCP_MUST_CHECK kmcp_rc kmcp_get_fields(kmcp_ctx *ctx, const struct kmcp_route *route,
                                                                        const char *param, const char *value,
                                                                        const char *fields, struct kmcp_reply *reply)
{
    const struct kmcp_param path[1] = { { param, value } };
    struct kmcp_request request = kmcp_request_on(route, path);

    request.fields = fields;
    reply->struct_size = (uint32_t)sizeof *reply;
    return ctx->host->http(ctx, &request, reply);
}

/* Sends what kmcp_call(ROUTE, PARAM, VALUE) or kmcp_get_fields() will ask for soon; see ahead(). */
KMCP_MAYBE_UNUSED static inline void kmcp_ahead(kmcp_ctx *ctx, const struct kmcp_route *route, const char *param,
                                                const char *value)
{
    const struct kmcp_param path[1] = { { param, value } };
    struct kmcp_request request = kmcp_request_on(route, path);

    ctx->host->ahead(ctx, &request);
}

/* Sends ROUTE with at most one path parameter and an optional body. */
KMCP_MAYBE_UNUSED static inline KMCP_MUST_CHECK kmcp_rc kmcp_call(kmcp_ctx *ctx, const struct kmcp_route *route,
                                                                  const char *param, const char *value,
                                                                  const kmcp_json *body, struct kmcp_reply *reply)
{
    const struct kmcp_param path[1] = { { param, value } };
    struct kmcp_request request = kmcp_request_on(route, path);

    request.body = body;
    reply->struct_size = (uint32_t)sizeof *reply;
    return ctx->host->http(ctx, &request, reply);
}

#ifdef __cplusplus
}
#endif
#endif
