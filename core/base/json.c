/* json.c - kmcp_json over cJSON: the only file that sees cJSON.h. A kmcp_json is a cJSON node in an arena.
 * SPDX-License-Identifier: Apache-2.0 */

#include <cjson/cJSON.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "json_scan.h"
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

static void use(struct arena *a)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, set_hooks);
    current = a;
}

static const cJSON *in(const kmcp_json *value)
{
    return (const cJSON *)value;
}

static kmcp_json *out(cJSON *value)
{
    current = NULL;
    return (kmcp_json *)value;
}

/* ---- reading text ---- */

/* A literal that a double cannot hold becomes a string with this prefix while cJSON parses, and raw text
 * after. The byte FF cannot occur in accepted text. */
#define BIG "\xFF#"

/* TEXT with big integers as marked strings and NUL escapes replaced. */
static char *rewrite(struct arena *a, const char *text, size_t len, unsigned flags, size_t *new_len)
{
    struct buf b;
    bool in_string = false;
    char *copy;

    buf_init(&b, (size_t)1 << 31);
    for (size_t i = 0; i < len;) {
        if (in_string && text[i] == '\\' && strncmp(text + i + 1, "u0000", 5) == 0) {
            buf_puts(&b, flags & JSON_NUL_REPLACED ? "\xEF\xBF\xBD" : "\xC0\x80");
            i += 6;
        } else if (in_string && text[i] == '\\') {
            buf_add(&b, text + i, 2);
            i += 2;
        } else if (!in_string && (text[i] == '-' || (text[i] >= '0' && text[i] <= '9'))) {
            size_t n = strspn(text + i, "+-.0123456789eE"); /* TEXT is NUL-terminated by json_parse */
            bool integer = !memchr(text + i, '.', n) && !memchr(text + i, 'e', n) &&
                           !memchr(text + i, 'E', n);

            if (integer && json_scan_is_big(text + i, n)) {
                buf_puts(&b, "\"" BIG);
                buf_add(&b, text + i, n);
                buf_putc(&b, '"');
            } else {
                buf_add(&b, text + i, n);
            }
            i += n;
        } else {
            if (text[i] == '"')
                in_string = !in_string;
            buf_putc(&b, text[i++]);
        }
    }
    *new_len = b.len;
    copy = b.failed ? NULL : arena_strndup(a, b.data, b.len);
    buf_free(&b);
    return copy;
}

static void restore_big(cJSON *value)
{
    if (cJSON_IsString(value) && strncmp(value->valuestring, BIG, strlen(BIG)) == 0) {
        value->type = cJSON_Raw;
        value->valuestring += strlen(BIG);
        value->valuedouble = strtod(value->valuestring, NULL);
    }
    for (cJSON *child = value->child; child; child = child->next)
        restore_big(child);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* No member name twice in any object: sorted per object, so that a thousand members cost little. */
static bool names_unique(struct arena *a, const cJSON *value)
{
    struct arena_mark mark = arena_mark(a);
    size_t n = (size_t)cJSON_GetArraySize(value), i = 0;

    if (cJSON_IsObject(value) && n > 1) {
        const char **names = arena_alloc(a, n * sizeof *names);

        if (!names)
            return false;
        for (const cJSON *child = value->child; child; child = child->next)
            names[i++] = child->string;
        qsort(names, n, sizeof *names, by_name);
        for (i = 1; i < n; i++)
            if (strcmp(names[i - 1], names[i]) == 0)
                return false;
        arena_rewind(a, mark);
    }
    for (const cJSON *child = value->child; child; child = child->next)
        if (child->child && !names_unique(a, child))
            return false;
    return true;
}

kmcp_json *json_parse(struct arena *a, const char *text, size_t len, unsigned flags, struct json_error *error)
{
    struct json_scan found;
    cJSON *value;

    if (!json_scan(text, len, flags, &found, error))
        return NULL;
    if (found.big_numbers || found.nuls) {
        text = arena_strndup(a, text, len);
        text = text ? rewrite(a, text, len, flags, &len) : NULL;
    }
    use(a);
    value = text ? cJSON_ParseWithLengthOpts(text, len, NULL, 0) : NULL;
    if (value && found.big_numbers)
        restore_big(value);
    out(value);
    if (value && (flags & JSON_UNIQUE) && !names_unique(a, value)) {
        if (error)
            *error = (struct json_error){ 0, "a member name occurs twice in one object" };
        return NULL;
    }
    if (!value && error)
        *error = (struct json_error){ 0, "out of memory" };
    return (kmcp_json *)value;
}

/* ---- reading values ---- */

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

#define BUILD(expression) (use(a), out(expression))

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
    use(a);
    node = cJSON_CreateRaw(literal);
    if (node)
        node->valuedouble = (double)value;
    return out(node);
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
    use(a);
    copy = cJSON_Duplicate(in(value), 1);
    out(copy);
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
    use(a);
    if (cJSON_GetObjectItemCaseSensitive(parent, key))
        ok = cJSON_ReplaceItemInObjectCaseSensitive(parent, key, item);
    else
        ok = cJSON_AddItemToObject(parent, key, item);
    out(NULL);
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

    /* The old array is given up as a whole: its other links are of no more use (sweep.c reads on through a
     * saved next). */
    item->prev = item->next = NULL;
    return cJSON_AddItemToArray(to, item);
}

