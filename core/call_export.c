/* call_export.c - the record of a file that a call leaves.  SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "base/log.h"
#include "call_export.h"
#include "call_phase.h"

/* The question, and its digest: where persons are masked only that stays. */
static bool name_query(struct call_export *x)
{
    struct call *c = x->call;
    char *hex = arena_alloc(&c->arena, 2 * DIGEST_SIZE + 1);
    uint8_t digest[DIGEST_SIZE];

    x->record.query = call_shown_args(c, c->in->args ? c->in->args : c->args); /* tokens stay tokens */
    if (!hex || !x->record.query || !digest_sha256(x->record.query, strlen(x->record.query), digest))
        return false;
    digest_hex(digest, sizeof digest, hex);
    x->record.arguments_sha256 = hex;
    return true;
}

static bool begin(void *arg, const char *file, char id[EXPORT_ID + 1], struct failure *f)
{
    struct call_export *x = arg;
    struct call *c = x->call;
    char why[400] = "no memory or no OpenSSL";

    x->record = c->record;
    x->record.id[0] = '\0'; /* one call may leave several */
    x->record.exported = &x->file;
    x->file = (struct audit_export){ .file = arena_strdup(&c->arena, file) };
    if (x->file.file && name_query(x) && audit_intent(c->host->audit, &x->record, why, sizeof why)) {
        memcpy(id, x->record.id, EXPORT_ID + 1);
        return true;
    }
    failure_set(f, KMCP_E_DENIED, "no file was written, for it cannot be recorded: %s", why);
    return false;
}

static bool end(void *arg, const struct export_facts *facts, struct failure *f)
{
    struct call_export *x = arg;

    x->file.rows = facts->rows;
    x->file.bytes = facts->bytes;
    x->file.sha256 = facts->sha256;
    x->file.complete = facts->found->complete;
    if (audit_outcome(x->call->host->audit, &x->record, "ok", NULL, 0,
                      facts->found->complete ? NULL : facts->found->reason))
        return true;
    failure_set(f, KMCP_E_DENIED,
                "the file was not kept, for what is in it cannot be recorded; kmcp check says why");
    return false;
}

static bool fail(void *arg, const struct failure *f)
{
    struct call_export *x = arg;

    return audit_outcome(x->call->host->audit, &x->record, f->rc == KMCP_E_CANCELLED ? "cancelled" : "failed",
                         NULL, 0, f->text);
}

/* RECORD's file is not there, though its record says that it was begun, or whole. */
static bool is_gone(struct host *host, struct audit_call *record, const char *why_gone)
{
    char why[400];

    record->result = "failed";
    if (audit_event(host->audit, record, "resolved", why_gone, why, sizeof why))
        return true;
    log_line(KMCP_LOG_ERROR, "audit", "that %s is not there could not be recorded: %s",
             record->exported->file, why);
    return false;
}

static bool lost(void *arg, const struct failure *f)
{
    struct call_export *x = arg;

    return is_gone(x->call->host, &x->record, f->text);
}

/* Whoever comes next finds it, whoever asked for it. */
static bool left(void *arg, const char *name, const char *tool, const char *id)
{
    struct call_export *x = arg;
    const struct audit_export file = { .file = name };
    struct audit_call record = {
        .tool = tool, .safety = KMCP_READ, .client = "kmcp", .transport = "recovery", .exported = &file
    };

    memcpy(record.id, id, sizeof record.id);
    log_line(KMCP_LOG_WARN, "export", "%s was left by a process that is gone and is removed", name);
    return is_gone(x->call->host, &record,
                   "kmcp ended before it had its name; what there was of it was removed");
}

struct export_record call_export_record(struct call_export *x)
{
    return (struct export_record){
        .arg = x, .begin = begin, .end = end, .fail = fail, .lost = lost, .left = left
    };
}
