/* audit_verify.c - is every record there, unchanged, in its place?  SPDX-License-Identifier: Apache-2.0 */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_chain.h"
#include "audit_line.h"
#include "audit_verify.h"
#include "base/turn.h"

void verify_fault(struct verify *v, const char *file, uint64_t line, const char *fmt, ...)
{
    char what[300];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    v->faults++;
    if (v->say)
        v->say(v->arg, file, line, what);
}

/* What follows "prev" in a line that is a record, "" in a short one. */
static const char *after_prev(const char *line, size_t len)
{
    const size_t at = strcspn(line, "p") + 7 + CHAIN_MAC_HEX + 1;

    return len > at + 24 ? line + at : "";
}

/* The bytes that the record says were torn before it. */
static uint64_t torn_before(const char *line, size_t len)
{
    static const char member[] = ",\"torn\":";
    const char *found = after_prev(line, len);

    return strncmp(found, member, sizeof member - 1) == 0 ? strtoull(found + sizeof member - 1, NULL, 10) : 0;
}

/* Was it written as the first one of a file? */
static bool begins_file(const char *line, size_t len)
{
    static const char member[] = ",\"begins\":true,";
    const char *found = after_prev(line, len);

    if (torn_before(line, len))
        found = strchr(found + 1, ',');
    return found && strncmp(found, member, sizeof member - 1) == 0;
}

struct reader {
    const char *file;
    uint64_t line, odd_line, odd_bytes; /* lines that are no records, since the last one that is */
};

/* Did a person accept with this record that those before it are not whole? A quote inside a string is
 * escaped, so these bytes are a member. */
static bool is_acceptance(const struct verify *v, const char *line)
{
    static const char member[] = "\",\"event\":\"accepted\",";

    return v->key && strstr(line, member);
}

/* The last record that is archived, as an acceptance says; 0: it is about something else. */
static uint64_t archived_by(const char *line)
{
    static const char member[] = ",\"archived\":";
    const char *found = strstr(line, member);

    return found ? strtoull(found + sizeof member - 1, NULL, 10) : 0;
}

/* It is told and does not count as a fault; a number used twice does. */
static bool check_acceptance(struct verify *v, const struct reader *r, uint64_t seq)
{
    char what[200];

    if (v->begun && seq <= v->last)
        return false;
    snprintf(what, sizeof what,
             "the record was not whole after record %llu; a person accepted that with record %llu",
             v->begun ? (unsigned long long)v->last : 0, (unsigned long long)seq);
    v->accepted++;
    v->first = v->begun ? v->first : seq;
    if (v->say)
        v->say(v->arg, r->file, r->line, what);
    return true;
}

static void check_place(struct verify *v, const struct reader *r, uint64_t seq, const char *prev, bool begins)
{
    unsigned long long n = seq, want = v->last + 1;

    if (!v->begun) {
        v->first = seq;
        snprintf(v->before, sizeof v->before, "%s", prev);
        if (v->from && seq != v->from)
            verify_fault(v, r->file, r->line,
                         "the files begin with record %llu, not %llu: those before it are missing", n,
                         (unsigned long long)v->from);
        else if (seq != 1 && !begins)
            verify_fault(v, r->file, r->line,
                         "records 1 to %llu are missing, and record %llu did not begin a file", n - 1, n);
        else if (seq != 1)
            v->late = !v->from;
        else if (strspn(prev, "0") != CHAIN_MAC_HEX)
            verify_fault(v, r->file, r->line, "record 1 does not begin a chain");
    } else if (seq > v->last + 1) {
        verify_fault(v, r->file, r->line, "records %llu to %llu are missing before record %llu", want, n - 1,
                     n);
    } else if (seq <= v->last) {
        verify_fault(v, r->file, r->line,
                     "record %llu is out of order or here a second time, after record %llu", n, want - 1);
    } else if (strcmp(prev, v->mac) != 0) {
        verify_fault(v, r->file, r->line, "record %llu does not follow from the record before it", n);
    }
}

