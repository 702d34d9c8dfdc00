/* own_left.c - what kmcp's own commands began and did not end: no ledger and no tenant knows of it, so its
 * end is that nobody can know it.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "open_records.h"
#include "own_left.h"
#include "policy/audit_files.h"

#define SPACE     "ending"
#define KEY       "own"
#define WRITES_MS INT64_C(60000) /* so long others leave it to who writes it */

static const char left[] = "kmcp ended before it could say whether this was done";

static const char *get(const kmcp_json *record, const char *key)
{
    return json_str(json_get(record, key));
}

/* Those without an end in the audit file and what was rotated away from it. */
static bool read_open(struct open_records *o, const char *path, char *why, size_t why_size)
{
    struct audit_files f;
    bool ok = audit_files_find(&f, path, why, why_size);

    for (size_t i = 0; ok && i < f.n; i++) {
        struct audit_lines lines;
        size_t len;

        if (!audit_lines_open(&lines, &f, i) && errno != ENOENT) {
            snprintf(why, why_size, "cannot be opened: %s", f.list[i]);
            ok = false;
        }
        while (lines.in && (len = audit_lines_next(&lines)) > 0) {
            struct arena a;
            const kmcp_json *r;

            arena_init(&a, 4 << 20);
            r = json_parse(&a, lines.text, len, 0, NULL);
            if (r && open_is_own(r))
                open_note(o, r, lines.text);
            arena_release(&a, false);
        }
        audit_lines_close(&lines);
    }
    audit_files_free(&f);
    return ok;
}

static bool is_gone(const kmcp_json *r)
{
    int64_t pid = 0;

    return json_int(json_get(r, "pid"), &pid) && pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static void print(const kmcp_json *r, bool gone)
{
    const kmcp_json *subject = json_first(json_get(r, "subjects"));
    char of[TERMINAL_TEXT], who[TERMINAL_TEXT], tool[TERMINAL_TEXT], consent[TERMINAL_TEXT];
    const char *label = get(subject, "label"), *time = get(r, "time"), *id = get(r, "id");

    printf("%s  %s  %s  %s  %s\n  %s: %s\n", time ? time : "?", terminal_text(get(r, "tool"), tool),
           terminal_text(get(r, "consent"), consent), terminal_text(label ? label : get(subject, "id"), of),
           terminal_text(get(r, "principal"), who), id ? id : "?", gone ? left : "still under way");
}

static bool put_end(struct host *host, const kmcp_json *r, char *why, size_t why_size)
{
    const kmcp_json *s = json_first(json_get(r, "subjects"));
    const struct audit_subject subject = { get(s, "kind"), get(s, "id"),
                                           host->policy.redact_pii ? NULL : get(s, "label") };
    struct audit_call record = { .tool = get(r, "tool"),
                                 .safety = KMCP_REVEAL,
                                 .principal = get(r, "principal"),
                                 .client = "kmcp",
                                 .transport = "recovery",
                                 .consent = get(r, "consent"),
                                 .result = "unknown",
                                 .subjects = &subject,
                                 .n_subjects = subject.kind && subject.id };
    const char *id = get(r, "id");

    if (!id || strlen(id) != sizeof record.id - 1)
        return true; /* not one of ours */
    memcpy(record.id, id, sizeof record.id);
    return audit_event(host->audit, &record, "resolved", left, why, why_size);
}

/* Each of those in O; PUTS: those whose process is gone get their end. *GONE: how many are. */
static bool each(struct host *host, const struct open_records *o, bool puts, size_t *gone, char *why,
                 size_t why_size)
{
    bool ok = true;

    *gone = 0;
    for (size_t i = 0; ok && i < o->n; i++) {
        struct arena a;
        const kmcp_json *r;
        bool is;

        arena_init(&a, 4 << 20);
        r = json_parse(&a, o->lines[i], strlen(o->lines[i]), 0, NULL);
        is = is_gone(r);
        *gone += is;
        if (puts && is)
            ok = put_end(host, r, why, why_size);
        else if (!puts)
            print(r, is);
        arena_release(&a, false);
    }
    return ok;
}

bool own_left_end(struct host *host, size_t *n, char *why, size_t why_size)
{
    const char *path = audit_path(host->audit);
    struct open_records open = { .n = 0 };
    size_t gone = 0;
    bool ok = read_open(&open, path, why, why_size) && each(host, &open, false, &gone, why, why_size);

    *n = open.n;
    open_free(&open);
    if (!ok || !gone)
        return ok;
    /* of several that find it one puts it on record */
    if (state_put(host->state, SPACE, KEY, 0, KEY, sizeof KEY - 1, state_now(host->state) + WRITES_MS) !=
        STATE_YES)
        return true;
    ok = read_open(&open, path, why, why_size) && each(host, &open, true, &gone, why, why_size);
    open_free(&open);
    state_drop(host->state, SPACE, KEY, 0);
    return ok;
}
