/* rows.c - the rows an answer shows.  SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/json_path.h"
#include "rows.h"

void rows_init(struct kept_rows *k, const struct question *qu)
{
    *k = (struct kept_rows){ .question = qu };
    buf_init(&k->scratch, 1 << 20);
}

void rows_free(struct kept_rows *k)
{
    for (size_t i = 0; i < k->n; i++)
        free(k->rows[i].cells);
    free(k->rows);
    buf_wipe(&k->scratch);
    *k = (struct kept_rows){ 0 };
}

/* Is X shown after Y? Equal ones stay as they came. */
static bool is_after(const struct question *qu, const struct kept_row *x, const struct kept_row *y)
{
    int order = value_compare(&x->key, &y->key, qu->sort->type);

    if (qu->descending)
        order = -order;
    return order ? order > 0 : x->arrived > y->arrived;
}

/* The heap has the row that is shown last at its top. */
static void sift_down(const struct question *qu, struct kept_row *rows, size_t n, size_t i)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        struct kept_row moved = rows[i];

        if (child + 1 < n && is_after(qu, &rows[child + 1], &rows[child]))
            child++;
        if (!is_after(qu, &rows[child], &rows[i]))
            return;
        rows[i] = rows[child];
        rows[child] = moved;
    }
}

static void sift_up(const struct question *qu, struct kept_row *rows, size_t i)
{
    for (size_t parent; i && is_after(qu, &rows[i], &rows[parent = (i - 1) / 2]); i = parent) {
        struct kept_row moved = rows[i];

        rows[i] = rows[parent];
        rows[parent] = moved;
    }
}

/* The cells of ROW, and behind them the text that is sorted by. */
static bool fill(struct kept_rows *k, const kmcp_json *row, struct kept_row *out)
{
    const struct question *qu = k->question;
    size_t key_at;

    buf_reset(&k->scratch);
    for (size_t i = 0; i < qu->n_fields; i++) {
        value_show(&k->scratch, json_path(row, qu->fields[i]->field), qu->fields[i]->type);
        buf_putc(&k->scratch, '\0');
    }
    key_at = k->scratch.len;
    if (qu->sort) {
        out->key = value_of(json_path(row, qu->sort->field), qu->sort->type);
        buf_puts(&k->scratch, out->key.text ? out->key.text : "");
    }
    buf_putc(&k->scratch, '\0');
    out->cells = k->scratch.failed ? NULL : malloc(k->scratch.len);
    if (!out->cells)
        return false;
    memcpy(out->cells, k->scratch.data, k->scratch.len);
    out->key.text = out->key.text ? out->cells + key_at : NULL;
    return true;
}

static bool grow(struct kept_rows *k)
{
    size_t cap = k->cap ? 2 * k->cap : 64;
    struct kept_row *rows = k->n < k->cap ? k->rows : realloc(k->rows, cap * sizeof *rows);

    if (!rows)
        return false;
    k->cap = k->n < k->cap ? k->cap : cap;
    k->rows = rows;
    return true;
}

bool rows_take(struct kept_rows *k, const kmcp_json *row)
{
    const struct question *qu = k->question;
    int64_t at = k->matched++, most = qu->offset + qu->limit;
    struct kept_row made = { .arrived = at };

    if (!qu->sort && (at < qu->offset || at >= most))
        return true;
    if (most == 0)
        return true;
    if (qu->sort && (int64_t)k->n == most) {
        made.key = value_of(json_path(row, qu->sort->field), qu->sort->type);
        if (is_after(qu, &made, &k->rows[0]))
            return true; /* nor will it be shown */
        if (!fill(k, row, &made))
            return false;
        free(k->rows[0].cells);
        k->rows[0] = made;
        sift_down(qu, k->rows, k->n, 0);
        return true;
    }
    if (!grow(k) || !fill(k, row, &made))
        return false;
    k->rows[k->n++] = made;
    if (qu->sort)
        sift_up(qu, k->rows, k->n - 1);
    return true;
}

void rows_finish(struct kept_rows *k)
{
    size_t skip;

    if (!k->question->sort)
        return;
    for (size_t left = k->n; left > 1; left--) { /* the last goes to the end */
        struct kept_row last = k->rows[0];

        k->rows[0] = k->rows[left - 1];
        k->rows[left - 1] = last;
        sift_down(k->question, k->rows, left - 1, 0);
    }
    skip = (int64_t)k->n < k->question->offset ? k->n : (size_t)k->question->offset;
    for (size_t i = 0; i < skip; i++)
        free(k->rows[i].cells);
    if (skip)
        memmove(k->rows, k->rows + skip, (k->n - skip) * sizeof *k->rows);
    k->n -= skip;
}
