/* column.c - columns by their names, and what a wrong name may have meant.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "column.h"

const struct kmcp_column *column_find(const struct kmcp_query *q, const char *name, size_t len)
{
    for (size_t i = 0; i < q->n_columns; i++)
        if (strncmp(q->columns[i].name, name, len) == 0 && !q->columns[i].name[len])
            return &q->columns[i];
    return NULL;
}

/* Does NAME have WORD in it from one of its own words on, whatever the underscores: "checkin" in
 * last_check_in? */
static bool has_part(const char *name, const char *word)
{
    for (const char *start = name; start; start = strchr(start, '_')) {
        const char *at = start += *start == '_', *w = word;

        for (; *w && *at; w++) {
            w += *w == '_';
            at += *at == '_';
            if (!*w || tolower((unsigned char)*w) != *at)
                break;
            at++;
        }
        if (!*w)
            return true;
    }
    return false;
}

/* The column that was meant by WORD: one slip away; or with WORD in its name, or in WORD; or a few slips
 * away. */
static const char *column_meant(const struct kmcp_query *q, const char *word)
{
    const char *near = NULL, *part = NULL, *within = NULL;
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < q->n_columns; i++) {
        const char *name = q->columns[i].name;

        if (text_nearer(word, name, &best))
            near = name;
        if (!part && word[0] && word[1] && has_part(name, word))
            part = name;
        if (has_part(word, name) && (!within || strlen(name) > strlen(within)))
            within = name;
    }
    return best <= 1 ? near : part ? part : within ? within : near;
}

/* Is WORD, which is no column, ARGUMENT or its beginning, and that no column either? */
static bool is_argument(const struct kmcp_query *q, const char *argument, const char *word)
{
    return strcmp(word, argument) == 0 || (strlen(word) > 2 && strncmp(argument, word, strlen(word)) == 0 &&
                                           !column_find(q, argument, strlen(argument)));
}

kmcp_rc column_unknown(const struct kmcp_query *q, const char *name, size_t len, struct failure *f)
{
    const char *meant;
    struct buf names;
    char word[80];
    kmcp_rc rc;

    snprintf(word, sizeof word, "%.*s", len < sizeof word ? (int)len : 3, len < sizeof word ? name : "...");
    buf_init(&names, 1 << 14);
    for (size_t i = 0; i < q->n_columns; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", q->columns[i].name);
    for (uint32_t i = 0; (q->flags & KMCP_QUERY_PUSHED) && i < q->request->n_query; i++)
        if (is_argument(q, q->request->query[i].name, word)) {
            const char *argument = q->request->query[i].name;

            buf_free(&names);
            return failure_set(f, KMCP_E_ARG, "%s have no column \"%s\"; %s: {\"%s\": ...}", q->what, word,
                               strcmp(argument, word) == 0 ? "it is an argument of its own"
                                                           : "there is an argument for it",
                               argument);
        }
    meant = column_meant(q, word);
    rc = failure_set(f, KMCP_E_ARG, "%s have no column \"%s\"; %s%s%s: %.1200s", q->what, word,
                     meant ? "did you mean \"" : "", meant ? meant : "",
                     meant ? "\"? There are" : "there are", names.data ? names.data : "");
    buf_free(&names);
    return rc;
}
