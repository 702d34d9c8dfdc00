/* export.c - a question's rows as a file with a manifest.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/json_path.h"
#include "base/log.h"
#include "export.h"

struct export
{
    const struct question *question;
    const char *tool;
    const struct export_record *record;
    struct export_file file;
    int64_t rows, bytes, max_bytes;
    struct buf line;
};

static bool broke(const struct export *e, struct failure *f)
{
    failure_set(f, KMCP_E_UPSTREAM, "the file \"%s\" cannot be written (%s); nothing was kept", e->file.path,
                strerror(errno));
    return false;
}

static bool put(struct export *e, struct failure *f)
{
    const char *at = e->line.data;
    size_t left = e->line.len;

    if (e->line.failed) {
        failure_set(f, KMCP_E_NOMEM, "a row is too large for a file");
        return false;
    }
    e->bytes += (int64_t)left;
    if (e->bytes > e->max_bytes) {
        failure_set(f, KMCP_E_DENIED,
                    "the file would be larger than [export] max_bytes allows (%lld); ask for less",
                    (long long)e->max_bytes);
        return false;
    }
    while (left) {
        ssize_t n = write(e->file.fd, at, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return broke(e, f);
        at += n;
        left -= (size_t)n;
    }
    buf_reset(&e->line);
    return true;
}

/* ---- one line ---- */

/* Would a spreadsheet take it for one? Where people write East Asian scripts the wide signs count, too. */
static bool is_formula(const char *text)
{
    static const char *const signs[] = { "=", "+", "-", "@", "\uFF1D", "\uFF0B", "\uFF0D", "\uFF20" };

    text += strspn(text, " "); /* what was a tab or a new line is one, too */
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strncmp(text, signs[i], strlen(signs[i])) == 0)
            return true;
    return false;
}

/* RFC 4180; a formula begins with an apostrophe. */
static void csv_cell(struct buf *out, const char *text)
{
    bool formula = is_formula(text);

    if (!formula && !strpbrk(text, ",\"\r\n")) {
        buf_puts(out, text);
        return;
    }
    buf_putc(out, '"');
    if (formula)
        buf_putc(out, '\'');
    for (; *text; text++) {
        if (*text == '"')
            buf_putc(out, '"');
        buf_putc(out, *text);
    }
    buf_putc(out, '"');
}

static void csv_line(struct export *e, const kmcp_json *row)
{
    const struct question *qu = e->question;
    struct buf cell;

    buf_init(&cell, 1 << 20);
    for (size_t i = 0; i < qu->n_fields; i++) {
        buf_reset(&cell);
        buf_puts(&cell, "");
        if (row)
            value_show(&cell, json_path(row, qu->fields[i]->field), qu->fields[i]->type);
        e->line.failed = e->line.failed || cell.failed;
        if (i)
            buf_putc(&e->line, ',');
        csv_cell(&e->line, row ? (cell.data ? cell.data : "") : qu->fields[i]->name);
    }
    buf_puts(&e->line, "\r\n");
    buf_free(&cell);
}

/* Values as the API has them. */
static void json_line(struct export *e, const kmcp_json *row)
{
    const struct question *qu = e->question;
    struct arena scratch;

    arena_init(&scratch, 1 << 24);
    buf_putc(&e->line, '{');
    for (size_t i = 0; i < qu->n_fields; i++) {
        const kmcp_json *node = json_path(row, qu->fields[i]->field);
        const char *text = node ? json_text(&scratch, node) : "null";

        e->line.failed = e->line.failed || !text; /* half a row is none */

        if (i)
            buf_putc(&e->line, ',');
        json_quote(&e->line, qu->fields[i]->name);
        buf_putc(&e->line, ':');
        buf_puts(&e->line, text ? text : "null");
    }
    buf_puts(&e->line, "}\n");
    arena_release(&scratch, 0);
}

bool export_take(struct export *e, const kmcp_json *row, struct failure *f)
{
    if (e->question->format == EXPORT_CSV)
        csv_line(e, row);
    else
        json_line(e, row);
    e->rows++;
    return put(e, f);
}

/* ---- the file ---- */

static void free_export(struct export *e)
{
    buf_wipe(&e->line);
    free(e);
}

struct export *export_open(const struct question *qu, const char *folder, const char *tool, int64_t max_bytes,
                           const struct export_record *record, struct failure *f)
{
    char id[EXPORT_ID + 1];
    struct export *e;

    if (!folder || !*folder) {
        failure_set(f, KMCP_E_DENIED,
                    "files are not allowed here; the operator allows them with [export] folder");
        return NULL;
    }
    if (!(e = calloc(1, sizeof *e))) {
        failure_set(f, KMCP_E_NOMEM, "out of memory");
        return NULL;
    }
    *e = (struct export){ .question = qu, .tool = tool, .record = record, .max_bytes = max_bytes };
    buf_init(&e->line, 1 << 24);
    if (!export_file_name(&e->file, folder, tool, qu->format == EXPORT_CSV ? "csv" : "jsonl", f)) {
        free_export(e);
        return NULL;
    }
    export_file_left(folder, record->left, record->arg);
    if (!record->begin(record->arg, export_file_label(&e->file), id, f)) {
        free_export(e);
        return NULL;
    }
    if (!export_file_make(&e->file, id))
        broke(e, f);
    else if (qu->format == EXPORT_CSV)
        csv_line(e, NULL);
    if (e->file.fd >= 0 && put(e, f))
        return e;
    export_drop(e, f);
    return NULL;
}

