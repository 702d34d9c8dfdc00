/* tally.c - groups of rows, counted.  SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/json_path.h"
#include "base/text.h"
#include "tally.h"

#define DAY_MS 86400000

void tally_init(struct tally *t, const struct question *qu, const struct grouping *g, struct arena *a)
{
    *t = (struct tally){ .question = qu, .grouping = g, .arena = a };
    buf_init(&t->scratch, 1 << 20);
}

void tally_free(struct tally *t)
{
    free(t->groups);
    free(t->slots);
    buf_wipe(&t->scratch);
}

void tally_heading(const struct group_key *key, struct buf *out)
{
    static const char *const parts[] = { "", ":age", ":day", ":month", ":major" };

    buf_puts(out, key->column->name);
    buf_puts(out, parts[key->part]);
}

/* ---- the key of a row ---- */

static const struct {
    int days;
    const char *name;
} ages[] = { { 1, "0-1 d" }, { 7, "1-7 d" }, { 30, "7-30 d" }, { 90, "30-90 d" } };
#define N_AGES (sizeof ages / sizeof *ages)

static void show_age(struct buf *out, const struct value *v, int64_t now_ms)
{
    int64_t age = now_ms - v->ms;
    size_t i = 0;

    while (v->is && i < N_AGES && age >= ages[i].days * (int64_t)DAY_MS)
        i++;
    buf_puts(out, !v->is ? "never" : i < N_AGES ? ages[i].name : "90+ d");
}

/* Where an age stands among the others; "never" is last. */
static int rank_of_age(const char *name)
{
    size_t i = 0;

    while (i < N_AGES && strcmp(ages[i].name, name) != 0)
        i++;
    return (int)i + (*name == 'n');
}

static void show_key(const struct tally *t, struct buf *out, const struct group_key *key,
                     const kmcp_json *node)
{
    struct value v = value_of(node, key->column->type);

    switch (key->part) {
    case AGE:
        show_age(out, &v, t->question->now_ms);
        break;
    case DAY:
    case MONTH:
        if (v.is) {
            size_t start = out->len;

            value_show_date(out, v.ms);
            out->len = start + (key->part == DAY ? 10 : 7);
            out->data[out->len] = '\0';
        } else {
            buf_puts(out, "never");
        }
        break;
    case MAJOR:
        if (v.is)
            buf_add(out, v.text,
                    strcspn(v.text, ".") < strlen(v.text) ? strcspn(v.text, ".") : strlen(v.text));
        break;
    default:
        value_show(out, node, key->column->type);
        break;
    }
}

/* ---- the table ---- */

static bool rehash(struct tally *t)
{
    size_t n = t->n_slots ? 2 * t->n_slots : 256;
    uint32_t *slots = calloc(n, sizeof *slots);

    if (!slots)
        return false;
    for (size_t i = 0; i < t->n; i++) {
        size_t at = t->groups[i].hash & (n - 1);

        while (slots[at])
            at = (at + 1) & (n - 1);
        slots[at] = (uint32_t)i + 1;
    }
    free(t->slots);
    t->slots = slots;
    t->n_slots = n;
    return true;
}

/* The group of the cells in scratch, made if there is none. */
static struct group *find(struct tally *t, struct failure *f)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    size_t at;

    for (size_t i = 0; i < t->scratch.len; i++)
        h = (h ^ (unsigned char)t->scratch.data[i]) * 1099511628211u;
    if (2 * (t->n + 1) > t->n_slots && !rehash(t))
        return NULL;
    for (at = h & (t->n_slots - 1); t->slots[at]; at = (at + 1) & (t->n_slots - 1)) {
        struct group *g = &t->groups[t->slots[at] - 1];

        if (g->hash == h && g->len == t->scratch.len &&
            (!g->len || memcmp(g->cells, t->scratch.data, g->len) == 0))
            return g;
    }
    if (t->n == TALLY_GROUPS_MAX) {
        failure_set(f, KMCP_E_ARG, "there are more than %d groups; group by something that has fewer values",
                    TALLY_GROUPS_MAX);
        return NULL;
    }
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 64;
        struct group *grown = realloc(t->groups, cap * sizeof *grown);

        if (!grown)
            return NULL;
        t->groups = grown;
        t->cap = cap;
    }
    t->groups[t->n] = (struct group){ .hash = h, .len = t->scratch.len };
    t->groups[t->n].cells = arena_strndup(t->arena, t->scratch.data ? t->scratch.data : "", t->scratch.len);
    if (!t->groups[t->n].cells)
        return NULL;
    t->slots[at] = (uint32_t)++t->n;
    return &t->groups[t->n - 1];
}

