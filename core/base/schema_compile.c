/* schema_compile.c - takes a JSON Schema apart and refuses what kmcp would not enforce.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema_inner.h"

struct compiler {
    struct schema *s;
    char *why;
    size_t why_size;
};

/* What a keyword's own value must be. */
enum shape {
    SUBSCHEMA,
    SUBSCHEMA_OR_BOOL,
    SUBSCHEMAS,
    NAMED_SUBSCHEMAS,
    TYPES,
    STRINGS,
    VALUES,
    COUNT,
    NUMBER,
    PATTERN,
    REF,
    BOOLEAN,
    ANY,
    DIALECT
};

static const struct {
    const char *name;
    enum shape shape;
} keywords[] = {
    { "type", TYPES },
    { "enum", VALUES },
    { "const", ANY },
    { "properties", NAMED_SUBSCHEMAS },
    { "required", STRINGS },
    { "additionalProperties", SUBSCHEMA_OR_BOOL },
    { "items", SUBSCHEMA_OR_BOOL },
    { "prefixItems", SUBSCHEMAS },
    { "minItems", COUNT },
    { "maxItems", COUNT },
    { "uniqueItems", BOOLEAN },
    { "minLength", COUNT },
    { "maxLength", COUNT },
    { "minimum", NUMBER },
    { "maximum", NUMBER },
    { "exclusiveMinimum", NUMBER },
    { "exclusiveMaximum", NUMBER },
    { "multipleOf", NUMBER },
    { "pattern", PATTERN },
    { "anyOf", SUBSCHEMAS },
    { "oneOf", SUBSCHEMAS },
    { "allOf", SUBSCHEMAS },
    { "not", SUBSCHEMA },
    { "if", SUBSCHEMA_OR_BOOL },
    { "then", SUBSCHEMA_OR_BOOL },
    { "else", SUBSCHEMA_OR_BOOL },
    { "$ref", REF },
    { "$defs", NAMED_SUBSCHEMAS },
    { "$schema", DIALECT },
    /* annotations */
    { "title", ANY },
    { "description", ANY },
    { "default", ANY },
    { "examples", ANY },
    { "format", ANY },
    { "$comment", ANY },
    { "$anchor", ANY }, /* a name that no $ref of ours can use: REF takes #/$defs/NAME alone */
    { "deprecated", ANY },
    { "readOnly", ANY },
    { "writeOnly", ANY },
    { "x-mcp-header", ANY },
};

static bool fail(struct compiler *c, const char *path, const char *what)
{
    if (!c->why[0])
        snprintf(c->why, c->why_size, "%s at %.120s", what, *path ? path : "the root");
    return false;
}

const kmcp_json *schema_resolve(const struct schema *s, const char *ref)
{
    if (strncmp(ref, "#/$defs/", 8) != 0 || strpbrk(ref + 8, "/~%"))
        return NULL;
    return json_get(json_get(s->root, "$defs"), ref + 8);
}

static bool compile(struct compiler *c, const kmcp_json *node, const char *path, int depth);

static bool compile_list(struct compiler *c, const kmcp_json *list, const char *path, int depth)
{
    char deeper[256];
    size_t i = 0;

    if (!json_len(list))
        return fail(c, path, "an empty list of schemas");
    for (const kmcp_json *item = json_first(list); item; item = json_next(item), i++) {
        snprintf(deeper, sizeof deeper, "%s/%zu", path, i);
        if (!compile(c, item, deeper, depth + 1))
            return false;
    }
    return true;
}

static bool compile_named(struct compiler *c, const kmcp_json *map, const char *path, int depth)
{
    char deeper[256];

    for (const kmcp_json *item = json_first(map); item; item = json_next(item)) {
        snprintf(deeper, sizeof deeper, "%s/%s", path, json_key(item));
        if (!compile(c, item, deeper, depth + 1))
            return false;
    }
    return true;
}

static bool known_type(const char *name)
{
    static const char *const types[] = {
        "null", "boolean", "object", "array", "number", "string", "integer"
    };

    for (size_t i = 0; name && i < sizeof types / sizeof *types; i++)
        if (strcmp(name, types[i]) == 0)
            return true;
    return false;
}

static bool check_types(const kmcp_json *value)
{
    if (json_kind(value) == KMCP_JSON_STRING)
        return known_type(json_str(value));
    for (const kmcp_json *item = json_first(value); item; item = json_next(item))
        if (!known_type(json_str(item)))
            return false;
    return json_kind(value) == KMCP_JSON_ARRAY && json_len(value) > 0;
}

static bool check_strings(const kmcp_json *value)
{
    for (const kmcp_json *item = json_first(value); item; item = json_next(item))
        if (!json_str(item))
            return false;
    return json_kind(value) == KMCP_JSON_ARRAY;
}

static bool compile_pattern(struct compiler *c, const kmcp_json *value, const char *path)
{
    struct schema *s = c->s;
    const char *text = json_str(value), *why;

    if (!text)
        return fail(c, path, "a pattern that is not a string");
    if (s->n_patterns == SCHEMA_PATTERNS_MAX)
        return fail(c, path, "more than 64 patterns");
    why = schema_pattern_compile(&s->patterns[s->n_patterns].regex, text);
    if (why)
        return fail(c, path, why);
    s->patterns[s->n_patterns++].node = value;
    return true;
}

