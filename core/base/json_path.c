/* json_path.c - a value named by where a row has it.  SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "json_path.h"

/* The member whose name is the LEN bytes at KEY. */
static const kmcp_json *member(const kmcp_json *object, const char *key, size_t len)
{
    if (json_kind(object) != KMCP_JSON_OBJECT)
        return NULL;
    for (const kmcp_json *m = json_first(object); m; m = json_next(m))
        if (strncmp(json_key(m), key, len) == 0 && !json_key(m)[len])
            return m;
    return NULL;
}

/* The item whose number, from 0, is the LEN bytes at DIGITS. */
static const kmcp_json *item(const kmcp_json *array, const char *digits, size_t len)
{
    size_t i = 0;

    if (len == 0 || len > 6 || strspn(digits, "0123456789") < len)
        return NULL;
    while (len--)
        i = 10 * i + (size_t)(*digits++ - '0');
    return json_at(array, i);
}

const kmcp_json *json_path(const kmcp_json *row, const char *field)
{
    while (*field) {
        size_t whole = strcspn(field, "|");
        const kmcp_json *value = row;

        for (size_t at = 0, len; value && at < whole; at += len + 1) {
            len = strcspn(field + at, ".|");
            value = json_kind(value) == KMCP_JSON_ARRAY ? item(value, field + at, len)
                                                        : member(value, field + at, len);
        }
        if (value)
            return value;
        field += whole;
        field += field[0] == '|';
    }
    return NULL;
}

const char *json_path_members(struct arena *a, const char *list, const char *field)
{
    while (list && *field) {
        size_t whole = strcspn(field, "|"), len = strcspn(field, ".|");
        bool there = false;

        for (const char *word = list; *word && !there;) {
            size_t n = strcspn(word, " ");

            there = n == len && memcmp(word, field, n) == 0;
            word += n;
            word += *word == ' ';
        }
        if (!there)
            list = arena_format(a, "%s%s%.*s", list, *list ? " " : "", (int)len, field);
        field += whole;
        field += *field == '|';
    }
    return list;
}

/* Is one of the words FIELDS, or its last part, the LEN bytes at NAME? */
static bool has_word(const char *fields, const char *name, size_t len)
{
    while (*fields) {
        size_t n = strcspn(fields, " ");
        const char *dot = memchr(fields, '.', n), *last = dot ? dot + 1 : fields;

        if ((size_t)(fields + n - last) == len && memcmp(last, name, len) == 0)
            return true;
        fields += n;
        fields += *fields == ' ';
    }
    return false;
}

bool json_path_is_under(const char *fields, const char *field)
{
    while (fields && *field) {
        size_t n = strcspn(field, ".|");

        if (has_word(fields, field, n))
            return true;
        field += n;
        field += *field != '\0';
    }
    return false;
}
