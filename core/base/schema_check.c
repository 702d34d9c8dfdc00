/* schema_check.c - a value against a schema, with one sentence about the first thing wrong.
 * SPDX-License-Identifier: Apache-2.0 */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schema_inner.h"
#include "text.h"

struct checker {
    const struct schema *s;
    char *why;
    size_t why_size;
    char path[200]; /* "filters.limit", "tags[2]"; "" at the root */
    size_t steps;   /* what anyOf and the like may cost */
};

#define STEPS_MAX 100000

static bool fail(struct checker *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool fail(struct checker *c, const char *fmt, ...)
{
    char what[900];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    if (c->path[0])
        snprintf(c->why, c->why_size, "\"%s\" %s", c->path, what);
    else
        snprintf(c->why, c->why_size, "the arguments %s", what);
    return false;
}

static const char *kind_name(const kmcp_json *value)
{
    static const char *const names[] = { "nothing",  "null",   "true or false", "a number",
                                         "a string", "a list", "an object" };

    return names[json_kind(value)];
}

static bool is_type(const kmcp_json *value, const char *type)
{
    double d;

    switch (json_kind(value)) {
    case KMCP_JSON_NULL:
        return strcmp(type, "null") == 0;
    case KMCP_JSON_BOOL:
        return strcmp(type, "boolean") == 0;
    case KMCP_JSON_STRING:
        return strcmp(type, "string") == 0;
    case KMCP_JSON_ARRAY:
        return strcmp(type, "array") == 0;
    case KMCP_JSON_OBJECT:
        return strcmp(type, "object") == 0;
    case KMCP_JSON_NUMBER:
        json_num(value, &d);
        return strcmp(type, "number") == 0 || (strcmp(type, "integer") == 0 && d == floor(d));
    default:
        return false;
    }
}

static const char *type_words(const char *type)
{
    static const char *const words[][2] = { { "null", "null" },         { "boolean", "true or false" },
                                            { "object", "an object" },  { "array", "a list" },
                                            { "number", "a number" },   { "string", "a string" },
                                            { "integer", "an integer" } };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i][0], type) == 0)
            return words[i][1];
    return type;
}

static bool check_type(struct checker *c, const kmcp_json *types, const kmcp_json *value)
{
    char wanted[120] = "";

    if (!types)
        return true;
    if (json_str(types))
        return is_type(value, json_str(types))
                   ? true
                   : fail(c, "must be %s, not %s", type_words(json_str(types)), kind_name(value));
    for (const kmcp_json *t = json_first(types); t; t = json_next(t)) {
        size_t at = strlen(wanted);

        if (is_type(value, json_str(t)))
            return true;
        snprintf(wanted + at, sizeof wanted - at, "%s%s", at ? " or " : "", type_words(json_str(t)));
    }
    return fail(c, "must be %s, not %s", wanted, kind_name(value));
}

/* Names all values there may be, or as many whole ones as there is room for. */
static bool check_enum(struct checker *c, const kmcp_json *values, const kmcp_json *value)
{
    struct arena scratch;
    char list[800] = "";
    size_t at = 0, named = 0;

    for (const kmcp_json *v = json_first(values); v; v = json_next(v))
        if (json_equal(v, value))
            return true;
    arena_init(&scratch, 1 << 16);
    for (const kmcp_json *v = json_first(values); v; v = json_next(v)) {
        const char *text = json_text(&scratch, v);

        if (!text || at + strlen(text) + 3 > sizeof list)
            break;
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", named++ ? ", " : "", text);
    }
    if (named < json_len(values))
        fail(c, "must be one of %s and %zu more", list, json_len(values) - named);
    else
        fail(c, "must be one of %s", list);
    arena_release(&scratch, 0);
    return false;
}

