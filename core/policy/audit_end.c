/* audit_end.c - where the chain ends, and whether that is where it ended: under the lock, before each record.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_chain_inner.h"
#include "audit_head.h"
#include "audit_line.h"
#include "base/keyfile.h"
#include "base/log.h"

#define LINE_LIMIT ((size_t)256 << 10)
#define ACCEPT     "look with kmcp audit verify, keep a copy as evidence; kmcp audit accept goes on from there"

/* ---- a chain that begins ---- */

static bool first_byte_matches(struct chain *c, uint64_t size)
{
    static const char start[] = "{\"v\":2,";
    char text[sizeof start - 1];

    return size < sizeof text || (pread(c->file.fd, text, sizeof text, 0) == (ssize_t)sizeof text &&
                                  memcmp(text, start, sizeof text) == 0);
}

/* A file from before there was a chain is put aside. */
static bool set_aside(struct chain *c, char *why, size_t why_size)
{
    char aside[PATH_LIMIT + 20];

    snprintf(aside, sizeof aside, "%s.unchained", c->file.path);
    if (access(aside, F_OK) == 0 || rename(c->file.path, aside) != 0)
        return chain_fault(c, why, why_size, "is of a kind without a chain",
                           "move it away; a new one is begun");
    log_line(KMCP_LOG_WARN, "audit", "%s had no chain and is now %s; a new one is begun", c->file.path,
             aside);
    return audit_file_open(&c->file, why, why_size);
}

bool chain_read_key(struct chain *c, char *why, size_t why_size)
{
    char detail[600];

    if (!c->has_key) {
        if (!keyfile_read(c->key_path, false, c->key, detail, sizeof detail))
            return chain_fault(c, why, why_size, "cannot be continued", detail);
        c->has_key = true;
    }
    return true;
}

void chain_forget_head(struct chain *c, const struct stat *st)
{
    memset(&c->head, 0, sizeof c->head);
    memset(c->head.mac, '0', CHAIN_MAC_HEX);
    c->head.inode = (uint64_t)st->st_ino;
}

/* The first chain of all. Its head is there before its key, and its key before its first record: a crash in
 * between leaves no key and an empty file, and this is done once more. So a key without a head is never a
 * crash.
 */
static bool begin_chain(struct chain *c, const struct stat *st, char *why, size_t why_size)
{
    char detail[600];

    chain_forget_head(c, st);
    if (!digest_random(c->key, sizeof c->key) || !head_write(c->head_path, c->key, &c->head))
        return chain_fault(c, why, why_size, "cannot be begun: its head cannot be written",
                           "make its folder writable, or make room for it, and see the log");
    if (!keyfile_place(c->key_path, c->key, detail, sizeof detail))
        return chain_fault(c, why, why_size, "cannot be begun", detail);
    return chain_read_key(c, why, why_size);
}

/* ---- what was written after the head ---- */

static bool advance(struct chain *c, const char *line, size_t len)
{
    char mac[CHAIN_MAC_HEX + 1], given[CHAIN_MAC_HEX + 1], prev[CHAIN_MAC_HEX + 1];
    uint64_t seq;

    if (!chain_line_place(line, len, &seq, prev) || !chain_line_mac(c->key, line, len, mac, given) ||
        !digest_equal(mac, given, CHAIN_MAC_HEX) || seq != c->head.seq + 1 || strcmp(prev, c->head.mac) != 0)
        return false;
    c->head.seq = seq;
    memcpy(c->head.mac, mac, sizeof mac);
    return true;
}

/* One line after the head: the next record, a torn one, or something that does not follow. */
static bool take_line(struct chain *c, const char *line, size_t len, char *why, size_t why_size)
{
    if (advance(c, line, len)) {
        c->torn = 0;
        return true;
    }
    if (chain_line_member(line, len))
        return chain_fault(c, why, why_size, "was changed: its latest records do not follow from each other",
                           ACCEPT);
    c->torn += len;
    return true;
}

/* Takes the lines from FROM to the end into the head: what a process wrote before it could say so. What has
 * no end, or was sealed off, is torn. */
static bool catch_up(struct chain *c, uint64_t from, uint64_t size, char *why, size_t why_size)
{
    char *text = from < size ? malloc(LINE_LIMIT) : NULL;
    size_t kept = 0;
    bool ok = true;

    c->torn = 0;
    if (from < size && !text)
        return chain_fault(c, why, why_size, "cannot be read", "there is no memory");
    while (ok && from < size) {
        ssize_t n = pread(c->file.fd, text + kept, LINE_LIMIT - kept, (off_t)from);
        size_t at = 0;
        char *end;

        if (n <= 0) {
            ok = chain_fault(c, why, why_size, "cannot be read to its end",
                             "look with kmcp audit verify, and at the disk");
            break;
        }
        from += (uint64_t)n;
        kept += (size_t)n;
        while (ok && (end = memchr(text + at, '\n', kept - at))) {
            ok = take_line(c, text + at, (size_t)(end - text) - at, why, why_size);
            at = (size_t)(end - text) + 1;
        }
        memmove(text, text + at, kept - at);
        kept -= at;
    }
    c->torn += kept;
    free(text);
    return ok;
}

