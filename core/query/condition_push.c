/* condition_push.c - what of a condition the API can select by itself.  SPDX-License-Identifier: Apache-2.0
 */

#include <string.h>

#include "base/clock.h"
#include "condition.h"

/* "14", "14.4", "14." */
static bool is_plain_version(const char *text)
{
    return *text >= '1' && *text <= '9' && !text[strspn(text, "0123456789.")] && !strstr(text, "..") &&
           !strstr(text, ".0");
}

/* The API compares case as it likes and an apostrophe as it is: of a text it gets the longest part about
 * which there are no two opinions, and *WHOLE says whether that is all of it. NULL: there is none. */
static const char *undisputed(const char *text, struct arena *a, bool *whole)
{
    const char *best = text;
    size_t most = 0;

    *whole = true;
    for (const char *at = text; *at;) {
        size_t n = 0;

        while (at[n] && (unsigned char)at[n] < 0x80 && at[n] != '\'')
            n++;
        *whole = *whole && !at[n];
        if ((unsigned char)at[n] >= 0x80 && n)
            n--; /* an accent of its own may follow */
        if (n > most) {
            most = n;
            best = at;
        }
        for (at += n + (at[n] != '\0'); (unsigned char)*at >= 0x80; at++)
            ;
    }
    return most ? arena_strndup(a, best, most) : NULL;
}

/* A text that nothing but itself equals: no letters, whose case the API's `in` minds and we do not, and
 * nothing that other characters are taken for. Numbers of telephones, networks and assets are such. */
static bool is_caseless(const char *text)
{
    return *text && !text[strspn(text, "0123456789 .,:/+-_#()")];
}

/* What of "begins with these numbers" is contained in every text that does: "14." in "14" is not, and "v14",
 * "15-5" are 14 and 15.5 for us, but not for the API. NULL: nothing. */
static const char *version_part(const struct condition *c, struct arena *a)
{
    size_t len = strlen(c->api);

    return c->op == HOLDS && is_plain_version(c->api)
               ? arena_strndup(a, c->api, len - (c->api[len - 1] == '.'))
               : NULL;
}

const char *condition_pushed(const struct condition *c, struct arena *a, bool *exact)
{
    const struct kmcp_column *column = c->column;
    bool contains = !(column->flags & KMCP_COLUMN_EXACT);
    const char *text;

    *exact = false;
    if (!column->param || !c->operand.is || (c->op != IS && !(c->op == HOLDS && contains)))
        return NULL;
    if (column->type == KMCP_COLUMN_BOOL) {
        *exact = true;
        return c->operand.truth ? "true" : "false";
    }
    if (column->type == KMCP_COLUMN_VERSION || column->type == KMCP_COLUMN_DATE ||
        column->type == KMCP_COLUMN_NUMBER)
        return version_part(c, a);
    if (!contains) {
        *exact = c->op == IS;
        return arena_strdup(a, c->api);
    }
    text = undisputed(c->api, a, exact);
    *exact = *exact && c->op == HOLDS;
    return text;
}

/* {OP: VALUE} */
static kmcp_json *operation(struct arena *a, const char *op, kmcp_json *value)
{
    kmcp_json *out = json_object(a);

    return out && json_set(a, out, op, value) ? out : NULL;
}

kmcp_json *condition_filter(const struct condition *c, struct arena *a, bool *exact)
{
    const char *part = NULL;
    bool whole = c->column->type == KMCP_COLUMN_TEXT && c->op == IS && c->api && is_caseless(c->api);
    kmcp_json *list;
    int64_t after;
    char iso[32];

    *exact = false;
    if (!c->operand.is)
        return NULL;
    switch (c->column->type) {
    case KMCP_COLUMN_BOOL:
        *exact = c->op == IS;
        return c->op == IS ? operation(a, "eq", json_boolean(a, c->operand.truth)) : NULL;
    case KMCP_COLUMN_DATE: /* the API leaves out rows without a date; so do we when it must be later */
        *exact = c->op == ABOVE || c->op == AT_LEAST;
        if (!*exact)
            return NULL;
        after = c->operand.ms + (c->op == ABOVE ? condition_span_ms(c) - 1 : 0);
        return operation(a, c->op == ABOVE ? "gt" : "gte",
                         json_string(a, clock_iso_ms(after, iso, sizeof iso)));
    case KMCP_COLUMN_TEXT:
    case KMCP_COLUMN_VERSION:
        if (c->column->type == KMCP_COLUMN_VERSION)
            part = version_part(c, a);
        else if (c->op == HOLDS || c->op == IS)
            part = undisputed(c->api, a, exact);
        *exact = *exact && (c->op == HOLDS || whole);
        list = part ? json_array(a) : NULL;
        return list && json_append(a, list, json_string(a, part)) ? operation(a, whole ? "in" : "like", list)
                                                                  : NULL;
    default:
        return NULL;
    }
}
