/* Reading JSON that clients send. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "body.h"

#include <cjson/cJSON.h>

static const cJSON *body_inner(const struct body *b)
{
    return (const cJSON *)(const void *)b;
}

static const struct body *body_outer(const cJSON *j)
{
    return (const struct body *)(const void *)j;
}

struct body *body_parse(const char *text, size_t n)
{
    return (struct body *)(void *)cJSON_ParseWithLengthOpts(text, n + 1, NULL, 1);
}

void body_free(struct body *b)
{
    cJSON_Delete((cJSON *)(void *)b);
}

const struct body *body_get(const struct body *object, const char *key)
{
    return body_outer(cJSON_GetObjectItemCaseSensitive(body_inner(object), key));
}

const struct body *body_first(const struct body *b)
{
    return body_is_array(b) || body_is_object(b) ? body_outer(body_inner(b)->child) : NULL;
}

const struct body *body_next(const struct body *b)
{
    return body_outer(body_inner(b)->next);
}

const char *body_key(const struct body *b)
{
    return body_inner(b)->string;
}

const char *body_text(const struct body *b)
{
    return cJSON_GetStringValue(body_inner(b));
}

bool body_is_object(const struct body *b)
{
    return cJSON_IsObject(body_inner(b));
}

bool body_is_array(const struct body *b)
{
    return cJSON_IsArray(body_inner(b));
}

bool body_is_null(const struct body *b)
{
    return cJSON_IsNull(body_inner(b));
}

bool body_bool(const struct body *b, bool *value)
{
    *value = cJSON_IsTrue(body_inner(b));
    return cJSON_IsBool(body_inner(b));
}

bool body_number(const struct body *b, double *value)
{
    *value = cJSON_IsNumber(body_inner(b)) ? body_inner(b)->valuedouble : 0;
    return cJSON_IsNumber(body_inner(b));
}
