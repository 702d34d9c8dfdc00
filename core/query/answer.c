/* answer.c - a question's answer as text and as structure.  SPDX-License-Identifier: Apache-2.0
 *
 * The text stands alone: a sentence with what there is and what it covers, then a table with its columns
 * named once. It ends before the budget of bytes does, and says where to go on.
 */

#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "base/clock.h"

/* Room for what is said after the rows. */
#define TAIL_BYTES 160

struct table {
    kmcp_json *columns, *rows; /* NULL: no structure wanted */
};

/* ---- the sentence ---- */

static void say_coverage(struct buf *text, const struct question *qu, const struct found *found)
{
    char iso[32];

    buf_printf(text, "%s%s%s%s, as of %s", qu->from ? " from @" : "", qu->from ? qu->from : "",
               qu->from ? " on" : "", found->complete ? "" : " (INCOMPLETE)",
               clock_iso(found->as_of_ms, iso, sizeof iso));
    if (!found->complete)
        buf_printf(text, ": %s", found->reason ? found->reason : "not all could be read");
}

/* Where to go on, or NULL: within what was found, or in the rest of the API's list. */
static const char *next_of(struct arena *a, const struct question *qu, const struct found *found,
                           int64_t shown)
{
    if (qu->offset + shown < found->matched && shown)
        return arena_format(a, "%lld%s%s", (long long)(qu->offset + shown), qu->from ? "@" : "",
                            qu->from ? qu->from : "");
    return !found->complete && found->next ? arena_format(a, "@%s", found->next) : NULL;
}

/* ---- structure ---- */

static bool begin_table(struct arena *a, struct table *t)
{
    t->columns = json_array(a);
    t->rows = json_array(a);
    return t->columns && t->rows;
}

static bool add_row(struct arena *a, struct table *t, const char *cells, size_t n, const struct group *g,
                    const char *const *best, size_t n_best)
{
    kmcp_json *row = t->rows ? json_array(a) : NULL;

    if (!t->rows)
        return true;
    for (size_t i = 0; i < n; i++, cells += strlen(cells) + 1)
        if (!row || !json_append(a, row, json_string(a, cells)))
            return false;
    if (g && (!row || !json_append(a, row, json_integer(a, g->count))))
        return false;
    for (size_t i = 0; i < n_best; i++)
        if (!row || !json_append(a, row, json_string(a, best[i])))
            return false;
    return row && json_append(a, t->rows, row);
}

static bool finish(const struct answer *out, kmcp_json *object, const struct found *found, int64_t returned,
                   const char *next)
{
    struct arena *a = out->arena;
    char iso[32];
    bool ok = object && json_set(a, object, "returned", json_integer(a, returned)) &&
              json_set(a, object, "complete", json_boolean(a, found->complete)) &&
              json_set(a, object, "as_of", json_string(a, clock_iso(found->as_of_ms, iso, sizeof iso)));

    if (ok && found->complete)
        ok = json_set(a, object, "total", json_integer(a, found->matched));
    if (ok && next)
        ok = json_set(a, object, "next", json_string(a, next));
    if (ok && !found->complete)
        ok = json_set(a, object, "note",
                      json_string(a, found->reason ? found->reason : "not all could be read"));
    *out->structured = object;
    return ok;
}

/* ---- rows ---- */

/* A date that is none was never, which is how it compares. Programs, which get structure and files, have
 * nothing there. */
static const char *shown_cell(const char *cell, const struct kmcp_column *column)
{
    return *cell || column->type != KMCP_COLUMN_DATE ? cell : "never";
}

static void write_row(struct buf *b, const char *cells, const struct question *qu)
{
    for (size_t i = 0; i < qu->n_fields; i++, cells += strlen(cells) + 1)
        buf_printf(b, "%s%s", i ? "\t" : "", shown_cell(cells, qu->fields[i]));
}

/* How many of the rows fit. */
static size_t that_fit(const struct answer *out, const struct kept_rows *k)
{
    size_t n_fields = k->question->n_fields, used = TAIL_BYTES, n = 0;

    for (size_t i = 0; i < n_fields; i++)
        used += strlen(k->question->fields[i]->name) + 1;
    for (; n < k->n; n++) {
        const char *cells = k->rows[n].cells;

        for (size_t i = 0; i < n_fields; i++) {
            used += strlen(shown_cell(cells, k->question->fields[i])) + 1;
            cells += strlen(cells) + 1;
        }
        if (used > out->max_bytes && n)
            break;
    }
    return n;
}