static bool check_number(struct checker *c, const kmcp_json *schema, const kmcp_json *value)
{
    double d, limit;

    if (!json_num(value, &d))
        return true;
    if (json_num(json_get(schema, "minimum"), &limit) && d < limit)
        return fail(c, "must be at least %.15g", limit);
    if (json_num(json_get(schema, "maximum"), &limit) && d > limit)
        return fail(c, "must be at most %.15g", limit);
    if (json_num(json_get(schema, "exclusiveMinimum"), &limit) && d <= limit)
        return fail(c, "must be more than %.15g", limit);
    if (json_num(json_get(schema, "exclusiveMaximum"), &limit) && d >= limit)
        return fail(c, "must be less than %.15g", limit);
    if (json_num(json_get(schema, "multipleOf"), &limit) && fabs(remainder(d, limit)) > fabs(limit) * 1e-9)
        return fail(c, "must be a multiple of %.15g", limit);
    return true;
}

static bool check_string(struct checker *c, const kmcp_json *schema, const kmcp_json *value)
{
    const char *text = json_str(value);
    const kmcp_json *pattern = json_get(schema, "pattern");
    int64_t limit;

    if (!text)
        return true;
    if (json_int(json_get(schema, "minLength"), &limit) && (int64_t)text_codepoints(text) < limit)
        return *text ? fail(c, "must have at least %lld characters", (long long)limit)
                     : fail(c, "must not be empty");
    if (json_int(json_get(schema, "maxLength"), &limit) && (int64_t)text_codepoints(text) > limit)
        return fail(c, "must have at most %lld characters", (long long)limit);
    for (size_t i = 0; pattern && i < c->s->n_patterns; i++)
        if (c->s->patterns[i].node == pattern && regexec(&c->s->patterns[i].regex, text, 0, NULL, 0) != 0)
            return fail(c, "must match %.100s", json_str(pattern));
    return true;
}

static bool check(struct checker *c, const kmcp_json *schema, const kmcp_json *value);

/* Checks VALUE one level deeper, NAME (or [I]) appended to the path. */
static bool check_under(struct checker *c, const kmcp_json *schema, const kmcp_json *value, const char *name,
                        size_t i)
{
    size_t at = strlen(c->path);
    bool ok;

    if (name)
        snprintf(c->path + at, sizeof c->path - at, "%s%.60s", at ? "." : "", name);
    else
        snprintf(c->path + at, sizeof c->path - at, "[%zu]", i);
    ok = check(c, schema, value);
    c->path[at] = '\0';
    return ok;
}

static bool check_array(struct checker *c, const kmcp_json *schema, const kmcp_json *value)
{
    const kmcp_json *prefix = json_first(json_get(schema, "prefixItems")), *items = json_get(schema, "items");
    size_t n = json_len(value), i = 0;
    int64_t limit;

    if (json_kind(value) != KMCP_JSON_ARRAY)
        return true;
    if (json_int(json_get(schema, "minItems"), &limit) && (int64_t)n < limit)
        return fail(c, "must have at least %lld entries", (long long)limit);
    if (json_int(json_get(schema, "maxItems"), &limit) && (int64_t)n > limit)
        return fail(c, "must have at most %lld entries", (long long)limit);
    for (const kmcp_json *item = json_first(value); item; item = json_next(item), i++) {
        const kmcp_json *under = prefix ? prefix : items;

        if (under && !check_under(c, under, item, NULL, i))
            return false;
        prefix = json_next(prefix);
    }
    if (json_is_true(json_get(schema, "uniqueItems")))
        for (const kmcp_json *a = json_first(value); a; a = json_next(a))
            for (const kmcp_json *b = json_next(a); b; b = json_next(b))
                if (++c->steps > STEPS_MAX || json_equal(a, b))
                    return fail(c, c->steps > STEPS_MAX ? "is too large to check"
                                                        : "holds the same entry twice");
    return true;
}