/* ---- is it the end? ---- */

/* Does the chain end where the state remembers it to end, or later? */
static bool is_remembered(struct chain *c, char *why, size_t why_size)
{
    char what[200];

    mark_read(c->state, c->file.path, &c->mark);
    if (c->mark.seq < c->head.seq ||
        (c->mark.seq == c->head.seq && (!c->mark.seq || strcmp(c->mark.mac, c->head.mac) == 0)))
        return true;
    snprintf(
        what, sizeof what,
        "ends with record %llu, and the state remembers %s record %llu: records were removed, or it was put "
        "back",
        (unsigned long long)c->head.seq, c->mark.seq > c->head.seq ? "" : "another",
        (unsigned long long)c->mark.seq);
    return chain_fault(c, why, why_size, what, ACCEPT);
}

/* Does the record that the head names end where the head says? Whatever its inode, it is that file. */
static bool has_head_record(const struct chain *c)
{
    char end[CHAIN_MAC_HEX + 3];
    const size_t len = sizeof end;

    return c->head.size >= len && pread(c->file.fd, end, len, (off_t)(c->head.size - len)) == (ssize_t)len &&
           memcmp(end, c->head.mac, CHAIN_MAC_HEX) == 0 && memcmp(end + CHAIN_MAC_HEX, "\"}\n", 3) == 0;
}

/* Is the file's first record the one after the head? Then the head's file was moved away before it. */
static bool begins_after_head(const struct chain *c)
{
    char line[200], prev[CHAIN_MAC_HEX + 1];
    ssize_t n = pread(c->file.fd, line, sizeof line, 0);
    uint64_t seq;

    return n > 0 && chain_line_place(line, (size_t)n, &seq, prev) && seq == c->head.seq + 1 &&
           strcmp(prev, c->head.mac) == 0;
}

/* From where the file goes on after the head. A file system may give a new file the inode of one that was
 * moved away, and a copy of the old one another; and in a file that we made, another process may have written
 * before we had the lock: what is in it decides, the inode only where that says nothing. False: it is the
 * head's file, and not as it was. */
static bool find_from(struct chain *c, const struct stat *st, uint64_t *from)
{
    bool moved = c->file.fresh || c->head.inode != (uint64_t)st->st_ino;

    *from = 0;
    if (c->head.size && (uint64_t)st->st_size >= c->head.size && has_head_record(c)) {
        *from = c->head.size;
        c->file.fresh = false;
        return true;
    }
    if (c->file.fresh) { /* so that the next process knows it too */
        c->head.size = 0;
        c->head.inode = (uint64_t)st->st_ino;
        if (head_write(c->head_path, c->key, &c->head))
            c->file.fresh = false;
    }
    return moved || !c->head.size || begins_after_head(c);
}

bool chain_find_end(struct chain *c, char *why, size_t why_size)
{
    struct stat st;
    uint64_t size, from, before;

    if (!audit_file_open(&c->file, why, why_size) || fstat(c->file.fd, &st) != 0)
        return false;
    if (!c->has_key && access(c->key_path, F_OK) != 0) {
        if (st.st_size && access(c->head_path, F_OK) != 0 && !first_byte_matches(c, (uint64_t)st.st_size) &&
            (!set_aside(c, why, why_size) || fstat(c->file.fd, &st) != 0))
            return false;
        if (!st.st_size && !begin_chain(c, &st, why, why_size))
            return false;
    }
    if (!chain_read_key(c, why, why_size))
        return false;
    size = (uint64_t)st.st_size;
    chain_forget_head(c, &st);
    switch (head_read(c->head_path, c->key, &c->head)) {
    case HEAD_NONE:
        return chain_fault(c, why, why_size,
                           size ? "has no head (FILE.head): records may have been removed from its end"
                                : "is empty and has no head, but its key is there: records were removed",
                           ACCEPT);
    case HEAD_BAD:
        return chain_fault(c, why, why_size, "has a head (FILE.head) that was changed", ACCEPT);
    case HEAD_GOOD:
        break;
    }
    if (!find_from(c, &st, &from))
        return chain_fault(c, why, why_size,
                           size < c->head.size
                               ? "is shorter than it was: records were removed from it"
                               : "was changed: the record that was written last is not in its place",
                           ACCEPT);
    c->head.inode = (uint64_t)st.st_ino;
    before = c->head.seq;
    if (!catch_up(c, from, size, why, why_size))
        return false;
    c->begins = !from && c->head.seq && c->head.seq == before;
    return is_remembered(c, why, why_size);
}