bool answer_rows(const struct answer *out, const struct kept_rows *k, const struct found *found)
{
    const struct question *qu = k->question;
    size_t n = that_fit(out, k);
    const char *next = next_of(out->arena, qu, found, (int64_t)n);
    struct table table = { 0 };
    kmcp_json *object;

    if (qu->limit) /* "0 of 58" would read as none */
        buf_printf(out->text, "%zu of ", n);
    buf_printf(out->text, "%s%lld %s", found->complete ? "" : "at least ", (long long)found->matched,
               qu->q->what);
    say_coverage(out->text, qu, found);
    if (next)
        buf_printf(out->text, "; next: %s%s", next, n < k->n ? " (cut: longer answers cost too much)" : "");
    buf_putc(out->text, '\n');
    if (out->structured && !begin_table(out->arena, &table))
        return false;
    for (size_t i = 0; n && i < qu->n_fields; i++) {
        buf_printf(out->text, "%s%s", i ? "\t" : "", qu->fields[i]->name);
        if (table.columns &&
            !json_append(out->arena, table.columns, json_string(out->arena, qu->fields[i]->name)))
            return false;
    }
    for (size_t i = 0; i < n; i++) {
        buf_putc(out->text, '\n');
        write_row(out->text, k->rows[i].cells, qu);
        if (!add_row(out->arena, &table, k->rows[i].cells, qu->n_fields, NULL, NULL, 0))
            return false;
    }
    if (!out->structured)
        return !out->text->failed;
    object = json_object(out->arena);
    return object && json_set(out->arena, object, "columns", table.columns) &&
           json_set(out->arena, object, "rows", table.rows) && finish(out, object, found, (int64_t)n, next);
}

/* ---- groups ---- */

/* What a group's smallest and largest values look like, in scratch memory. */
static bool show_best(const struct answer *out, const struct question *qu, const struct group *g,
                      const char *best[QUESTION_EXTREMES])
{
    struct buf b;
    bool ok = true;

    for (size_t i = 0; i < qu->n_extremes && ok; i++) {
        const struct value *v = &g->best[i];

        buf_init(&b, 1 << 16);
        if (v->is && qu->extremes[i].column->type == KMCP_COLUMN_DATE)
            value_show_date(&b, v->ms);
        else if (v->is && v->text)
            buf_puts(&b, v->text);
        else if (v->is && qu->extremes[i].column->type == KMCP_COLUMN_NUMBER)
            buf_printf(&b, "%.10g", v->number);
        else if (v->is)
            buf_puts(&b, v->truth ? "yes" : "no");
        best[i] = arena_strdup(out->arena, b.data ? b.data : "");
        ok = best[i] != NULL && !b.failed;
        buf_free(&b);
    }
    return ok;
}

static bool add_heading(const struct answer *out, const struct tally *t, struct table *table)
{
    const struct question *qu = t->question;
    struct buf name;
    bool ok = true;

    for (size_t i = 0; i < t->grouping->n + 1 + qu->n_extremes && ok; i++) {
        buf_init(&name, 1 << 10);
        if (i < t->grouping->n)
            tally_heading(&t->grouping->keys[i], &name);
        else if (i == t->grouping->n)
            buf_puts(&name, "count");
        else
            buf_printf(&name, "%s %s", qu->extremes[i - t->grouping->n - 1].is_max ? "max" : "min",
                       qu->extremes[i - t->grouping->n - 1].column->name);
        buf_printf(out->text, "%s%s", i ? "\t" : "", name.data);
        ok = !table->columns || json_append(out->arena, table->columns, json_string(out->arena, name.data));
        buf_free(&name);
    }
    return ok;
}

/* The group of those that have no value is no empty cell, which would be lost at the beginning of a line. */
static void write_key(struct buf *b, const char *cells, const struct grouping *grouping)
{
    for (size_t i = 0; i < grouping->n; i++, cells += strlen(cells) + 1) {
        const char *cell = shown_cell(cells, grouping->keys[i].column);

        buf_printf(b, "%s%s", i ? "\t" : "", *cell ? cell : "(none)");
    }
}

