/* fakehost_json.c - the JSON functions of the fake host.  SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>

#include "fakehost_inner.h"

/* JSON nodes made in a call: detached ones are freed with it. A plain leak list would free twice what was put
 * into another, so nodes are copied when they are put somewhere. */
struct node {
    cJSON *value;
    struct node *next;
};
static struct node *nodes; /* one test at a time */

cJSON *fake_node(cJSON *value)
{
    struct node *n = malloc(sizeof *n);

    if (!n || !value)
        abort();
    n->value = value;
    n->next = nodes;
    nodes = n;
    return value;
}

void fake_forget_nodes(void)
{
    while (nodes) {
        struct node *n = nodes;

        nodes = n->next;
        cJSON_Delete(n->value);
        free(n);
    }
}

uint32_t fake_json_kind(const kmcp_json *value)
{
    if (!value)
        return KMCP_JSON_NONE;
    if (cJSON_IsBool(in(value)))
        return KMCP_JSON_BOOL;
    if (cJSON_IsNumber(in(value)))
        return KMCP_JSON_NUMBER;
    if (cJSON_IsString(in(value)))
        return KMCP_JSON_STRING;
    if (cJSON_IsArray(in(value)))
        return KMCP_JSON_ARRAY;
    return cJSON_IsObject(in(value)) ? KMCP_JSON_OBJECT : KMCP_JSON_NULL;
}

const kmcp_json *fake_json_get(const kmcp_json *value, const char *key)
{
    return cJSON_IsObject(in(value)) ? (const kmcp_json *)cJSON_GetObjectItemCaseSensitive(in(value), key)
                                     : NULL;
}

const kmcp_json *fake_json_at(const kmcp_json *value, size_t i)
{
    return value ? (const kmcp_json *)cJSON_GetArrayItem(in(value), (int)i) : NULL;
}

const kmcp_json *fake_json_next(const kmcp_json *value)
{
    return value ? (const kmcp_json *)in(value)->next : NULL;
}

const char *fake_json_key(const kmcp_json *value)
{
    return value ? in(value)->string : NULL;
}

size_t fake_json_len(const kmcp_json *value)
{
    return value && (cJSON_IsArray(in(value)) || cJSON_IsObject(in(value)))
               ? (size_t)cJSON_GetArraySize(in(value))
               : 0;
}

const char *fake_json_str(const kmcp_json *value)
{
    return cJSON_IsString(in(value)) ? in(value)->valuestring : NULL;
}

int fake_json_num(const kmcp_json *value, double *out)
{
    if (!cJSON_IsNumber(in(value)))
        return 0;
    *out = in(value)->valuedouble;
    return 1;
}

int fake_json_int(const kmcp_json *value, int64_t *out)
{
    double d;

    if (!fake_json_num(value, &d) || d != (double)(int64_t)d)
        return 0;
    *out = (int64_t)d;
    return 1;
}

int fake_json_bool(const kmcp_json *value, int *out)
{
    if (!cJSON_IsBool(in(value)))
        return 0;
    *out = cJSON_IsTrue(in(value));
    return 1;
}

kmcp_json *fake_json_new(kmcp_ctx *ctx, const char *text)
{
    cJSON *value = cJSON_Parse(text);

    if (!value)
        fake_fail(ctx, KMCP_E_BUG, "not JSON: %s", text);
    return value ? (kmcp_json *)fake_node(value) : NULL;
}

kmcp_json *fake_json_new_str(kmcp_ctx *ctx, const char *text)
{
    (void)ctx;
    return (kmcp_json *)fake_node(text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

kmcp_json *fake_json_new_num(kmcp_ctx *ctx, double value)
{
    (void)ctx;
    return (kmcp_json *)fake_node(cJSON_CreateNumber(value));
}

kmcp_json *fake_json_new_int(kmcp_ctx *ctx, int64_t value)
{
    return fake_json_new_num(ctx, (double)value);
}

kmcp_json *fake_json_new_bool(kmcp_ctx *ctx, int value)
{
    (void)ctx;
    return (kmcp_json *)fake_node(cJSON_CreateBool(value));
}

kmcp_json *fake_json_copy(kmcp_ctx *ctx, const kmcp_json *value)
{
    (void)ctx;
    return (kmcp_json *)fake_node(cJSON_Duplicate(in(value), 1));
}

kmcp_rc fake_json_set(kmcp_ctx *ctx, kmcp_json *object, const char *key, const kmcp_json *value)
{
    (void)ctx;
    if (!value || !cJSON_IsObject(in(object)))
        return KMCP_E_NOMEM;
    cJSON_DeleteItemFromObjectCaseSensitive((cJSON *)object, key);
    return cJSON_AddItemToObject((cJSON *)object, key, cJSON_Duplicate(in(value), 1)) ? KMCP_OK
                                                                                      : KMCP_E_NOMEM;
}

kmcp_rc fake_json_append(kmcp_ctx *ctx, kmcp_json *array, const kmcp_json *value)
{
    (void)ctx;
    if (!value || !cJSON_IsArray(in(array)))
        return KMCP_E_NOMEM;
    return cJSON_AddItemToArray((cJSON *)array, cJSON_Duplicate(in(value), 1)) ? KMCP_OK : KMCP_E_NOMEM;
}

const char *fake_json_text(kmcp_ctx *ctx, const kmcp_json *value)
{
    return fake_block(of(ctx), cJSON_PrintUnformatted(in(value)));
}