static void check_line(struct verify *v, struct reader *r, const char *line, size_t len, bool ended)
{
    char mac[CHAIN_MAC_HEX + 1] = "", given[CHAIN_MAC_HEX + 1] = "", prev[CHAIN_MAC_HEX + 1];
    static const uint8_t none[DIGEST_SIZE];
    uint64_t seq, torn, archived;
    bool whole = chain_line_place(line, len, &seq, prev) &&
                 chain_line_mac(v->key ? v->key : none, line, len, mac, given) && ended;

    if (!whole) {
        if (!r->odd_line)
            r->odd_line = r->line;
        r->odd_bytes += len;
        return;
    }
    torn = torn_before(line, len);
    if (v->key && !digest_equal(mac, given, CHAIN_MAC_HEX))
        verify_fault(v, r->file, r->line, "record %llu was changed", (unsigned long long)seq);
    else if (torn != r->odd_bytes)
        verify_fault(v, r->file, r->odd_line ? r->odd_line : r->line, "%llu bytes here are no record",
                     (unsigned long long)r->odd_bytes);
    else if (torn) {
        v->torn++;
        if (v->say)
            v->say(v->arg, r->file, r->odd_line,
                   "torn by a crash or a full disk while it was written; not tampering");
    }
    archived = is_acceptance(v, line) ? archived_by(line) : 0;
    if (archived > v->archived)
        v->archived = archived;
    if (archived || !is_acceptance(v, line) || !check_acceptance(v, r, seq))
        check_place(v, r, seq, prev, begins_file(line, len));
    r->odd_line = r->odd_bytes = 0;
    v->begun = true;
    v->records++;
    v->last = seq;
    memcpy(v->mac, given, sizeof given);
}

bool verify_file(struct verify *v, const struct audit_files *f, size_t i)
{
    struct reader r = { .file = f->list[i] };
    struct audit_lines lines;
    size_t len;

    if (!audit_lines_open(&lines, f, i))
        return false;
    while ((len = audit_lines_next(&lines)) > 0) {
        bool ended = lines.text[len - 1] == '\n';

        r.line++;
        check_line(v, &r, lines.text, len - ended, ended);
    }
    v->tail = r.odd_bytes;
    if (r.odd_line && r.odd_bytes)
        verify_fault(v, r.file, r.odd_line,
                     "%llu bytes at the end are no whole record: torn by a crash, or cut off",
                     (unsigned long long)r.odd_bytes);
    audit_lines_close(&lines);
    return true;
}

void verify_begin(struct verify *v, const char *path)
{
    unsigned long long first = v->first;

    if (v->key && !v->archive && v->late && v->archived + 1 < v->first)
        verify_fault(
            v, path, 0,
            "records %llu to %llu are missing, and nobody put on record that they are archived: kmcp audit "
            "accept does, --from %llu is enough for once",
            (unsigned long long)v->archived + 1, first - 1, first);
}

void verify_end(struct verify *v, const char *path)
{
    if (!v->key || v->archive)
        return;
    if (v->found != HEAD_GOOD)
        verify_fault(v, path, 0,
                     "its head (%s.head) is missing or was changed: records may be missing at the end", path);
    else if (v->head.seq > v->last)
        verify_fault(v, path, 0, "records %llu to %llu are missing at the end",
                     (unsigned long long)v->last + 1, (unsigned long long)v->head.seq);
    else if (v->head.seq == v->last && v->begun && strcmp(v->head.mac, v->mac) != 0)
        verify_fault(v, path, 0, "its last record is not the one that was written last");
}

/* ---- what there is, while others write ---- */

/* The turn of who writes, so that no record is half there; -1: it cannot be had, as in a folder with a copy,
 * or another has it for as long as a writer would wait. */
static int take_turn(const char *path)
{
    char name[PATH_MAX];
    int fd;

    snprintf(name, sizeof name, "%s.lock", path);
    fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0)
        turn_take(fd, CHAIN_WAIT_MS);
    return fd;
}

bool verify_find(struct verify *v, struct audit_files *f, const char *path, const char *anchors, char *why,
                 size_t why_size)
{
    int turn = v->archive ? -1 : take_turn(path);
    char name[PATH_MAX];
    struct stat st;
    bool ok = v->archive ? audit_files_archive(f, path, why, why_size)
                         : audit_files_find(f, path, why, why_size);

    snprintf(name, sizeof name, "%s.head", path);
    v->found = v->key && !v->archive ? head_read(name, v->key, &v->head) : HEAD_NONE;
    v->anchored = anchors && stat(anchors, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size
                                                                            : UINT64_MAX;
    if (turn >= 0)
        close(turn);
    return ok;
}
