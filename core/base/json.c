/* json.c - JSON values in an arena: looked at, built, changed.  SPDX-License-Identifier: Apache-2.0 */

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json_inner.h"
#include "text.h"

/* cJSON's allocator hooks are process-wide; which arena they use is the calling thread's, set around each
 * call. */
static _Thread_local struct arena *current;

static void *hook_malloc(size_t size)
{
    return current ? arena_alloc(current, size) : NULL;
}

static void hook_free(void *p)
{
    (void)p; /* the arena's */
}

static void set_hooks(void)
{
    cJSON_Hooks hooks = { hook_malloc, hook_free };

    cJSON_InitHooks(&hooks);
}

void json_use(struct arena *a)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, set_hooks);
    current = a;
}

kmcp_json *json_done(cJSON *value)
{
    current = NULL;
    return (kmcp_json *)value;
}

/* ---- looking ---- */

uint32_t json_kind(const kmcp_json *value)
{
    if (!value)
        return KMCP_JSON_NONE;
    switch (in(value)->type & 0xFF) {
    case cJSON_False:
    case cJSON_True:
        return KMCP_JSON_BOOL;
    case cJSON_Number:
    case cJSON_Raw:
        return KMCP_JSON_NUMBER;
    case cJSON_String:
        return KMCP_JSON_STRING;
    case cJSON_Array:
        return KMCP_JSON_ARRAY;
    case cJSON_Object:
        return KMCP_JSON_OBJECT;
    default:
        return KMCP_JSON_NULL;
    }
}

const kmcp_json *json_get(const kmcp_json *object, const char *key)
{
    if (json_kind(object) != KMCP_JSON_OBJECT)
        return NULL;
    return (const kmcp_json *)cJSON_GetObjectItemCaseSensitive(in(object), key);
}

const kmcp_json *json_first(const kmcp_json *value)
{
    uint32_t kind = json_kind(value);

    return kind == KMCP_JSON_ARRAY || kind == KMCP_JSON_OBJECT ? (const kmcp_json *)in(value)->child : NULL;
}

const kmcp_json *json_next(const kmcp_json *value)
{
    return value ? (const kmcp_json *)in(value)->next : NULL;
}

const kmcp_json *json_at(const kmcp_json *value, size_t i)
{
    const kmcp_json *item = json_first(value);

    while (item && i--)
        item = json_next(item);
    return item;
}

const char *json_key(const kmcp_json *value)
{
    return value ? in(value)->string : NULL;
}

size_t json_len(const kmcp_json *value)
{
    return json_first(value) ? (size_t)cJSON_GetArraySize(in(value)) : 0;
}

const char *json_str(const kmcp_json *value)
{
    return json_kind(value) == KMCP_JSON_STRING ? in(value)->valuestring : NULL;
}

bool json_int(const kmcp_json *value, int64_t *result)
{
    double d;

    if (json_kind(value) != KMCP_JSON_NUMBER)
        return false;
    if ((in(value)->type & 0xFF) == cJSON_Raw) {
        char *end;
        long long exact = strtoll(in(value)->valuestring, &end, 10);

        if (*end || in(value)->valuedouble > 9.3e18 || in(value)->valuedouble < -9.3e18)
            return false;
        if ((exact == INT64_MAX && strcmp(in(value)->valuestring, "9223372036854775807") != 0) ||
            (exact == INT64_MIN && strcmp(in(value)->valuestring, "-9223372036854775808") != 0))
            return false;
        *result = exact;
        return true;
    }
    d = in(value)->valuedouble;
    if (!(d >= -9007199254740992.0 && d <= 9007199254740992.0) || d != floor(d))
        return false;
    *result = (int64_t)d;
    return true;
}

bool json_num(const kmcp_json *value, double *result)
{
    if (json_kind(value) != KMCP_JSON_NUMBER)
        return false;
    *result = in(value)->valuedouble;
    return true;
}

bool json_bool(const kmcp_json *value, bool *result)
{
    if (json_kind(value) != KMCP_JSON_BOOL)
        return false;
    *result = cJSON_IsTrue(in(value));
    return true;
}

bool json_is_true(const kmcp_json *value)
{
    bool is = false;

    return json_bool(value, &is) && is;
}

bool json_equal(const kmcp_json *a, const kmcp_json *b)
{
    uint32_t kind = json_kind(a);

    if (kind != json_kind(b))
        return false;
    if (kind == KMCP_JSON_NUMBER && ((in(a)->type | in(b)->type) & cJSON_Raw)) {
        int64_t x, y;

        return json_int(a, &x) && json_int(b, &y) ? x == y : in(a)->valuedouble == in(b)->valuedouble;
    }
    return kind == KMCP_JSON_NONE || cJSON_Compare(in(a), in(b), 1);
}

