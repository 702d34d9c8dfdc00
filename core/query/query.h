/* query.h - a question about a list, from its arguments to its answer.  SPDX-License-Identifier: Apache-2.0
 *
 * question.c understands it, condition.c judges rows, push.c leaves to the API what the API can do, doubt.c
 * asks whether it does, rows.c and tally.c keep what is shown, words.c translates between callers and the
 * API, answer.c and export.c write it down.
 */
#ifndef KMCP_QUERY_H
#define KMCP_QUERY_H

#include "client/client.h"
#include "export.h"

/* What it works with. */
struct query_env {
    struct client *client;
    struct client_call *call;
    kmcp_ctx *ctx;
    const char *tool;
    const kmcp_json *said; /* the arguments as the caller said them, for a manifest */
    struct buf *text;
    kmcp_json **structured; /* NULL: not wanted */
    size_t answer_bytes;
    const char *export_folder; /* NULL: no files */
    int64_t export_bytes;
    const struct export_record *export_record;
    const char *redaction; /* "no", "yes", "pseudonyms" */
};

/* The host table's query(). Q is whole: every member set, columns of the host's size. */
kmcp_rc query_run(const struct query_env *env, const struct kmcp_query *q, const kmcp_json *args);

#endif
