/* question.c - a caller's question about a list, understood.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "words.h"

/* The next of the comma-separated words at *AT, without spaces around it. False at the end. */
static bool next_word(const char **at, const char **word, size_t *len)
{
    *at += strspn(*at, " ,");
    *word = *at;
    *len = strcspn(*at, ",");
    *at += *len;
    while (*len && (*word)[*len - 1] == ' ')
        (*len)--;
    return *len > 0;
}

/* ---- conditions ---- */

static kmcp_rc add_condition(struct question *qu, struct arena *a, struct failure *f, struct condition *c)
{
    if (qu->n_conditions == QUESTION_CONDITIONS)
        return failure_set(f, KMCP_E_ARG, "there may be %d conditions at the most", QUESTION_CONDITIONS);
    if (!words_of_condition(qu->q, a, c))
        return failure_set(f, KMCP_E_NOMEM, "out of memory");
    qu->conditions[qu->n_conditions++] = *c;
    return KMCP_OK;
}

/* The arguments that are named as a column is, and "where". */
static kmcp_rc read_conditions(struct question *qu, struct arena *a, const kmcp_json *args, struct failure *f)
{
    const kmcp_json *where = json_get(args, "where");
    kmcp_rc rc = KMCP_OK;
    struct condition c;

    for (const kmcp_json *arg = json_first(args); arg && rc == KMCP_OK; arg = json_next(arg)) {
        const struct kmcp_column *column = column_find(qu->q, json_key(arg), strlen(json_key(arg)));

        if (column && json_kind(arg) != KMCP_JSON_NULL && !(json_str(arg) && !*json_str(arg)) &&
            (rc = condition_of(column, a, arg, qu->now_ms, &c, f)) == KMCP_OK)
            rc = add_condition(qu, a, f, &c);
    }
    if (json_str(where) && rc == KMCP_OK &&
        (rc = condition_parse(qu->q, a, json_str(where), qu->now_ms, &c, f)) == KMCP_OK)
        rc = add_condition(qu, a, f, &c);
    for (const kmcp_json *text = json_first(where); text && rc == KMCP_OK; text = json_next(text))
        if ((rc = condition_parse(qu->q, a, json_str(text) ? json_str(text) : "", qu->now_ms, &c, f)) ==
            KMCP_OK)
            rc = add_condition(qu, a, f, &c);
    return rc;
}

/* ---- columns ---- */

static kmcp_rc read_fields(struct question *qu, const char *text, struct failure *f)
{
    const struct kmcp_query *q = qu->q;
    bool all = text && (strcmp(text, "all") == 0 || strcmp(text, "*") == 0);
    const char *word;
    size_t len;

    for (size_t i = 0; (!text || all) && i < q->n_columns && qu->n_fields < QUESTION_FIELDS; i++)
        if (all || (q->columns[i].flags & KMCP_COLUMN_SHOWN))
            qu->fields[qu->n_fields++] = &q->columns[i];
    while (text && !all && next_word(&text, &word, &len)) {
        const struct kmcp_column *column = column_find(q, word, len);

        if (!column)
            return column_unknown(q, word, len, f);
        if (qu->n_fields == QUESTION_FIELDS)
            return failure_set(f, KMCP_E_ARG, "\"fields\" may name %d columns at the most", QUESTION_FIELDS);
        qu->fields[qu->n_fields++] = column;
    }
    return KMCP_OK;
}

static bool is_grouped_by(const struct question *qu, const struct kmcp_column *column)
{
    for (size_t i = 0; i < qu->n_groupings; i++)
        for (size_t k = 0; k < qu->groupings[i].n; k++)
            if (qu->groupings[i].keys[k].column == column)
                return true;
    return false;
}

static kmcp_rc read_sort(struct question *qu, const char *text, struct failure *f)
{
    const char *space;

    if (!text || !*text)
        return KMCP_OK;
    qu->descending = *text == '-';
    text += *text == '-' || *text == '+';
    qu->by_count = strcmp(text, "count") == 0 && question_groups(qu);
    if (qu->by_count)
        return KMCP_OK;
    qu->sort = column_find(qu->q, text, strlen(text));
    if (!qu->sort && (space = strchr(text, ' ')) && column_find(qu->q, text, (size_t)(space - text)))
        return failure_set(f, KMCP_E_ARG,
                           "\"sort\" is one column, alone: \"%.*s\" for upwards, \"-%.*s\" for downwards",
                           (int)(space - text), text, (int)(space - text), text);
    if (!qu->sort)
        return column_unknown(qu->q, text, strlen(text), f);
    return !question_groups(qu) || is_grouped_by(qu, qu->sort)
               ? KMCP_OK
               : failure_set(
                     f, KMCP_E_ARG,
                     "groups are sorted by \"count\" or by a column that is in \"group_by\"; \"%s\" is "
                     "not",
                     qu->sort->name);
}

/* "last_check_in:age" */
static kmcp_rc read_key(struct question *qu, const char *word, size_t len, struct group_key *key,
                        struct failure *f)
{
    static const struct {
        const char *name;
        enum key_part part;
        uint32_t type;
    } parts[] = { { "age", AGE, KMCP_COLUMN_DATE },
                  { "day", DAY, KMCP_COLUMN_DATE },
                  { "month", MONTH, KMCP_COLUMN_DATE },
                  { "major", MAJOR, KMCP_COLUMN_VERSION } };
    const char *colon = memchr(word, ':', len);
    size_t name = colon ? (size_t)(colon - word) : len;

