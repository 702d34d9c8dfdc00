/* fuzz_query.c - arguments of a question, then a line feed, then rows: whatever is asked over whatever comes,
 * rows are counted once and the answers are texts.  SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "query/push.h"
#include "query/rows.h"
#include "query/tally.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kmcp_route route = { .method = "GET", .path = "/api/v1/devices" };
static const struct kmcp_request request = { .struct_size = sizeof request, .route = &route };
static const struct kmcp_column columns[] = {
    { "name", "name", "name", KMCP_COLUMN_TEXT, KMCP_COLUMN_SHOWN },
    { "platform", "platform", "platform", KMCP_COLUMN_TEXT, KMCP_COLUMN_EXACT },
    { "version", "version", "version", KMCP_COLUMN_VERSION, KMCP_COLUMN_SHOWN },
    { "seen", "seen", NULL, KMCP_COLUMN_DATE, KMCP_COLUMN_SHOWN },
    { "mail", "user.mail|mail", NULL, KMCP_COLUMN_TEXT, 0 },
    { "tag", "tags", "tag", KMCP_COLUMN_LIST, KMCP_COLUMN_SHOWN },
    { "size", "size", NULL, KMCP_COLUMN_NUMBER, KMCP_COLUMN_SHOWN },
    { "missing", "missing", NULL, KMCP_COLUMN_BOOL, KMCP_COLUMN_SHOWN },
};
static const struct kmcp_query query = { .struct_size = sizeof query,
                                         .flags = KMCP_QUERY_FILTER,
                                         .request = &request,
                                         KMCP_COLUMNS(columns),
                                         .what = "things",
                                         .limit = 5 };

static void run(const struct question *qu, const kmcp_json *rows, struct arena *a)
{
    static const struct grouping all = { .n = 0 };
    struct failure f = { 0 };
    struct kept_rows kept;
    struct tally t;
    int64_t counted = 0, held = 0;

    rows_init(&kept, qu);
    tally_init(&t, qu, qu->n_groupings ? &qu->groupings[0] : &all, a);
    for (const kmcp_json *row = json_first(rows); row; row = json_next(row)) {
        bool holds = true;

        for (size_t i = 0; i < qu->n_conditions; i++)
            holds = condition_holds(&qu->conditions[i], row) && holds;
        held += holds;
        if (holds && (!rows_take(&kept, row) || !tally_take(&t, row, &f)))
            abort();
    }
    rows_finish(&kept);
    tally_finish(&t);
    if (kept.matched != held || (int64_t)kept.n > qu->limit)
        abort();
    for (size_t i = 0; i < t.n; i++)
        counted += t.groups[i].count;
    if (counted < held) /* more: a row counts for each element of a list */
        abort();
    rows_free(&kept);
    tally_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
    struct question qu;
    struct kmcp_request rq;
    struct failure f = { 0 };
    struct arena a;
    kmcp_json *args, *rows;
    bool exact;

    if (!line || size > 1 << 16)
        return 0;
    arena_init(&a, 64 << 20);
    args = json_parse(&a, (const char *)data, (size_t)(line - data), 0, NULL);
    rows = json_parse(&a, (const char *)line + 1, size - (size_t)(line - data) - 1, 0, NULL);
    if (args && rows && json_kind(args) == KMCP_JSON_OBJECT) {
        if (question_read(&qu, &query, &a, args, 1764000000000, &f) == KMCP_OK) {
            (void)push_request(&qu, &a, &rq, &exact);
            run(&qu, rows, &a);
        } else if (!f.text[0]) {
            abort(); /* every refusal says why */
        }
    }
    arena_release(&a, 0);
    return 0;
}