static bool check_count(const kmcp_json *value)
{
    int64_t n;

    return json_int(value, &n) && n >= 0;
}

static bool compile_keyword(struct compiler *c, enum shape shape, const kmcp_json *value, const char *path,
                            int depth)
{
    uint32_t kind = json_kind(value);
    const char *text = json_str(value);
    double number = 0;
    bool flag;

    switch (shape) {
    case SUBSCHEMA:
        return compile(c, value, path, depth + 1);
    case SUBSCHEMA_OR_BOOL:
        return kind == KMCP_JSON_BOOL || compile(c, value, path, depth + 1);
    case SUBSCHEMAS:
        return kind == KMCP_JSON_ARRAY ? compile_list(c, value, path, depth)
                                       : fail(c, path, "expected a list of schemas");
    case NAMED_SUBSCHEMAS:
        return kind == KMCP_JSON_OBJECT ? compile_named(c, value, path, depth)
                                        : fail(c, path, "expected named schemas");
    case TYPES:
        return check_types(value) ? true : fail(c, path, "an unknown type");
    case STRINGS:
        return check_strings(value) ? true : fail(c, path, "expected a list of names");
    case VALUES:
        return kind == KMCP_JSON_ARRAY && json_len(value) ? true : fail(c, path, "expected a list of values");
    case COUNT:
        return check_count(value) ? true : fail(c, path, "expected a whole number from 0");
    case NUMBER:
        if (!json_num(value, &number) || (strstr(path, "/multipleOf") && number <= 0))
            return fail(c, path, "expected a number");
        return true;
    case PATTERN:
        return compile_pattern(c, value, path);
    case REF:
        if (!text || !schema_resolve(c->s, text))
            return fail(c, path, "a $ref that is not an existing #/$defs/NAME");
        return true;
    case BOOLEAN:
        return json_bool(value, &flag) ? true : fail(c, path, "expected true or false");
    case DIALECT:
        if (!text || strncmp(text, "https://json-schema.org/draft/2020-12/schema", 44) != 0)
            return fail(c, path, "a dialect other than JSON Schema 2020-12");
        return true;
    case ANY:
        return true;
    }
    return false;
}

static bool compile(struct compiler *c, const kmcp_json *node, const char *path, int depth)
{
    char deeper[256], what[160];

    if (json_kind(node) == KMCP_JSON_BOOL)
        return true;
    if (json_kind(node) != KMCP_JSON_OBJECT)
        return fail(c, path, "expected a schema");
    if (depth > 32 || ++c->s->n_nodes > SCHEMA_NODES_MAX)
        return fail(c, path, "a schema too deep or too large");
    for (const kmcp_json *member = json_first(node); member; member = json_next(member)) {
        size_t i = 0, n = sizeof keywords / sizeof *keywords;

        while (i < n && strcmp(keywords[i].name, json_key(member)) != 0)
            i++;
        if (i == n) {
            snprintf(what, sizeof what, "keyword \"%.60s\", which kmcp does not enforce,", json_key(member));
            return fail(c, path, what);
        }
        snprintf(deeper, sizeof deeper, "%s/%s", path, json_key(member));
        if (!compile_keyword(c, keywords[i].shape, member, deeper, depth))
            return false;
    }
    return true;
}

/* Follows $ref from NODE; a chain longer than there are nodes is a circle. */
static bool acyclic(const struct schema *s, const kmcp_json *node, size_t budget)
{
    const char *ref = json_str(json_get(node, "$ref"));

    if (!budget)
        return false;
    if (ref && !acyclic(s, schema_resolve(s, ref), budget - 1))
        return false;
    if (json_kind(node) == KMCP_JSON_OBJECT || json_kind(node) == KMCP_JSON_ARRAY)
        for (const kmcp_json *child = json_first(node); child; child = json_next(child))
            if (!(json_key(child) && strcmp(json_key(child), "$defs") == 0) && !acyclic(s, child, budget - 1))
                return false;
    return true;
}

struct schema *schema_compile(const char *text, char *why, size_t why_size)
{
    struct schema *s = calloc(1, sizeof *s);
    struct compiler c = { s, why, why_size };
    struct json_error error;

    why[0] = '\0';
    if (!s) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    arena_init(&s->arena, 4 << 20);
    s->root = json_parse(&s->arena, text, strlen(text), JSON_UNIQUE, &error);
    if (!s->root)
        snprintf(why, why_size, "not JSON: %s at byte %zu", error.what, error.offset);
    else if (compile(&c, s->root, "", 0) && !acyclic(s, s->root, 64))
        snprintf(why, why_size, "a $ref that leads back to itself, or nesting over 64");
    if (!why[0]) {
        s->text = json_text(&s->arena, s->root);
        if (s->text)
            return s;
        snprintf(why, why_size, "out of memory");
    }
    schema_free(s);
    return NULL;
}

void schema_free(struct schema *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_patterns; i++)
        regfree(&s->patterns[i].regex);
    arena_release(&s->arena, 0);
    free(s);
}

const char *schema_text(const struct schema *s)
{
    return s->text;
}

const kmcp_json *schema_json(const struct schema *s)
{
    return s->root;
}