static bool take_extremes(struct tally *t, struct group *g, const kmcp_json *row)
{
    const struct question *qu = t->question;

    for (size_t i = 0; i < qu->n_extremes; i++) {
        const struct extreme *x = &qu->extremes[i];
        struct value v = value_of(json_path(row, x->column->field), x->column->type);
        int order = g->best[i].is ? value_compare(&v, &g->best[i], x->column->type) : 1;

        if (!v.is || (g->best[i].is && (x->is_max ? order <= 0 : order >= 0)))
            continue;
        if (x->column->type == KMCP_COLUMN_DATE)
            v.text = NULL; /* shown from its number */
        else if (v.text && !(v.text = arena_strdup(t->arena, v.text)))
            return false;
        g->best[i] = v;
    }
    return true;
}

static bool out_of_memory(struct failure *f)
{
    failure_set(f, KMCP_E_NOMEM, "the groups need more memory than [limits] call_bytes allows");
    return false;
}

/* The first key that is a list: a row counts once for each of its elements. */
static const kmcp_json *list_of(const struct tally *t, const kmcp_json *row, size_t *which)
{
    for (*which = 0; *which < t->grouping->n; (*which)++) {
        const struct kmcp_column *column = t->grouping->keys[*which].column;
        const kmcp_json *node = column->type == KMCP_COLUMN_LIST ? json_path(row, column->field) : NULL;

        if (json_kind(node) == KMCP_JSON_ARRAY && json_len(node))
            return node;
    }
    return NULL;
}

static bool count(struct tally *t, const kmcp_json *row, size_t which, const kmcp_json *element,
                  struct failure *f)
{
    struct group *g;

    buf_reset(&t->scratch);
    for (size_t i = 0; i < t->grouping->n; i++) {
        const struct group_key *key = &t->grouping->keys[i];

        show_key(t, &t->scratch, key, element && i == which ? element : json_path(row, key->column->field));
        buf_putc(&t->scratch, '\0');
    }
    if (t->scratch.failed || !(g = find(t, f)))
        return out_of_memory(f);
    g->count++;
    return take_extremes(t, g, row) || out_of_memory(f);
}

bool tally_take(struct tally *t, const kmcp_json *row, struct failure *f)
{
    size_t which;
    const kmcp_json *list = list_of(t, row, &which);

    if (!list)
        return count(t, row, 0, NULL, f);
    for (const kmcp_json *element = json_first(list); element; element = json_next(element))
        if (!count(t, row, which, element, f))
            return false;
    return true;
}

/* ---- the order ---- */

static int by_cell(const struct group_key *key, const char *x, const char *y)
{
    double a, b;
    int order;

    if (key->part == AGE)
        return rank_of_age(x) - rank_of_age(y);
    if (key->column->type == KMCP_COLUMN_NUMBER && *x && *y) {
        a = strtod(x, NULL);
        b = strtod(y, NULL);
        order = (a > b) - (a < b);
    } else {
        order = key->column->type == KMCP_COLUMN_VERSION ? value_version(x, y) : text_casecmp(x, y);
    }
    return order ? order : strcmp(x, y);
}

/* By the column ONLY, or by all of them from left to right (NULL). */
static int by_cells(const struct tally *t, const struct group *a, const struct group *b,
                    const struct kmcp_column *only)
{
    const char *x = a->cells, *y = b->cells;

    for (size_t i = 0; i < t->grouping->n; i++) {
        const struct group_key *key = &t->grouping->keys[i];
        int order = !only || key->column == only ? by_cell(key, x, y) : 0;

        if (order)
            return order;
        x += strlen(x) + 1;
        y += strlen(y) + 1;
    }
    return 0;
}

static bool is_after(const struct tally *t, const struct group *a, const struct group *b)
{
    const struct question *qu = t->question;
    bool dates = t->grouping->n == 1 && t->grouping->keys[0].part >= AGE &&
                 t->grouping->keys[0].part <= MONTH;
    int order = 0;

    if (qu->sort)
        order = by_cells(t, a, b, qu->sort) * (qu->descending ? -1 : 1);
    else if (qu->by_count || !dates)
        order = ((a->count > b->count) - (a->count < b->count)) * (qu->by_count && !qu->descending ? 1 : -1);
    return (order ? order : by_cells(t, a, b, NULL)) > 0;
}

/* Merge sort: qsort cannot be handed the question. */
static void sort(const struct tally *t, struct group *groups, struct group *spare, size_t n)
{
    size_t half = n / 2, a = 0, b = half;

    if (n < 2)
        return;
    sort(t, groups, spare, half);
    sort(t, groups + half, spare, n - half);
    for (size_t i = 0; i < n; i++)
        spare[i] = b >= n || (a < half && !is_after(t, &groups[a], &groups[b])) ? groups[a++] : groups[b++];
    memcpy(groups, spare, n * sizeof *groups);
}

void tally_finish(struct tally *t)
{
    struct group *spare = malloc((t->n + 1) * sizeof *spare);

    if (spare) /* else in the order they came: still right */
        sort(t, t->groups, spare, t->n);
    free(spare);
}
