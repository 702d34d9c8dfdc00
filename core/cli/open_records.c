/* open_records.c - intents and questions on record that have no end.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "open_records.h"

static const char *get(const kmcp_json *record, const char *key)
{
    const char *text = json_str(json_get(record, key));

    return text ? text : "";
}

static void add(struct open_records *o, const char *id, const char *line)
{
    char *copy = strdup(line);

    if (copy && o->n == o->cap) {
        size_t cap = o->cap ? 2 * o->cap : 64;
        void *ids = realloc(o->ids, cap * sizeof *o->ids), *lines = NULL;

        if (ids)
            o->ids = ids;
        lines = ids ? realloc(o->lines, cap * sizeof *o->lines) : NULL;
        if (lines) {
            o->lines = lines;
            o->cap = cap;
        }
    }
    if (!copy || o->n == o->cap) {
        free(copy);
        return;
    }
    snprintf(o->ids[o->n], sizeof *o->ids, "%s", id);
    o->lines[o->n++] = copy;
}

static void drop(struct open_records *o, const char *id)
{
    for (size_t i = o->n; i-- > 0;)
        if (strcmp(o->ids[i], id) == 0) {
            free(o->lines[i]);
            memmove(o->ids + i, o->ids + i + 1, (o->n - i - 1) * sizeof *o->ids);
            memmove(o->lines + i, o->lines + i + 1, (o->n - i - 1) * sizeof *o->lines);
            o->n--;
            return;
        }
}

bool open_is_own(const kmcp_json *r)
{
    return !*get(r, "plugin");
}

/* Is R the end of its call? An act that nobody knows the end of yet may be found out about; what kmcp did
 * itself leaves nothing to find out from. */
static bool is_end(const kmcp_json *r)
{
    const char *event = get(r, "event");
    bool unknown = strcmp(get(r, "result"), "unknown") == 0 && !open_is_own(r);

    if (strcmp(event, "resolved") == 0)
        return !unknown && !strstr(get(r, "detail"), "nobody knows");
    return strcmp(event, "outcome") == 0 && !unknown;
}

void open_note(struct open_records *o, const kmcp_json *r, const char *line)
{
    const char *event = get(r, "event"), *id = get(r, "id"), *consent = get(r, "consent");

    if (strcmp(event, "asked") == 0) {
        add(o, consent, line);
        return;
    }
    if (*consent)
        drop(o, consent); /* whatever the answer was */
    if (strcmp(event, "intent") == 0)
        add(o, id, line);
    else if (is_end(r))
        drop(o, id);
}

void open_free(struct open_records *o)
{
    for (size_t i = 0; i < o->n; i++)
        free(o->lines[i]);
    free(o->ids);
    free(o->lines);
    *o = (struct open_records){ .n = 0 };
}
