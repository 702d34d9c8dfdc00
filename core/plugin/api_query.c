/* api_query.c - the host table's query(): a question about a list, answered by core/query/.  What it
 * promises: kmcp/plugin.h.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "api_inner.h"
#include "base/text.h"
#include "call_export.h"
#include "query/query.h"

/* Columns are known when they are asked about, and not before: whoever wrote the Ith wants to know which, and
 * what of it. */
static void bad_column(kmcp_ctx *ctx, const struct kmcp_column *column, size_t i)
{
    char what[160];

    snprintf(what, sizeof what, "asked about column %zu, \"%.64s\", whose %s", i + 1,
             column->name ? column->name : "",
             !column->name || !text_is_name(column->name, 64)
                 ? "name is refused; use lower-case letters, digits and _, at most 64"
             : !column->field ? "field is missing"
                              : "type this host does not know");
    api_bug(ctx, what);
}

/* Whole copies of what a plugin of any minor hands over. NULL with the failure set. */
static const struct kmcp_query *take_query(kmcp_ctx *ctx, const struct kmcp_query *theirs,
                                           struct kmcp_request *request)
{
    struct kmcp_query *q = api_alloc(ctx, sizeof *q);
    struct kmcp_column *columns;
    size_t size;

    if (!theirs->struct_size || !theirs->request || !theirs->columns || !theirs->column_size ||
        !theirs->what) {
        api_bug(ctx, "asked a question without struct_size, request, columns or what");
        return NULL;
    }
    size = theirs->column_size < sizeof *columns ? theirs->column_size : sizeof *columns;
    columns = api_alloc(ctx, (theirs->n_columns + 1) * sizeof *columns);
    if (!q || !columns || api_take_request(ctx, theirs->request, request) != KMCP_OK)
        return NULL;
    memcpy(q, theirs, theirs->struct_size < sizeof *q ? theirs->struct_size : sizeof *q);
    for (size_t i = 0; i < theirs->n_columns; i++) {
        memcpy(&columns[i], (const char *)theirs->columns + i * theirs->column_size, size);
        if (!columns[i].name || !columns[i].field || !text_is_name(columns[i].name, 64) ||
            columns[i].type > KMCP_COLUMN_LIST) {
            bad_column(ctx, &columns[i], i);
            return NULL;
        }
    }
    q->request = request;
    q->columns = columns;
    q->column_size = sizeof *columns;
    return q;
}

kmcp_rc api_query(kmcp_ctx *ctx, const struct kmcp_query *theirs, const kmcp_json *args)
{
    static const char *const redactions[] = { "no", "yes", "pseudonyms" };
    struct call *c = call_of(ctx);
    struct kmcp_request request;
    const struct kmcp_query *q = take_query(ctx, theirs, &request);
    const struct host *host = c->host;
    kmcp_json *structured = NULL;
    struct call_export file = { .call = c };
    const struct export_record record = call_export_record(&file);
    kmcp_rc rc;

    if (!q)
        return c->failure.rc;
    if (c->phase != CALL_RUNNING || !c->tool)
        return api_bug(ctx, "asked a question outside run()");
    const struct query_env env = {
        .client = host->client,
        .call = &c->client,
        .ctx = ctx,
        .tool = c->name,
        .said = c->in->args,
        .text = &c->text,
        .structured = host->structured && c->tool->output ? &structured : NULL,
        .answer_bytes = host->answer_bytes,
        .export_folder = host->export_folder,
        .export_bytes = host->export_bytes,
        .export_record = &record,
        .redaction = redactions[!host->policy.redact_pii  ? 0
                                : host->policy.pseudonyms ? 2
                                                          : 1],
    };

    rc = query_run(&env, q, args);
    if (rc == KMCP_OK && structured)
        c->structured = structured;
    return c->text.failed && rc == KMCP_OK ? api_out_of_memory(ctx) : rc;
}