void export_drop(struct export *e, const struct failure *f)
{
    if (!e)
        return;
    export_file_drop(&e->file, e->record->fail(e->record->arg, f));
    free_export(e);
}

/* The digest of what was written. */
static bool sum(const struct export *e, char hex[2 * DIGEST_SIZE + 1])
{
    uint8_t digest[DIGEST_SIZE];
    void *map = !e->bytes ? MAP_FAILED : mmap(NULL, (size_t)e->bytes, PROT_READ, MAP_PRIVATE, e->file.fd, 0);
    bool ok;

    ok = e->bytes ? map != MAP_FAILED && digest_sha256(map, (size_t)e->bytes, digest)
                  : digest_sha256("", 0, digest);
    if (map != MAP_FAILED)
        munmap(map, (size_t)e->bytes);
    if (ok)
        digest_hex(digest, sizeof digest, hex);
    return ok;
}

static kmcp_json *manifest(struct export *e, struct arena *a, const kmcp_json *args,
                           const struct found *found, const char *redaction, const char *hex)
{
    const struct question *qu = e->question;
    kmcp_json *m = json_object(a), *columns = json_array(a);
    char iso[32];
    bool ok = m && columns;

    for (size_t i = 0; ok && i < qu->n_fields; i++)
        ok = json_append(a, columns, json_string(a, qu->fields[i]->name));
    ok = ok && json_set(a, m, "file", json_string(a, export_file_label(&e->file))) &&
         json_set(a, m, "format", json_string(a, qu->format == EXPORT_CSV ? "csv" : "jsonl")) &&
         json_set(a, m, "tool", json_string(a, e->tool)) &&
         json_set(a, m, "query", args ? args : json_object(a)) && json_set(a, m, "columns", columns) &&
         json_set(a, m, "rows", json_integer(a, e->rows)) &&
         json_set(a, m, "bytes", json_integer(a, e->bytes)) &&
         json_set(a, m, "sha256", json_string(a, hex)) &&
         json_set(a, m, "complete", json_boolean(a, found->complete)) &&
         json_set(a, m, "as_of", json_string(a, clock_iso(found->as_of_ms, iso, sizeof iso))) &&
         json_set(a, m, "redact_pii", json_string(a, redaction));
    if (ok && !found->complete)
        ok = json_set(a, m, "note", json_string(a, found->reason ? found->reason : "not all could be read"));
    if (ok && !found->complete && found->next)
        ok = json_set(a, m, "next", json_string(a, arena_format(a, "@%s", found->next)));
    return ok ? m : NULL;
}

/* Writes TEXT to a new file at PATH. */
static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    size_t len = strlen(text);
    bool ok = fd >= 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    if (fd >= 0 && !ok)
        unlink(path);
    return ok;
}

/* On record, and then under its name: what is in the folder is on record as it is. */
static bool publish(struct export *e, const struct found *found, const char *hex, struct failure *f)
{
    const struct export_facts facts = { e->rows, e->bytes, hex, found };

    if (!e->record->end(e->record->arg, &facts, f)) {
        export_file_drop(&e->file, false);
        return false;
    }
    if (export_file_place(&e->file))
        return true;
    broke(e, f);
    export_file_drop(&e->file, e->record->lost(e->record->arg, f));
    return false;
}

bool export_finish(struct export *e, struct arena *a, const kmcp_json *args, const struct found *found,
                   const char *redaction, struct buf *text, kmcp_json **structured, struct failure *f)
{
    char hex[2 * DIGEST_SIZE + 1], beside[720];
    kmcp_json *m;
    const char *written;
    bool ok = fsync(e->file.fd) == 0 && sum(e, hex);

    m = ok ? manifest(e, a, args, found, redaction, hex) : NULL;
    written = m ? json_text(a, m) : NULL;
    snprintf(beside, sizeof beside, "%s.manifest.json", e->file.path);
    if (!written || !write_file(beside, written)) {
        broke(e, f);
        export_drop(e, f);
        return false;
    }
    if (!publish(e, found, hex, f)) {
        unlink(beside);
        free_export(e);
        return false;
    }
    log_line(KMCP_LOG_INFO, "export", "%s wrote %lld rows to %s", e->tool, (long long)e->rows, e->file.path);
    buf_printf(text, "wrote %lld %s%s to %s (%lld bytes, sha256 %s); manifest beside it", (long long)e->rows,
               e->question->q->what, found->complete ? "" : " (INCOMPLETE)", e->file.path,
               (long long)e->bytes, hex);
    if (!found->complete)
        buf_printf(text, ": %s", found->reason ? found->reason : "not all could be read");
    if (structured) {
        json_set(a, m, "path", json_string(a, e->file.path));
        json_set(a, m, "returned", json_integer(a, 0));
        json_set(a, m, "columns", json_array(a));
        json_set(a, m, "rows", json_array(a));
        *structured = m;
    }
    free_export(e);
    return true;
}