/* ---- building ---- */

#define BUILD(expression) (json_use(a), json_done(expression))

kmcp_json *json_object(struct arena *a)
{
    return BUILD(cJSON_CreateObject());
}

kmcp_json *json_array(struct arena *a)
{
    return BUILD(cJSON_CreateArray());
}

kmcp_json *json_null(struct arena *a)
{
    return BUILD(cJSON_CreateNull());
}

kmcp_json *json_string(struct arena *a, const char *text)
{
    kmcp_json *value;
    struct buf clean;

    if (!text)
        return json_null(a);
    if (text_is_utf8(text, strlen(text)))
        return BUILD(cJSON_CreateString(text));
    buf_init(&clean, (size_t)1 << 31);
    text_neutral(&clean, text, strlen(text));
    value = clean.failed ? NULL : BUILD(cJSON_CreateString(clean.data));
    buf_free(&clean);
    return value;
}

kmcp_json *json_integer(struct arena *a, int64_t value)
{
    char literal[24];
    cJSON *node;

    if (value >= -9007199254740992 && value <= 9007199254740992)
        return BUILD(cJSON_CreateNumber((double)value));
    snprintf(literal, sizeof literal, "%lld", (long long)value);
    json_use(a);
    node = cJSON_CreateRaw(literal);
    if (node)
        node->valuedouble = (double)value;
    return json_done(node);
}

kmcp_json *json_number(struct arena *a, double value)
{
    return isfinite(value) ? BUILD(cJSON_CreateNumber(value)) : json_null(a);
}

kmcp_json *json_boolean(struct arena *a, bool value)
{
    return BUILD(cJSON_CreateBool(value));
}

/* cJSON_Duplicate loses valuedouble of raw nodes and is quadratic in nothing; it suits. */
static void copy_raw(cJSON *copy, const cJSON *from)
{
    if ((from->type & 0xFF) == cJSON_Raw)
        copy->valuedouble = from->valuedouble;
    copy = copy->child;
    for (from = from->child; from && copy; from = from->next, copy = copy->next)
        copy_raw(copy, from);
}

kmcp_json *json_copy(struct arena *a, const kmcp_json *value)
{
    cJSON *copy;

    if (!value)
        return NULL;
    json_use(a);
    copy = cJSON_Duplicate(in(value), 1);
    json_done(copy);
    if (copy)
        copy_raw(copy, in(value));
    return (kmcp_json *)copy;
}

/* A node is free to be put somewhere if it has no name, no neighbours. (A first and only element's prev is
 * itself.) */
static cJSON *adopt(struct arena *a, const kmcp_json *value)
{
    if (!value)
        return NULL;
    if (in(value)->prev || in(value)->next || in(value)->string)
        return (cJSON *)json_copy(a, value);
    return (cJSON *)(uintptr_t)value;
}

bool json_set(struct arena *a, kmcp_json *object, const char *key, const kmcp_json *value)
{
    cJSON *item = adopt(a, value), *parent = (cJSON *)object;
    bool ok;

    if (!item || json_kind(object) != KMCP_JSON_OBJECT)
        return false;
    json_use(a);
    if (cJSON_GetObjectItemCaseSensitive(parent, key))
        ok = cJSON_ReplaceItemInObjectCaseSensitive(parent, key, item);
    else
        ok = cJSON_AddItemToObject(parent, key, item);
    json_done(NULL);
    return ok;
}

bool json_append(struct arena *a, kmcp_json *array, const kmcp_json *value)
{
    cJSON *item = adopt(a, value);

    if (!item || json_kind(array) != KMCP_JSON_ARRAY)
        return false;
    return cJSON_AddItemToArray((cJSON *)array, item);
}

bool json_move(kmcp_json *array, const kmcp_json *node)
{
    cJSON *item = (cJSON *)(uintptr_t)node, *to = (cJSON *)array;

    /* The old array is given up as a whole: its other links are of no more use (pick.c reads on through a
     * saved next). */
    item->prev = item->next = NULL;
    return cJSON_AddItemToArray(to, item);
}

bool json_replace_str(struct arena *a, kmcp_json *node, const char *text)
{
    cJSON *value = (cJSON *)node;
    char *copy = arena_strdup(a, text);

    if (!copy)
        return false;
    value->type = (value->type & ~0xFF) | cJSON_String;
    value->valuestring = copy;
    value->child = NULL;
    return true;
}