    *key = (struct group_key){ .column = column_find(qu->q, word, name) };
    if (!key->column)
        return column_unknown(qu->q, word, name, f);
    if (!colon)
        return KMCP_OK;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (len - name - 1 == strlen(parts[i].name) &&
            memcmp(colon + 1, parts[i].name, len - name - 1) == 0 && parts[i].type == key->column->type) {
            key->part = parts[i].part;
            return KMCP_OK;
        }
    return failure_set(
        f, KMCP_E_ARG,
        "\"%s\" cannot be grouped in such parts; dates take :age, :day and :month, versions :major",
        key->column->name);
}

static kmcp_rc read_grouping(struct question *qu, const char *text, size_t size, struct failure *f)
{
    struct grouping *g = &qu->groupings[qu->n_groupings];
    char copy[400];
    const char *at = copy, *word;
    size_t len;
    kmcp_rc rc = KMCP_OK;

    snprintf(copy, sizeof copy, "%.*s", size < 390 ? (int)size : 390, text);
    while (rc == KMCP_OK && next_word(&at, &word, &len)) {
        if (g->n == QUESTION_KEYS)
            return failure_set(f, KMCP_E_ARG, "groups are by %d columns at the most", QUESTION_KEYS);
        rc = read_key(qu, word, len, &g->keys[g->n++], f);
    }
    qu->n_groupings += g->n > 0;
    return rc;
}

/* The caller's one grouping, or the plugin's sections. */
static kmcp_rc read_groupings(struct question *qu, const char *group_by, struct failure *f)
{
    const char *sections = qu->q->sections;
    kmcp_rc rc = KMCP_OK;

    if (group_by)
        return read_grouping(qu, group_by, strlen(group_by), f);
    while (rc == KMCP_OK && sections && *sections && qu->n_groupings < QUESTION_GROUPINGS) {
        size_t len = strcspn(sections, " ");

        rc = read_grouping(qu, sections, len, f);
        sections += len;
        sections += *sections == ' ';
    }
    return rc;
}

static kmcp_rc read_extremes(struct question *qu, const char *text, bool is_max, struct failure *f)
{
    const char *word;
    size_t len;

    while (text && next_word(&text, &word, &len)) {
        const struct kmcp_column *column = column_find(qu->q, word, len);

        if (!column)
            return column_unknown(qu->q, word, len, f);
        if (qu->n_extremes == QUESTION_EXTREMES)
            return failure_set(f, KMCP_E_ARG, "\"min\" and \"max\" may name %d columns at the most",
                               QUESTION_EXTREMES);
        qu->extremes[qu->n_extremes++] = (struct extreme){ column, is_max };
    }
    return KMCP_OK;
}

/* ---- how much of it ---- */

/* "next" is a number of rows to leave out and, after a partial answer, "@" and a place in the API's list from
 * which they count: "50", "@600", "50@600". */
static kmcp_rc read_window(struct question *qu, const kmcp_json *args, struct failure *f)
{
    const char *next = json_str(json_get(args, "next"));
    size_t digits = next ? strspn(next, "0123456789") : 0;

    qu->limit = qu->q->limit > 0 ? qu->q->limit : 50;
    json_int(json_get(args, "limit"), &qu->limit);
    json_int(json_get(args, "offset"), &qu->offset);
    if (qu->limit < 0 || qu->limit > QUESTION_LIMIT_MAX || qu->offset < 0 || qu->offset > QUESTION_OFFSET_MAX)
        return failure_set(f, KMCP_E_ARG, "\"limit\" is from 0 (only count) to %d, \"offset\" from 0 to %lld",
                           QUESTION_LIMIT_MAX, (long long)QUESTION_OFFSET_MAX);
    if (!next || !*next)
        return KMCP_OK;
    if (digits > 11 || (next[digits] && (next[digits] != '@' || !next[digits + 1])))
        return failure_set(f, KMCP_E_ARG, "\"next\" must be as the answer before gave it");
    qu->offset = digits ? strtoll(next, NULL, 10) : 0;
    qu->from = next[digits] ? next + digits + 1 : NULL;
    return KMCP_OK;
}

static kmcp_rc read_format(struct question *qu, const char *text, struct failure *f)
{
    if (!text)
        return KMCP_OK;
    qu->format = strcmp(text, "csv") == 0     ? EXPORT_CSV
                 : strcmp(text, "jsonl") == 0 ? EXPORT_JSONL
                                              : NO_EXPORT;
    if (!qu->format)
        return failure_set(f, KMCP_E_ARG, "\"format\" is csv or jsonl");
    if (question_groups(qu) || qu->sort)
        return failure_set(f, KMCP_E_ARG,
                           "a file holds rows in the API's order; leave out group_by, min, max and sort");
    return KMCP_OK;
}

kmcp_rc question_read(struct question *qu, const struct kmcp_query *q, struct arena *a, const kmcp_json *args,
                      int64_t now_ms, struct failure *f)
{
    kmcp_rc rc;

    memset(qu, 0, sizeof *qu);
    qu->q = q;
    qu->now_ms = now_ms;
    if ((rc = read_conditions(qu, a, args, f)) != KMCP_OK ||
        (rc = read_groupings(qu, json_str(json_get(args, "group_by")), f)) != KMCP_OK ||
        (rc = read_extremes(qu, json_str(json_get(args, "min")), false, f)) != KMCP_OK ||
        (rc = read_extremes(qu, json_str(json_get(args, "max")), true, f)) != KMCP_OK ||
        (rc = read_fields(qu, json_str(json_get(args, "fields")), f)) != KMCP_OK ||
        (rc = read_sort(qu, json_str(json_get(args, "sort")), f)) != KMCP_OK ||
        (rc = read_window(qu, args, f)) != KMCP_OK)
        return rc;
    return read_format(qu, json_str(json_get(args, "format")), f);
}