/* `unknown argument "devceid"; the arguments are: device_id, confirm` */
static bool unknown_member(struct checker *c, const kmcp_json *properties, const char *name)
{
    char list[300] = "";

    for (const kmcp_json *p = json_first(properties); p; p = json_next(p)) {
        size_t at = strlen(list);

        snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", json_key(p));
    }
    snprintf(c->why, c->why_size, "unknown argument \"%s%s%.60s\"; %s%s", c->path, c->path[0] ? "." : "",
             name, list[0] ? "the arguments are: " : "there are no arguments", list);
    return false;
}

static bool check_object(struct checker *c, const kmcp_json *schema, const kmcp_json *value)
{
    const kmcp_json *properties = json_get(schema, "properties"),
                    *more = json_get(schema, "additionalProperties");
    bool allowed = true;

    if (json_kind(value) != KMCP_JSON_OBJECT)
        return true;
    for (const kmcp_json *m = json_first(value); m; m = json_next(m)) {
        const kmcp_json *under = json_get(properties, json_key(m));

        if (!under && json_bool(more, &allowed) && !allowed)
            return unknown_member(c, properties, json_key(m));
        under = under ? under : json_kind(more) == KMCP_JSON_OBJECT ? more : NULL;
        if (under && !check_under(c, under, m, json_key(m), 0))
            return false;
    }
    for (const kmcp_json *r = json_first(json_get(schema, "required")); r; r = json_next(r))
        if (!json_get(value, json_str(r))) {
            snprintf(c->why, c->why_size, "\"%s%s%s\" is missing", c->path, c->path[0] ? "." : "",
                     json_str(r));
            return false;
        }
    return true;
}

static size_t count_matching(struct checker *c, const kmcp_json *list, const kmcp_json *value)
{
    size_t n = 0;

    for (const kmcp_json *s = json_first(list); s; s = json_next(s))
        n += check(c, s, value);
    return n;
}

static bool check_combined(struct checker *c, const kmcp_json *schema, const kmcp_json *value)
{
    const kmcp_json *any = json_get(schema, "anyOf"), *one = json_get(schema, "oneOf"),
                    *not = json_get(schema, "not");
    const kmcp_json *condition = json_get(schema, "if"), *branch = NULL;
    const char *ref = json_str(json_get(schema, "$ref"));

    for (const kmcp_json *s = json_first(json_get(schema, "allOf")); s; s = json_next(s))
        if (!check(c, s, value))
            return false;
    if (any && !count_matching(c, any, value))
        return json_len(any) == 1 ? false : fail(c, "fits none of its allowed forms");
    if (one && count_matching(c, one, value) != 1)
        return fail(c, "must fit exactly one of its allowed forms");
    if (not &&check(c, not, value))
        return fail(c, "has a form that is not allowed");
    if (condition)
        branch = json_get(schema, check(c, condition, value) ? "then" : "else");
    if (branch && !check(c, branch, value))
        return false;
    return ref ? check(c, schema_resolve(c->s, ref), value) : true;
}

static bool check(struct checker *c, const kmcp_json *schema, const kmcp_json *value)
{
    const kmcp_json *constant = json_get(schema, "const");
    bool allowed;

    if (++c->steps > STEPS_MAX)
        return fail(c, "is too large to check");
    if (json_bool(schema, &allowed))
        return allowed ? true : fail(c, "is not allowed");
    if (!check_type(c, json_get(schema, "type"), value))
        return false;
    if (constant && !json_equal(constant, value))
        return fail(c, "has a value that is not allowed");
    if (json_get(schema, "enum") && !check_enum(c, json_get(schema, "enum"), value))
        return false;
    return check_number(c, schema, value) && check_string(c, schema, value) &&
           check_array(c, schema, value) && check_object(c, schema, value) &&
           check_combined(c, schema, value);
}

bool schema_check(const struct schema *s, const kmcp_json *value, char *why, size_t why_size)
{
    struct checker c = { .s = s, .why = why, .why_size = why_size };

    why[0] = '\0';
    return check(&c, s->root, value);
}
