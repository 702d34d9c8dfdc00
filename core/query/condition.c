/* condition.c - what rows a question is about.  SPDX-License-Identifier: Apache-2.0 */

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fold.h"
#include "base/json_path.h"
#include "base/text.h"
#include "condition.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789_"
#define QUOTED     100 /* of what was said, in a sentence that refuses it */

/* ---- reading ---- */

static const struct {
    const char *sign;
    enum condition_op op;
} signs[] = { /* longer ones first */
              { "!=", IS_NOT }, { "!~", HOLDS_NOT }, { "<=", AT_MOST }, { ">=", AT_LEAST }, { "==", IS },
              { "=", IS },      { "~", HOLDS },      { "<", BELOW },    { ">", ABOVE }
};

/* "-7d": so long before NOW_MS. */
static bool ago(const char *text, int64_t now_ms, int64_t *ms)
{
    static const struct {
        char unit;
        int64_t hours;
    } units[] = { { 'h', 1 }, { 'd', 24 }, { 'w', 168 }, { 'y', 8766 } };
    char *end;
    long n;

    if (*text != '-' || text[1] < '0' || text[1] > '9')
        return false;
    n = strtol(text + 1, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (n <= 100000 && end[0] == units[i].unit && !end[1]) {
            *ms = now_ms - n * units[i].hours * 3600000;
            return true;
        }
    return false;
}

/* Is there a second condition in the value at AT: "Mac and os_version < 15"? */
static bool holds_another(const struct kmcp_query *q, const char *at)
{
    for (const char *p = at; *p; p++) {
        size_t joint = strspn(p, ",;&|"), name;

        if (!joint && p > at && p[-1] == ' ')
            joint = strncasecmp(p, "and ", 4) == 0 ? 3 : strncasecmp(p, "or ", 3) == 0 ? 2 : 0;
        if (!joint)
            continue;
        p += joint + strspn(p + joint, " ");
        name = strspn(p, NAME_CHARS);
        if (name && column_find(q, p, name) && strchr("=!~<>", p[name + strspn(p + name, " ")]) &&
            p[name + strspn(p + name, " ")])
            return true;
        p--;
    }
    return false;
}

/* Operators that mean nothing for a type would hold for no row, or for all, without a word. */
static bool is_fit(uint32_t type, enum condition_op op)
{
    switch (type) {
    case KMCP_COLUMN_NUMBER:
    case KMCP_COLUMN_DATE:
        return op != HOLDS && op != HOLDS_NOT;
    case KMCP_COLUMN_LIST:
        return op == IS || op == IS_NOT || op == HOLDS || op == HOLDS_NOT;
    default:
        return true;
    }
}

/* A number as people write it: neither "nan", which equals everything, nor "0x10". */
static bool read_number(const char *text, double *number)
{
    char *end;

    *number = strtod(text, &end);
    return !*end && !text[strspn(text, "0123456789+-.eE")] && isfinite(*number);
}

/* c->text as the column's type. */
static kmcp_rc read_operand(struct condition *c, int64_t now_ms, struct failure *f)
{
    const struct kmcp_column *column = c->column;
    struct value *v = &c->operand;

    *v = (struct value){ .is = *c->text != '\0', .text = c->text };
    if (!v->is)
        return c->op == IS || c->op == IS_NOT
                   ? KMCP_OK
                   : failure_set(f, KMCP_E_ARG,
                                 "a condition on \"%s\" has no value; only = and != go without (none)",
                                 column->name);
    if (!is_fit(column->type, c->op))
        return failure_set(f, KMCP_E_ARG, "\"%s\" is a %s: it can only be compared with %s", column->name,
                           column->type == KMCP_COLUMN_LIST     ? "list"
                           : column->type == KMCP_COLUMN_NUMBER ? "number"
                                                                : "date",
                           column->type == KMCP_COLUMN_LIST ? "= != ~ !~" : "= != < <= > >=");
    switch (column->type) {
    case KMCP_COLUMN_NUMBER:
        if (!read_number(c->text, &v->number))
            return failure_set(f, KMCP_E_ARG, "\"%s\" is a number; \"%s\" is none", column->name,
                               text_brief(c->text, QUOTED));
        break;
    case KMCP_COLUMN_BOOL:
        if (!value_bool(c->text, &v->truth) || (c->op != IS && c->op != IS_NOT))
            return failure_set(f, KMCP_E_ARG, "\"%s\" is yes or no: write \"%s = yes\"", column->name,
                               column->name);
        break;
    case KMCP_COLUMN_DATE:
        if (!ago(c->text, now_ms, &v->ms) && !value_date(c->text, &v->ms))
            return failure_set(
                f, KMCP_E_ARG,
                "\"%s\" is a date; \"%s\" is none. Write 2026-11-01, 2026-11-01T10:00Z, or -7d for "
                "seven days ago (h, d, w, y)",
                column->name, text_brief(c->text, QUOTED));
        break;
    case KMCP_COLUMN_VERSION:
        if (!strpbrk(c->text, "0123456789"))
            return failure_set(f, KMCP_E_ARG, "\"%s\" is a version; \"%s\" has no number", column->name,
                               text_brief(c->text, QUOTED));
        if (strpbrk(c->text, ",;=<>~|&") || text_casestr(c->text, " or ") || text_casestr(c->text, " and "))
            return failure_set(f, KMCP_E_ARG, "\"%s\" is a version; \"%s\" is not one, but more",
                               column->name, text_brief(c->text, QUOTED));
        break;
    default:
        break;
    }
    return KMCP_OK;
}

kmcp_rc condition_parse(const struct kmcp_query *q, struct arena *a, const char *text, int64_t now_ms,
                        struct condition *out, struct failure *f)
{
    size_t name, len;
    const char *at;

    text += strspn(text, " ");
    name = strspn(text, NAME_CHARS);
    at = text + name + strspn(text + name, " ");
    *out = (struct condition){ .column = column_find(q, text, name) };
    for (size_t i = 0; name && i < sizeof signs / sizeof *signs; i++) {
        if (strncmp(at, signs[i].sign, strlen(signs[i].sign)) != 0)
            continue;
        if (!out->column)
            return column_unknown(q, text, name, f);
        at += strlen(signs[i].sign);
        at += strspn(at, " ");
        len = strlen(at);
        while (len && at[len - 1] == ' ')
            len--;
        if (len >= 2 && (at[0] == '"' || at[0] == '\'') && at[len - 1] == at[0]) { /* as in other languages */
            at++;
            len -= 2;
        } else if (holds_another(q, at)) {
            break;
        }
        out->op = signs[i].op;
        out->text = out->api = arena_strndup(a, at, len);
        return out->text ? read_operand(out, now_ms, f) : failure_set(f, KMCP_E_NOMEM, "out of memory");
    }
    return failure_set(
        f, KMCP_E_ARG,
        "\"%s\" is not one condition; write COLUMN OP VALUE, such as \"platform = Mac\", with one of "
        "= != ~ !~ < <= > >=; several are items of \"where\", which all hold",
        text_brief(text, QUOTED));
}

kmcp_rc condition_of(const struct kmcp_column *column, struct arena *a, const kmcp_json *value,
                     int64_t now_ms, struct condition *out, struct failure *f)
{
    const char *text = json_str(value);

    *out = (struct condition){ .column = column, .op = IS, .text = text ? text : json_text(a, value) };
    if ((column->type == KMCP_COLUMN_TEXT && !(column->flags & KMCP_COLUMN_EXACT)) ||
        column->type == KMCP_COLUMN_VERSION)
        out->op = HOLDS;
    out->api = out->text;
    if (!out->text)
        return failure_set(f, KMCP_E_NOMEM, "out of memory");
    return read_operand(out, now_ms, f);
}

/* ---- judging ---- */

static bool compares(enum condition_op op, int order)
{
    return op == BELOW ? order < 0 : op == AT_MOST ? order <= 0 : op == ABOVE ? order > 0 : order >= 0;
}

/* A date without a time of day is all of its day: how long the operand lasts. */
int64_t condition_span_ms(const struct condition *c)
{
    return c->column->type == KMCP_COLUMN_DATE && c->operand.is && c->text[0] != '-' && strlen(c->text) == 10
               ? 86400000
               : 1;
}

bool condition_minds_case(const struct condition *c)
{
    return (c->column->flags & KMCP_COLUMN_EXACT) && (c->op == IS || c->op == IS_NOT) && c->operand.is &&
           (c->column->type == KMCP_COLUMN_TEXT || c->column->type == KMCP_COLUMN_LIST);
}

bool condition_is_whole(const struct condition *c)
{
    return c->op == IS && c->operand.is && *c->text &&
           (c->column->type == KMCP_COLUMN_TEXT || c->column->type == KMCP_COLUMN_LIST);
}

/* V to the operand, as value_compare. */
static int order_of(const struct condition *c, const struct value *v)
{
    if (c->column->type == KMCP_COLUMN_DATE)
        return (v->ms >= c->operand.ms + condition_span_ms(c)) - (v->ms < c->operand.ms);
    return condition_minds_case(c) ? strcmp(v->text, c->operand.text)
                                   : value_compare(v, &c->operand, c->column->type);
}

static bool one_holds(const struct condition *c, const kmcp_json *node)
{
    uint32_t type = c->column->type;
    struct value v = value_of(node, type == KMCP_COLUMN_LIST ? KMCP_COLUMN_TEXT : type);

    switch (c->op) {
    case IS:
    case IS_NOT:
        if (!c->operand.is || !v.is)
            return c->operand.is == v.is;
        return order_of(c, &v) == 0;
    case HOLDS:
    case HOLDS_NOT:
        return v.text && (type == KMCP_COLUMN_VERSION ? value_version_begins(v.text, c->text)
                                                      : fold_contains(v.text, c->text));
    default:
        if (!v.is) /* a date that was never comes before all others; anything else unknown is no answer */
            return type == KMCP_COLUMN_DATE && (c->op == BELOW || c->op == AT_MOST);
        return compares(c->op, order_of(c, &v));
    }
}

bool condition_holds(const struct condition *c, const kmcp_json *row)
{
    const kmcp_json *node = json_path(row, c->column->field);
    bool negative = c->op == IS_NOT || c->op == HOLDS_NOT, holds = false;

    if (c->column->type == KMCP_COLUMN_LIST && json_len(node) && c->operand.is) {
        for (const kmcp_json *item = json_first(node); item && !holds; item = json_next(item))
            holds = one_holds(c, item);
    } else if (c->column->type == KMCP_COLUMN_LIST) {
        holds = c->operand.is == (json_len(node) > 0);
    } else {
        holds = one_holds(c, node);
    }
    return holds != negative;
}

/* ---- leaving it to the API ---- */
