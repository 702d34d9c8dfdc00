/* call_restore.c - a ledger that was lost with its state, read back from the audit file.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A state file that was moved away, a Redis that kept nothing: with them goes what nobody knew the end of,
 * and the same would be sent again without a word. The audit file still has it.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock_read.h"
#include "base/log.h"
#include "call_phase.h"
#include "call_restore.h"
#include "policy/audit_files.h"
#include "policy/audit_mark.h"

#define SPACE      "restored" /* by audit file */
#define KEEP_MS    (INT64_C(30) * 86400000)
#define RECORD_MAX ((size_t)4 << 20) /* memory for one record */

/* Acts without a known end, the latest first. */
struct past {
    struct past *next;
    struct ledger_entry entry;
};

struct reading {
    struct host *host;
    struct arena *a;
    struct past *open;
    bool ok;
};

static const char *text_of(const kmcp_json *r, const char *key)
{
    const char *text = json_str(json_get(r, key));

    return text ? text : "";
}

/* As call_once.c makes it. */
static bool key_of(struct reading *g, const kmcp_json *r, char out[2 * DIGEST_SIZE + 1])
{
    const kmcp_json *subjects = json_get(r, "subjects");
    const char **parts = arena_alloc(g->a, (1 + 2 * json_len(subjects)) * sizeof *parts);
    uint8_t digest[DIGEST_SIZE];
    size_t n = 0;

    if (!parts)
        return false;
    parts[n++] = text_of(r, "tool");
    for (const kmcp_json *s = json_first(subjects); s; s = json_next(s)) {
        parts[n++] = text_of(s, "kind");
        parts[n++] = text_of(s, "id");
    }
    if (!call_digest_for(g->host, parts, n, digest))
        return false;
    digest_hex(digest, sizeof digest, out);
    return true;
}

static void take_intent(struct reading *g, const kmcp_json *r)
{
    const char *label = json_str(json_get(json_first(json_get(r, "subjects")), "label"));
    const char *class = text_of(r, "class");
    int64_t at = clock_read(text_of(r, "time"));
    struct past *p;

    if ((strcmp(class, "WRITE") != 0 && strcmp(class, "DESTROY") != 0) ||
        !json_len(json_get(r, "subjects")) || at + KEEP_MS < state_now(g->host->state))
        return;
    p = arena_alloc(g->a, sizeof *p);
    if (!p) {
        g->ok = false;
        return;
    }
    *p = (struct past){ .next = g->open,
                        .entry = { .stage = LEDGER_UNKNOWN,
                                   .id = arena_strdup(g->a, text_of(r, "id")),
                                   .tool = arena_strdup(g->a, text_of(r, "tool")),
                                   .plugin = arena_strdup(g->a, text_of(r, "plugin")),
                                   .principal = arena_strdup(g->a, text_of(r, "principal")),
                                   .target = label ? arena_strdup(g->a, label) : NULL,
                                   .at_ms = at,
                                   .until_ms = at } };
    ledger_sign(g->a, &p->entry);
    g->ok = g->ok && key_of(g, r, p->entry.key) && p->entry.id && p->entry.tool;
    g->open = p;
}

/* ID has an end. One that was done is also the end of those before it that it was done in place of. */
static void take_end(struct reading *g, const kmcp_json *r)
{
    const char *id = text_of(r, "id"), *result = text_of(r, "result"),
               *request = json_str(json_get(r, "request"));
    struct past **at = &g->open, *ended;

    while (*at && strcmp((*at)->entry.id, id) != 0)
        at = &(*at)->next;
    if (!(ended = *at))
        return;
    if (strcmp(result, "unknown") == 0) {
        ended->entry.request = request ? arena_strdup(g->a, request) : ended->entry.request;
        return;
    }
    *at = ended->next;
    while (strcmp(result, "ok") == 0 && *at)
        if (strcmp((*at)->entry.key, ended->entry.key) == 0)
            *at = (*at)->next;
        else
            at = &(*at)->next;
}

static bool read_file(struct reading *g, const struct audit_files *f, size_t i, char *why, size_t why_size)
{
    const char *path = f->list[i];
    struct audit_lines lines;
    size_t len;

    if (!audit_lines_open(&lines, f, i)) {
        if (errno == ENOENT)
            return true;
        snprintf(why, why_size, "%s cannot be opened: %s; make it readable and writable for who runs kmcp",
                 path, strerror(errno));
        return false;
    }
    while (g->ok && (len = audit_lines_next(&lines)) > 0) {
        struct arena scratch;
        const kmcp_json *r;
        const char *event;

        arena_init(&scratch, RECORD_MAX);
        r = json_parse(&scratch, lines.text, len, 0, NULL); /* a torn one is none */
        event = text_of(r, "event");
        if (strcmp(event, "intent") == 0)
            take_intent(g, r);
        else if (strcmp(event, "outcome") == 0 || strcmp(event, "resolved") == 0)
            take_end(g, r);
        arena_release(&scratch, false);
    }
    if (ferror(lines.in)) {
        snprintf(why, why_size, "%s cannot be read: %s", path, strerror(errno));
        g->ok = false;
    } else if (!g->ok) {
        snprintf(why, why_size, "%s: no memory or no OpenSSL", path);
    }
    audit_lines_close(&lines);
    return g->ok;
}

static bool read_all(struct reading *g, char *why, size_t why_size)
{
    struct audit_files files;
    bool ok = audit_files_find(&files, audit_path(g->host->audit), why, why_size);

    for (size_t i = 0; ok && i < files.n; i++)
        ok = read_file(g, &files, i, why, why_size);
    audit_files_free(&files);
    return ok;
}

/* The latest under each key, with those before it. */
static bool put_all(struct reading *g)
{
    size_t n = 0;

    while (g->open) {
        struct past *latest = g->open, **at = &latest->next;
        struct ledger_entry *last = &latest->entry;
        enum state_rc rc;

        while (*at)
            if (strcmp((*at)->entry.key, latest->entry.key) == 0) {
                last->prior = &(*at)->entry;
                last = last->prior;
                *at = (*at)->next;
            } else {
                at = &(*at)->next;
            }
        rc = ledger_put(g->host->state, g->a, &latest->entry, KEEP_MS);
        if (rc == STATE_LOST)
            return false;
        n += rc == STATE_YES;
        g->open = latest->next;
    }
    if (n)
        log_line(KMCP_LOG_WARN, "acts",
                 "the state is new; %zu acts that the audit file knows no end of are unknown in it", n);
    return true;
}

bool restore_ledger(struct host *host, char *why, size_t why_size)
{
    char key[2 * DIGEST_SIZE + 1];
    struct state_record record;
    struct arena arena;
    struct reading g = { .host = host, .a = &arena, .ok = true };
    bool ok;

    if (!mark_key(audit_path(host->audit), key)) {
        snprintf(why, why_size, "no OpenSSL");
        return false;
    }
    switch (state_get(host->state, SPACE, key, &record)) {
    case STATE_YES:
        free(record.value);
        return true;
    case STATE_LOST:
        state_why(host->state, why, why_size);
        return false;
    case STATE_NO:
        break;
    }
    arena_init(&arena, 64 << 20);
    ok = read_all(&g, why, why_size);
    if (ok && (!put_all(&g) || state_put(host->state, SPACE, key, 0, "1", 1, 0) == STATE_LOST)) {
        state_why(host->state, why, why_size);
        ok = false;
    }
    arena_release(&arena, false);
    return ok;
}