/* One grouping's table from group FROM on. *SHOWN: how many fitted. */
static bool write_table(const struct answer *out, const struct tally *t, size_t from, size_t limit,
                        struct table *table, size_t *shown)
{
    const struct question *qu = t->question;
    const char *best[QUESTION_EXTREMES];

    *shown = 0;
    if (!add_heading(out, t, table))
        return false;
    for (size_t i = from; i < t->n && *shown < limit; i++, (*shown)++) {
        const struct group *g = &t->groups[i];
        size_t before = out->text->len;

        if (!show_best(out, qu, g, best))
            return false;
        buf_putc(out->text, '\n');
        write_key(out->text, g->cells, t->grouping);
        buf_printf(out->text, "%s%lld", t->grouping->n ? "\t" : "", (long long)g->count);
        for (size_t k = 0; k < qu->n_extremes; k++)
            buf_printf(out->text, "\t%s", shown_cell(best[k], qu->extremes[k].column));
        if (out->text->len + TAIL_BYTES > out->max_bytes && *shown) {
            out->text->len = before;
            out->text->data[before] = '\0';
            break;
        }
        if (!add_row(out->arena, table, g->cells, t->grouping->n, g, best, qu->n_extremes))
            return false;
    }
    return true;
}

static bool add_section(const struct answer *out, kmcp_json *sections, const struct table *table)
{
    kmcp_json *section = json_object(out->arena);

    return section && json_set(out->arena, section, "columns", table->columns) &&
           json_set(out->arena, section, "rows", table->rows) && json_append(out->arena, sections, section);
}

/* What the counts add up to is more than there is where a row counts in several groups. */
static void say_groups(struct buf *text, const struct tally *t)
{
    buf_printf(text, " in %zu groups", t->n);
    for (size_t i = 0; i < t->grouping->n; i++)
        if (t->grouping->keys[i].column->type == KMCP_COLUMN_LIST) {
            buf_printf(text, " (one with several values of \"%s\" counts in each)",
                       t->grouping->keys[i].column->name);
            return;
        }
}

bool answer_groups(const struct answer *out, const struct question *qu, const struct tally *t, size_t n,
                   const struct found *found)
{
    size_t from = (size_t)qu->offset < t[0].n ? (size_t)qu->offset : t[0].n, shown = 0;
    kmcp_json *sections = out->structured && n > 1 ? json_array(out->arena) : NULL, *object;
    struct table table = { 0 };
    const char *next = NULL;

    buf_printf(out->text, "%s%lld %s", found->complete ? "" : "at least ", (long long)found->matched,
               qu->q->what);
    if (n == 1 && t[0].grouping->n)
        say_groups(out->text, &t[0]);
    say_coverage(out->text, qu, found);
    for (size_t i = 0; i < n; i++) {
        if (out->structured && !begin_table(out->arena, &table))
            return false;
        buf_puts(out->text, n > 1 && i ? "\n\n" : "\n");
        if (!write_table(out, &t[i], n == 1 ? from : 0, (size_t)qu->limit, &table, &shown))
            return false;
        if (n > 1 && shown < t[i].n)
            buf_printf(out->text, "\n(%zu more)", t[i].n - shown);
        if (sections && !add_section(out, sections, &table))
            return false;
    }
    if (n == 1 && shown && from + shown < t[0].n)
        next = arena_format(out->arena, "%zu%s%s", from + shown, qu->from ? "@" : "",
                            qu->from ? qu->from : "");
    else if (!found->complete && found->next)
        next = arena_format(out->arena, "@%s", found->next);
    if (next)
        buf_printf(out->text, "\nnext: %s%s", next, *next == '@' ? " (counts the rest; add the two)" : "");
    if (!out->structured)
        return !out->text->failed;
    object = json_object(out->arena);
    if (!object || (sections ? !json_set(out->arena, object, "sections", sections)
                             : !json_set(out->arena, object, "columns", table.columns) ||
                                   !json_set(out->arena, object, "rows", table.rows)))
        return false;
    return finish(out, object, found, (int64_t)shown, next);
}
