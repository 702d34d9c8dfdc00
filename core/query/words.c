/* words.c - values that callers know by another name than the API's.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/json_path.h"
#include "words.h"

struct word {
    const struct kmcp_column *column;
    const char *said, *api;
    size_t said_len, api_len;
};

/* The "COLUMN:SAID=API" at *AT, moving past it. False at the end. */
static bool next_word(const struct kmcp_query *q, const char **at, struct word *w)
{
    const char *colon = *at ? strchr(*at, ':') : NULL, *equals = colon ? strchr(colon, '=') : NULL;

    if (!equals)
        return false;
    w->column = column_find(q, *at, (size_t)(colon - *at));
    w->said = colon + 1;
    w->said_len = (size_t)(equals - w->said);
    w->api = equals + 1;
    w->api_len = strcspn(w->api, " ");
    *at = w->api + w->api_len;
    *at += **at == ' ';
    return true;
}

static bool is(const char *text, const char *word, size_t len)
{
    return strlen(text) == len && strncasecmp(text, word, len) == 0;
}

bool words_of_condition(const struct kmcp_query *q, struct arena *a, struct condition *c)
{
    const char *at = q->words;
    struct word w, meant = { 0 };
    bool known = false, has = false;

    while (c->operand.is && !known && next_word(q, &at, &w)) {
        if (w.column != c->column)
            continue;
        has = true;
        known = is(c->text, w.said, w.said_len);
        if (known || is(c->text, w.api, w.api_len))
            meant = w;
    }
    if (has && c->op != IS) /* part of a word is no part of what the API has in its place */
        c->api = NULL;
    if (!meant.said)
        return true;
    c->text = c->operand.text = arena_strndup(a, meant.said, meant.said_len);
    if (c->api)
        c->api = arena_strndup(a, meant.api, meant.api_len);
    return c->text && (c->api || c->op != IS);
}

bool words_to_caller(const struct kmcp_query *q, struct arena *a, kmcp_json *row)
{
    const char *at = q->words, *text;
    char digits[24];
    struct word w;
    int64_t number;

    while (next_word(q, &at, &w)) {
        const kmcp_json *node = w.column ? json_path(row, w.column->field) : NULL;

        text = json_str(node);
        if (!text && json_int(node, &number)) {
            snprintf(digits, sizeof digits, "%lld", (long long)number);
            text = digits;
        }
        if (!text || !is(text, w.api, w.api_len) ||
            (strlen(text) == w.said_len && memcmp(text, w.said, w.said_len) == 0))
            continue;
        text = arena_strndup(a, w.said, w.said_len);
        if (!text || !json_replace_str(a, (kmcp_json *)(uintptr_t)node, text))
            return false;
    }
    return true;
}