bool json_become_str(struct arena *a, kmcp_json *node, const char *text)
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

bool json_replace_str(struct arena *a, kmcp_json *node, const char *text)
{
    return json_become_str(a, node, text);
}

/* ---- writing ---- */

bool json_quote(struct buf *b, const char *text)
{
    buf_putc(b, '"');
    while (*text) {
        size_t n = strcspn(
            text, "\"\\\n\r\t\b\f\x01\x02\x03\x04\x05\x06\x07\x0B\x0E\x0F\x10\x11\x12\x13\x14\x15\x16\x17"
                  "\x18\x19\x1A\x1B\x1C\x1D\x1E\x1F\xC0");

        buf_add(b, text, n);
        text += n;
        if (!*text)
            break;
        if (strncmp(text, "\xC0\x80", 2) == 0) {
            buf_puts(b, "\\u0000");
            text++;
        } else if (*text == '"' || *text == '\\') {
            buf_putc(b, '\\');
            buf_putc(b, *text);
        } else if (*text == '\n') {
            buf_puts(b, "\\n");
        } else if (*text == '\t') {
            buf_puts(b, "\\t");
        } else {
            buf_printf(b, "\\u%04x", (unsigned char)*text == 0xC0 ? 0xFFFD : (unsigned)(unsigned char)*text);
        }
        text++;
    }
    return buf_putc(b, '"');
}

static void write_number(struct buf *b, const cJSON *value)
{
    char literal[40];
    double d = value->valuedouble;

    if ((value->type & 0xFF) == cJSON_Raw) {
        buf_puts(b, value->valuestring);
        return;
    }
    if (d == floor(d) && fabs(d) <= 9007199254740992.0) {
        buf_printf(b, "%lld", (long long)d);
        return;
    }
    snprintf(literal, sizeof literal, "%.15g", d);
    if (strtod(literal, NULL) != d)
        snprintf(literal, sizeof literal, "%.17g", d);
    buf_puts(b, literal);
}

static int by_member(const void *x, const void *y)
{
    return strcmp((*(const cJSON *const *)x)->string, (*(const cJSON *const *)y)->string);
}

static void write_value(struct buf *b, struct arena *sort, const cJSON *value);

static void write_members(struct buf *b, struct arena *sort, const cJSON *object)
{
    size_t n = (size_t)cJSON_GetArraySize(object), i = 0;
    const cJSON **members = sort ? arena_alloc(sort, n * sizeof *members + 1) : NULL;
    const cJSON *next = object->child;

    if (sort && !members) {
        b->failed = true;
        return;
    }
    for (const cJSON *m = object->child; members && m; m = m->next)
        members[i++] = m;
    if (members && n)
        qsort(members, n, sizeof *members, by_member);
    for (i = 0; i < n; i++) {
        const cJSON *member = members ? members[i] : next;

        if (i)
            buf_putc(b, ',');
        json_quote(b, member->string);
        buf_putc(b, ':');
        write_value(b, sort, member);
        next = member->next;
    }
}

static void write_value(struct buf *b, struct arena *sort, const cJSON *value)
{
    switch (value->type & 0xFF) {
    case cJSON_Number:
    case cJSON_Raw:
        write_number(b, value);
        break;
    case cJSON_String:
        json_quote(b, value->valuestring);
        break;
    case cJSON_Array:
        buf_putc(b, '[');
        for (const cJSON *item = value->child; item; item = item->next) {
            write_value(b, sort, item);
            if (item->next)
                buf_putc(b, ',');
        }
        buf_putc(b, ']');
        break;
    case cJSON_Object:
        buf_putc(b, '{');
        write_members(b, sort, value);
        buf_putc(b, '}');
        break;
    default:
        buf_puts(b, cJSON_IsTrue(value) ? "true" : cJSON_IsFalse(value) ? "false" : "null");
    }
}

static const char *write_text(struct arena *a, const kmcp_json *value, struct arena *sort)
{
    struct buf b;
    const char *text;

    if (!value)
        return NULL;
    buf_init(&b, a->ceiling);
    write_value(&b, sort, in(value));
    text = b.failed ? NULL : arena_strndup(a, b.data, b.len);
    buf_wipe(&b); /* a PIN may be in it */
    return text;
}

const char *json_text(struct arena *a, const kmcp_json *value)
{
    return write_text(a, value, NULL);
}

const char *json_canonical(struct arena *a, const kmcp_json *value)
{
    return write_text(a, value, a);
}
