/* One value of a table: filling, writing, ordering and filtering. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cell.h"

#include "when.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void cell_put_null(struct cell *cell)
{
    cell->kind = CELL_NULL;
}

void cell_put_text(struct cell *cell, const char *text)
{
    cell->kind = CELL_TEXT;
    snprintf(cell->text, sizeof cell->text, "%s", text);
}

void cell_put_format(struct cell *cell, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    cell->kind = CELL_TEXT;
    vsnprintf(cell->text, sizeof cell->text, format, args);
    va_end(args);
}

void cell_put_bool(struct cell *cell, bool value)
{
    cell->kind = CELL_BOOL;
    cell->number = value;
}

void cell_put_int(struct cell *cell, int64_t value)
{
    cell->kind = CELL_INT;
    cell->number = (double)value;
}

void cell_put_when(struct cell *cell, int64_t us)
{
    cell->kind = us ? CELL_TEXT : CELL_NULL;
    when_format(cell->text, us, WHEN_OFFSET);
}

static void tags_write(struct out *o, const char *key, unsigned tags)
{
    out_open(o, key, '[');
    for (unsigned k = 0; k < name_tag_count; k++)
        if (tags & 1U << k)
            out_string(o, NULL, name_tags[k]);
    out_close(o, ']');
}

void cell_write(struct out *o, const char *key, const struct cell *cell)
{
    if (cell->kind == CELL_NULL)
        out_null(o, key);
    else if (cell->kind == CELL_BOOL)
        out_bool(o, key, cell->number != 0);
    else if (cell->kind == CELL_INT)
        out_int(o, key, (int64_t)cell->number);
    else if (cell->kind == CELL_REAL)
        out_real(o, key, cell->number);
    else if (cell->kind == CELL_TEXT)
        out_string(o, key, cell->text);
    else
        tags_write(o, key, (unsigned)cell->number);
}

char *cell_key(const struct cell *cell)
{
    char text[32];
    if (cell->kind == CELL_TEXT)
        return strdup(cell->text);
    snprintf(text, sizeof text, "%020.3f", cell->kind == CELL_NULL ? 0 : cell->number);
    return strdup(text);
}

static bool filter_contains(const char *text, const char *part)
{
    size_t n = strlen(part);
    for (; *text; text++)
        if (strncasecmp(text, part, n) == 0)
            return true;
    return n == 0;
}

static bool filter_in(const struct cell *cell, const struct body *list, bool like)
{
    const struct body *b = body_is_array(list) ? body_first(list) : list;
    for (; b; b = body_is_array(list) ? body_next(b) : NULL) {
        const char *word = body_text(b);
        if (!word)
            continue;
        if (cell->kind == CELL_TAGS) {
            for (unsigned i = 0; i < name_tag_count; i++)
                if ((unsigned)cell->number & 1U << i && strcmp(name_tags[i], word) == 0)
                    return true;
        } else if (cell->kind == CELL_TEXT &&
                   (like ? filter_contains(cell->text, word) : strcmp(cell->text, word) == 0)) {
            return true;
        }
    }
    return false;
}

/* Below, equal, above as -1, 0, 1; 2 if the two cannot be compared. Dates by time, whatever their form. */
static int filter_order(const struct cell *cell, const struct body *value)
{
    double number;
    int64_t a, b;
    if ((cell->kind == CELL_REAL || cell->kind == CELL_INT) && body_number(value, &number))
        return cell->number < number ? -1 : cell->number > number;
    const char *text = body_text(value);
    if (cell->kind != CELL_TEXT || !text)
        return 2;
    if (when_parse(cell->text, &a) && when_parse(text, &b))
        return a < b ? -1 : a > b;
    int way = strcmp(cell->text, text);
    return way < 0 ? -1 : way > 0;
}

static bool filter_one(const struct cell *cell, const char *operation, const struct body *value, int depth);

static bool filter_any(const struct cell *cell, const struct body *bounds, int depth)
{
    for (const struct body *b = body_first(bounds); b; b = body_next(b))
        if (body_key(b) && filter_one(cell, body_key(b), b, depth))
            return true;
    return false;
}

static bool filter_one(const struct cell *cell, const char *operation, const struct body *value, int depth)
{
    bool truth;
    if (strcmp(operation, "eq") == 0)
        return body_bool(value, &truth) ? cell->kind == CELL_BOOL && (cell->number != 0) == truth
                                        : filter_order(cell, value) == 0;
    if (strcmp(operation, "in") == 0)
        return filter_in(cell, value, false);
    if (strcmp(operation, "not_in") == 0)
        return !filter_in(cell, value, false);
    if (strcmp(operation, "like") == 0)
        return filter_in(cell, value, true);
    if (strcmp(operation, "not_like") == 0)
        return !filter_in(cell, value, true);
    if (strcmp(operation, "or") == 0)
        return depth == 0 && filter_any(cell, value, depth + 1);
    int way = filter_order(cell, value);
    if (way == 2)
        return false;
    return (strcmp(operation, "lt") == 0 && way < 0) || (strcmp(operation, "gt") == 0 && way > 0) ||
           (strcmp(operation, "lte") == 0 && way <= 0) || (strcmp(operation, "gte") == 0 && way >= 0);
}

bool cell_fits(const struct cell *cell, const struct body *operators)
{
    for (const struct body *op = body_first(operators); op; op = body_next(op))
        if (!body_key(op) || !filter_one(cell, body_key(op), op, 0))
            return false;
    return true;
}
