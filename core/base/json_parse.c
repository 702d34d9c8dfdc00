/* json_parse.c - JSON values out of text, strictly.  SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json_inner.h"
#include "json_scan.h"

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
    json_use(a);
    value = text ? cJSON_ParseWithLengthOpts(text, len, NULL, 0) : NULL;
    if (value && found.big_numbers)
        restore_big(value);
    json_done(value);
    if (value && (flags & JSON_UNIQUE) && !names_unique(a, value)) {
        if (error)
            *error = (struct json_error){ 0, "a member name occurs twice in one object" };
        return NULL;
    }
    if (!value && error)
        *error = (struct json_error){ 0, "out of memory" };
    return (kmcp_json *)value;
}
