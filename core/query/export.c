/* export.c - a question's rows as a file with a manifest.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/json_path.h"
#include "base/log.h"
#include "base/trust.h"
#include "export.h"

struct export
{
    const struct question *question;
    const char *tool;
    const struct export_record *record;
    int fd;
    char path[700], part[710]; /* as it will be called, and while it is written */
    int64_t rows, bytes, max_bytes;
    struct buf line;
};

static bool broke(const struct export *e, struct failure *f)
{
    failure_set(f, KMCP_E_UPSTREAM, "the file \"%s\" cannot be written (%s); nothing was kept", e->path,
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
        ssize_t n = write(e->fd, at, left);

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

/* RFC 4180; a cell that a spreadsheet would take for a formula begins with an apostrophe. */
static void csv_cell(struct buf *out, const char *text)
{
    const char *first = text + strspn(text, " "); /* what was a tab or a new line is one, too */
    bool formula = *first && strchr("=+-@", *first) != NULL;

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

static bool is_usable(const char *folder, struct failure *f)
{
    char why[400], inside[600];
    struct stat st;

    snprintf(inside, sizeof inside, "%s/x", folder);
    if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
        failure_set(f, KMCP_E_DENIED, "[export] folder \"%s\" is not there; make it (mkdir -m 700)", folder);
    else if (!trust_above(inside, why, sizeof why))
        failure_set(f, KMCP_E_DENIED, "[export] folder: %s", why);
    return f->rc == KMCP_OK;
}

static void free_export(struct export *e)
{
    buf_wipe(&e->line);
    free(e);
}

/* A name that nothing else in FOLDER has. */
static bool name_file(struct export *e, const char *folder, struct failure *f)
{
    char stamp[32], hex[9];
    uint8_t random[4];

    if (!digest_random(random, sizeof random)) {
        failure_set(f, KMCP_E_NOMEM, "no file was written: there is no OpenSSL; see the log");
        return false;
    }
    digest_hex(random, sizeof random, hex);
    clock_iso(clock_unix_ms(), stamp, sizeof stamp);
    for (char *p = stamp; *p; p++)
        *p = *p == ':' ? '-' : *p;
    if (snprintf(e->path, sizeof e->path, "%s/%s-%s-%s.%s", folder, e->tool, stamp, hex,
                 e->question->format == EXPORT_CSV ? "csv" : "jsonl") < (int)sizeof e->path)
        return true;
    failure_set(f, KMCP_E_DENIED, "[export] folder has too long a name for a file in it; choose another");
    return false;
}

static const char *name_of(const struct export *e)
{
    return strrchr(e->path, '/') + 1;
}

struct export *export_open(const struct question *qu, const char *folder, const char *tool, int64_t max_bytes,
                           const struct export_record *record, struct failure *f)
{
    struct export *e;

    if (!folder || !*folder) {
        failure_set(f, KMCP_E_DENIED,
                    "files are not allowed here; the operator allows them with [export] folder");
        return NULL;
    }
    if (!is_usable(folder, f))
        return NULL;
    if (!(e = calloc(1, sizeof *e))) {
        failure_set(f, KMCP_E_NOMEM, "out of memory");
        return NULL;
    }
    *e = (struct export){ .question = qu, .tool = tool, .record = record, .fd = -1, .max_bytes = max_bytes };
    buf_init(&e->line, 1 << 24);
    if (!name_file(e, folder, f) || !record->begin(record->arg, name_of(e), f)) {
        free_export(e);
        return NULL;
    }
    snprintf(e->part, sizeof e->part, "%s.part", e->path);
    e->fd = open(e->part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (e->fd < 0)
        broke(e, f);
    else if (qu->format == EXPORT_CSV)
        csv_line(e, NULL);
    if (e->fd >= 0 && put(e, f))
        return e;
    export_drop(e, f);
    return NULL;
}

/* What is left of it goes, whatever its record says. */
static void remove_part(struct export *e)
{
    if (e->fd < 0)
        return;
    close(e->fd);
    e->fd = -1;
    unlink(e->part);
}

void export_drop(struct export *e, const struct failure *f)
{
    if (!e)
        return;
    remove_part(e);
    e->record->fail(e->record->arg, f);
    free_export(e);
}

/* The digest of what was written. */
static bool sum(const struct export *e, char hex[2 * DIGEST_SIZE + 1])
{
    uint8_t digest[DIGEST_SIZE];
    bool ok;
    int fd = open(e->part, O_RDONLY | O_CLOEXEC);
    void *map = fd < 0 || !e->bytes ? MAP_FAILED
                                    : mmap(NULL, (size_t)e->bytes, PROT_READ, MAP_PRIVATE, fd, 0);

    ok = e->bytes ? map != MAP_FAILED && digest_sha256(map, (size_t)e->bytes, digest)
                  : digest_sha256("", 0, digest);
    if (map != MAP_FAILED)
        munmap(map, (size_t)e->bytes);
    if (fd >= 0)
        close(fd);
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
    ok = ok && json_set(a, m, "file", json_string(a, name_of(e))) &&
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
        remove_part(e);
        return false;
    }
    if (rename(e->part, e->path) == 0)
        return true;
    broke(e, f);
    remove_part(e);
    e->record->lost(e->record->arg, f);
    return false;
}

bool export_finish(struct export *e, struct arena *a, const kmcp_json *args, const struct found *found,
                   const char *redaction, struct buf *text, kmcp_json **structured, struct failure *f)
{
    char hex[2 * DIGEST_SIZE + 1], beside[720];
    kmcp_json *m;
    const char *written;
    bool ok = fsync(e->fd) == 0 && sum(e, hex);

    m = ok ? manifest(e, a, args, found, redaction, hex) : NULL;
    written = m ? json_text(a, m) : NULL;
    snprintf(beside, sizeof beside, "%s.manifest.json", e->path);
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
    close(e->fd);
    log_line(KMCP_LOG_INFO, "export", "%s wrote %lld rows to %s", e->tool, (long long)e->rows, e->path);
    buf_printf(text, "wrote %lld %s%s to %s (%lld bytes, sha256 %s); manifest beside it", (long long)e->rows,
               e->question->q->what, found->complete ? "" : " (INCOMPLETE)", e->path, (long long)e->bytes,
               hex);
    if (!found->complete)
        buf_printf(text, ": %s", found->reason ? found->reason : "not all could be read");
    if (structured) {
        json_set(a, m, "path", json_string(a, e->path));
        json_set(a, m, "returned", json_integer(a, 0));
        json_set(a, m, "columns", json_array(a));
        json_set(a, m, "rows", json_array(a));
        *structured = m;
    }
    free_export(e);
    return true;
}
