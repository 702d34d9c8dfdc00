/* audit_show.c - `kmcp audit show`: what is on record.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "base/clock_read.h"
#include "base/text.h"
#include "cli.h"
#include "open_records.h"
#include "policy/audit_files.h"

static const char *get(const kmcp_json *record, const char *key)
{
    const char *text = json_str(json_get(record, key));

    return text ? text : "";
}

static bool is_about(const kmcp_json *record, const char *device)
{
    for (const kmcp_json *s = json_first(json_get(record, "subjects")); s; s = json_next(s)) {
        if (text_casecmp(get(s, "id"), device) == 0 || text_casestr(get(s, "label"), device))
            return true;
        for (const kmcp_json *f = json_first(json_get(s, "facts")); f; f = json_next(f))
            if (json_str(json_at(f, 1)) && text_casecmp(json_str(json_at(f, 1)), device) == 0)
                return true;
    }
    return false;
}

/* A day, and a second, are meant to their end. */
static int64_t end_of(const char *until)
{
    return clock_read(until) + (strlen(until) == 10 ? INT64_C(86400000) : strchr(until, '.') ? 1 : 1000);
}

static bool wanted(const struct cli *cli, const kmcp_json *r)
{
    static const struct {
        enum cli_option option;
        const char *key;
    } exact[] = { { OPT_TOOL, "tool" }, { OPT_EVENT, "event" }, { OPT_RESULT, "result" }, { OPT_ID, "id" } };

    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        if (cli->values[exact[i].option] && strcmp(get(r, exact[i].key), cli->values[exact[i].option]) != 0)
            return false;
    if (cli->values[OPT_PRINCIPAL] && !text_casestr(get(r, "principal"), cli->values[OPT_PRINCIPAL]))
        return false;
    if (cli->values[OPT_SINCE] && clock_read(get(r, "time")) < clock_read(cli->values[OPT_SINCE]))
        return false;
    if (cli->values[OPT_UNTIL] && clock_read(get(r, "time")) >= end_of(cli->values[OPT_UNTIL]))
        return false;
    return !cli->values[OPT_DEVICE] || is_about(r, cli->values[OPT_DEVICE]);
}

/* TEXT may have lines; each is indented. */
static void show_text(const char *lead, const char *text)
{
    for (size_t len; *text; text += len + (text[len] == '\n'), lead = "") {
        len = strcspn(text, "\n");
        printf("    %s%.*s\n", lead, (int)len, text);
    }
}

/* What the record of a file says of it. */
static void show_export(const kmcp_json *r)
{
    const kmcp_json *x = json_get(r, "export");
    int64_t rows = 0, bytes = 0;

    if (!x)
        return;
    printf("    file %s", get(x, "file"));
    if (json_int(json_get(x, "rows"), &rows) && json_int(json_get(x, "bytes"), &bytes))
        printf(": %lld rows%s, %lld bytes, sha256 %s", (long long)rows,
               json_is_true(json_get(x, "complete")) ? "" : " (INCOMPLETE)", (long long)bytes,
               get(x, "sha256"));
    printf("\n");
    show_text("query: ", get(r, "query"));
}

static void show_record(const struct cli *cli, const kmcp_json *r, const char *line)
{
    const kmcp_json *subject = json_first(json_get(r, "subjects"));

    if (cli->json) {
        printf("%s", line);
        return;
    }
    printf("%s  %-9s %-20s %s%s%s  %s\n", get(r, "time"), get(r, "event"), get(r, "tool"), get(r, "result"),
           *get(r, "result") ? " " : "", *get(subject, "label") ? get(subject, "label") : get(subject, "id"),
           get(r, "principal"));
    if (*get(r, "consent") || *get(r, "rule"))
        printf("    %s%s%s%s\n", *get(r, "rule") ? "by " : "", get(r, "rule"),
               *get(r, "rule") && *get(r, "consent") ? ", " : "", get(r, "consent"));
    show_text("reason: ", get(r, "reason"));
    if (*get(r, "request"))
        printf("    %s\n", get(r, "request"));
    show_export(r);
    show_text("", get(r, "detail"));
}

/* Is what was given one of the words that records have there? */
static bool is_one_of(const struct cli *cli, enum cli_option option, const char *name, const char *words)
{
    const char *given = cli->values[option], *rest = words, *word;
    size_t len;

    while (given && (word = scope_next(&rest, &len)))
        if (strlen(given) == len && strncmp(word, given, len) == 0)
            return true;
    if (given)
        fprintf(stderr, "kmcp: --%s must be one of %s, not \"%.40s\"\n", name, words, given);
    return !given;
}

static bool is_time(const char *given, const char *name)
{
    if (!given || clock_read(given) >= 0)
        return true;
    fprintf(stderr, "kmcp: --%s must look like 2026-11-24 or 2026-11-24T10:00:00Z, not \"%.40s\"\n", name,
            given);
    return false;
}

static bool filters_are_good(const struct cli *cli)
{
    return is_time(cli->values[OPT_SINCE], "since") && is_time(cli->values[OPT_UNTIL], "until") &&
           is_one_of(cli, OPT_EVENT, "event",
                     "asked, pending, approved, denied, intent, outcome, refused, repeated, resolved, "
                     "unanswered, accepted") &&
           is_one_of(cli, OPT_RESULT, "result", "ok, failed, unknown, cancelled");
}

struct shown {
    size_t seen, matched;
    struct open_records open;
};

static void take_record(const struct cli *cli, struct shown *s, const char *line, size_t len)
{
    const kmcp_json *r;
    struct arena a;

    arena_init(&a, 4 << 20);
    r = json_parse(&a, line, len, 0, NULL);
    s->seen += r != NULL;
    if (r && wanted(cli, r)) {
        if (cli->open)
            open_note(&s->open, r, line);
        else {
            show_record(cli, r, line);
            s->matched++;
        }
    }
    arena_release(&a, false);
}

static void show_open(const struct cli *cli, struct shown *s)
{
    struct arena a;

    for (size_t i = 0; i < s->open.n; i++) {
        const char *line = s->open.lines[i];

        arena_init(&a, 4 << 20);
        show_record(cli, json_parse(&a, line, strlen(line), 0, NULL), line);
        s->matched++;
        arena_release(&a, false);
    }
    open_free(&s->open);
}

int audit_show(const struct host *host, const struct cli *cli, const char *path)
{
    struct shown s = { 0 };
    struct audit_files files;
    char why[1200];
    int status = 0;

    if (!filters_are_good(cli))
        return EXIT_USAGE;
    if (!audit_files_find(&files, path, why, sizeof why)) {
        fprintf(stderr, "kmcp: %s\n", why);
        return 1;
    }
    for (size_t i = 0; i < files.n && !status; i++) {
        struct audit_lines lines;
        size_t len;

        if (!audit_lines_open(&lines, &files, i)) {
            fprintf(stderr, "kmcp: cannot be opened: %s\n", files.list[i]);
            status = 1;
        }
        while (!status && (len = audit_lines_next(&lines)) > 0)
            take_record(cli, &s, lines.text, len);
        audit_lines_close(&lines);
    }
    audit_files_free(&files);
    show_open(cli, &s);
    if (!s.matched && !status)
        fprintf(stderr, "kmcp: 0 of %zu records match%s\n", s.seen,
                cli->values[OPT_DEVICE] && host->policy.redact_pii
                    ? "; with redact_pii only a device's UUID is on record, not its serial number or name"
                    : "");
    return status;
}
