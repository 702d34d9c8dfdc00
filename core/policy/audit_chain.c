/* audit_chain.c - records that prove their order and wholeness.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit_anchor.h"
#include "audit_chain.h"
#include "audit_file.h"
#include "audit_head.h"
#include "audit_mark.h"
#include "base/clock.h"
#include "base/keyfile.h"
#include "base/log.h"

#define PATH_LIMIT   1024
#define LOCK_WAIT_MS 5000
#define LINE_LIMIT   ((size_t)256 << 10)
#define ACCEPT       "look with kmcp audit verify, keep a copy as evidence; kmcp audit accept goes on from there"
#define MAC_MEMBER   ",\"mac\":\""

struct chain {
    struct audit_file file;
    char key_path[PATH_LIMIT], head_path[PATH_LIMIT], lock_path[PATH_LIMIT];
    char *anchor_file;
    bool syslog;
    uint64_t rotate_bytes;
    bool has_key;
    uint8_t key[DIGEST_SIZE];
    int lock_fd;
    struct chain_head head;
    struct state *state; /* NULL: it remembers nothing */
    struct chain_mark mark;
    uint64_t torn; /* bytes that were sealed off, for the next record to name */
    bool begins;   /* the next record is the first of its file, and not of the chain */
};

void chain_key_path(const char *path, const char *key_file, char *out, size_t size)
{
    if (key_file)
        snprintf(out, size, "%s", key_file);
    else
        snprintf(out, size, "%s.key", path);
}

struct chain *chain_new(const struct chain_settings *s)
{
    struct chain *c = calloc(1, sizeof *c);

    if (!c || !audit_file_init(&c->file, s->path) ||
        (s->anchor_file && !(c->anchor_file = strdup(s->anchor_file)))) {
        free(c);
        return NULL;
    }
    chain_key_path(s->path, s->key_file, c->key_path, sizeof c->key_path);
    snprintf(c->head_path, sizeof c->head_path, "%s.head", s->path);
    snprintf(c->lock_path, sizeof c->lock_path, "%s.lock", s->path);
    c->syslog = s->syslog;
    c->rotate_bytes = s->rotate_bytes;
    c->lock_fd = -1;
    return c;
}

void chain_free(struct chain *c)
{
    if (!c)
        return;
    audit_file_close(&c->file);
    if (c->lock_fd >= 0)
        close(c->lock_fd);
    digest_wipe(c->key, sizeof c->key);
    free(c->anchor_file);
    free(c);
}

void chain_use_state(struct chain *c, struct state *s)
{
    c->state = s;
}

const char *chain_path(const struct chain *c)
{
    return c->file.path;
}

static bool fault(const struct chain *c, char *why, size_t why_size, const char *what, const char *remedy)
{
    snprintf(why, why_size, "the audit file \"%s\" %s; %s", c->file.path, what, remedy);
    return false;
}

/* ---- one line ---- */

/* Where ,"mac":"..."} begins in a whole line without its end; NULL if there is none. */
static const char *mac_member(const char *line, size_t len)
{
    const size_t tail = sizeof MAC_MEMBER - 1 + CHAIN_MAC_HEX + 2;

    if (len < tail || memcmp(line + len - tail, MAC_MEMBER, sizeof MAC_MEMBER - 1) != 0 ||
        memcmp(line + len - 2, "\"}", 2) != 0)
        return NULL;
    return line + len - tail;
}

bool chain_line_mac(const uint8_t key[DIGEST_SIZE], const char *line, size_t len, char mac[CHAIN_MAC_HEX + 1],
                    char given[CHAIN_MAC_HEX + 1])
{
    const char *member = mac_member(line, len);
    uint8_t digest[DIGEST_SIZE];

    if (!member || !digest_hmac(key, DIGEST_SIZE, line, (size_t)(member - line), digest))
        return false;
    digest_hex(digest, sizeof digest, mac);
    memcpy(given, member + sizeof MAC_MEMBER - 1, CHAIN_MAC_HEX);
    given[CHAIN_MAC_HEX] = '\0';
    return true;
}

bool chain_line_place(const char *line, size_t len, uint64_t *seq, char prev[CHAIN_MAC_HEX + 1])
{
    static const char start[] = "{\"v\":2,\"seq\":", then[] = ",\"prev\":\"";
    size_t at = sizeof start - 1, digits;

    if (len < at || memcmp(line, start, at) != 0)
        return false;
    *seq = 0;
    for (digits = 0; at < len && line[at] >= '0' && line[at] <= '9' && digits < 18; at++, digits++)
        *seq = 10 * *seq + (uint64_t)(line[at] - '0');
    if (!digits || len - at < sizeof then - 1 + CHAIN_MAC_HEX + 1 ||
        memcmp(line + at, then, sizeof then - 1) != 0)
        return false;
    memcpy(prev, line + at + sizeof then - 1, CHAIN_MAC_HEX);
    prev[CHAIN_MAC_HEX] = '\0';
    return line[at + sizeof then - 1 + CHAIN_MAC_HEX] == '"';
}

bool chain_read_head(const char *path, const uint8_t key[DIGEST_SIZE], struct chain_head *out)
{
    char head_path[PATH_LIMIT];

    snprintf(head_path, sizeof head_path, "%s.head", path);
    return head_read(head_path, key, out) == HEAD_GOOD;
}

/* ---- the lock ---- */

static bool lock(struct chain *c, char *why, size_t why_size)
{
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int64_t until = clock_ms() + LOCK_WAIT_MS;

    if (c->lock_fd < 0)
        c->lock_fd = open(c->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (c->lock_fd < 0)
        return fault(c, why, why_size, strerror(errno), "make its folder writable");
    while (fcntl(c->lock_fd, F_SETLK, &l) != 0) {
        const struct timespec pause = { .tv_nsec = 2000000 };

        if (clock_ms() >= until || (errno != EAGAIN && errno != EACCES && errno != EINTR))
            return fault(c, why, why_size, "is held by another process",
                         "try again, or look for one that hangs");
        nanosleep(&pause, NULL);
    }
    return true;
}

static void unlock(struct chain *c)
{
    struct flock l = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

    fcntl(c->lock_fd, F_SETLK, &l);
}

/* ---- finding the end ---- */

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
    if (mac_member(line, len))
        return fault(c, why, why_size, "was changed: its latest records do not follow from each other",
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
        return fault(c, why, why_size, "cannot be read", "there is no memory");
    while (ok && from < size) {
        ssize_t n = pread(c->file.fd, text + kept, LINE_LIMIT - kept, (off_t)from);
        size_t at = 0;
        char *end;

        if (n <= 0) {
            ok = fault(c, why, why_size, "cannot be read to its end",
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
        return fault(c, why, why_size, "is of a kind without a chain", "move it away; a new one is begun");
    log_line(KMCP_LOG_WARN, "audit", "%s had no chain and is now %s; a new one is begun", c->file.path,
             aside);
    return audit_file_open(&c->file, why, why_size);
}

static bool read_key(struct chain *c, char *why, size_t why_size)
{
    char detail[600];

    if (!c->has_key) {
        if (!keyfile_read(c->key_path, false, c->key, detail, sizeof detail))
            return fault(c, why, why_size, "cannot be continued", detail);
        c->has_key = true;
    }
    return true;
}

static void forget_head(struct chain *c, const struct stat *st)
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

    forget_head(c, st);
    if (!digest_random(c->key, sizeof c->key) || !head_write(c->head_path, c->key, &c->head))
        return fault(c, why, why_size, "cannot be begun: its head cannot be written",
                     "make its folder writable, or make room for it, and see the log");
    if (!keyfile_place(c->key_path, c->key, detail, sizeof detail))
        return fault(c, why, why_size, "cannot be begun", detail);
    return read_key(c, why, why_size);
}

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
    return fault(c, why, why_size, what, ACCEPT);
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

/* Under the lock: the head is that of the file as it is. */
static bool find_end(struct chain *c, char *why, size_t why_size)
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
    if (!read_key(c, why, why_size))
        return false;
    size = (uint64_t)st.st_size;
    forget_head(c, &st);
    switch (head_read(c->head_path, c->key, &c->head)) {
    case HEAD_NONE:
        return fault(c, why, why_size,
                     size ? "has no head (FILE.head): records may have been removed from its end"
                          : "is empty and has no head, but its key is there: records were removed",
                     ACCEPT);
    case HEAD_BAD:
        return fault(c, why, why_size, "has a head (FILE.head) that was changed", ACCEPT);
    case HEAD_GOOD:
        break;
    }
    if (!find_from(c, &st, &from))
        return fault(c, why, why_size,
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

/* ---- rotation ---- */

static bool rotate(struct chain *c, char *why, size_t why_size)
{
    char name[PATH_LIMIT + 20];
    unsigned long *numbers;
    struct stat st;
    size_t n;
    bool ok;

    if (!c->rotate_bytes || fstat(c->file.fd, &st) != 0 || (uint64_t)st.st_size < c->rotate_bytes)
        return true;
    ok = audit_file_rotated(c->file.path, &numbers, &n);
    snprintf(name, sizeof name, "%s.%06lu", c->file.path, n ? numbers[n - 1] + 1 : 1);
    free(numbers);
    if (!ok)
        return fault(c, why, why_size, "cannot be rotated", "make its folder readable");
    if (access(name, F_OK) == 0)
        return fault(c, why, why_size, "cannot be rotated", "move those that were rotated away from it");
    if (rename(c->file.path, name) != 0)
        return fault(c, why, why_size, "cannot be rotated", strerror(errno));
    if (!audit_file_open(&c->file, why, why_size) || fstat(c->file.fd, &st) != 0)
        return false;
    c->file.fresh = false; /* the head says so with the next record */
    keyfile_sync_folder(c->file.path);
    c->head.inode = (uint64_t)st.st_ino;
    c->head.size = 0;
    c->begins = true;
    return true;
}

/* ---- appending ---- */

static bool make_lines(struct chain *c, const struct buf *bodies, size_t n, struct buf *out)
{
    char mac[CHAIN_MAC_HEX + 1];
    uint8_t digest[DIGEST_SIZE];

    for (size_t i = 0; i < n; i++) {
        size_t from = out->len;

        buf_printf(out, "{\"v\":2,\"seq\":%llu,\"prev\":\"%s\",", (unsigned long long)c->head.seq + 1,
                   c->head.mac);
        if (c->torn && i == 0)
            buf_printf(out, "\"torn\":%llu,", (unsigned long long)c->torn);
        if (c->begins && i == 0)
            buf_puts(out, "\"begins\":true,");
        buf_add(out, bodies[i].data ? bodies[i].data : "", bodies[i].len);
        if (out->failed || bodies[i].failed || !bodies[i].len ||
            !digest_hmac(c->key, sizeof c->key, out->data + from, out->len - from, digest))
            return false;
        digest_hex(digest, sizeof digest, mac);
        buf_printf(out, MAC_MEMBER "%s\"}\n", mac);
        c->head.seq++;
        memcpy(c->head.mac, mac, sizeof mac);
    }
    return !out->failed;
}

/* Writes them after the head. */
static bool append(struct chain *c, const struct buf *bodies, size_t n, char *why, size_t why_size)
{
    struct buf text;
    struct stat st;
    bool ok;

    buf_init(&text, 64 << 20);
    ok = make_lines(c, bodies, n, &text) ||
         fault(c, why, why_size, "is not written: a record is too large, or OpenSSL failed",
               "shorten the call's arguments; see the log");
    ok = ok && audit_file_add(&c->file, &text, why, why_size) && fstat(c->file.fd, &st) == 0;
    buf_free(&text);
    if (!ok)
        return false;
    c->torn = 0;
    c->begins = c->file.fresh = false;
    c->head.size = (uint64_t)st.st_size;
    if (!head_write(c->head_path, c->key, &c->head))
        log_line(KMCP_LOG_WARN, "audit", "%s cannot be written; the next record finds the end by itself",
                 c->head_path);
    mark_write(c->state, c->file.path, &c->mark, c->head.seq, c->head.mac);
    anchor_write(c->anchor_file, c->syslog, c->file.path, c->head.seq, c->head.mac);
    return true;
}

bool chain_add(struct chain *c, const struct buf *bodies, size_t n, char *why, size_t why_size)
{
    bool ok;

    if (!audit_file_open(&c->file, why, why_size) || !lock(c, why, why_size))
        return false;
    ok = find_end(c, why, why_size) && rotate(c, why, why_size) && append(c, bodies, n, why, why_size);
    unlock(c);
    return ok;
}

bool chain_anchors(const struct chain *c, char *why, size_t why_size)
{
    return !c->anchor_file || anchor_ready(c->anchor_file, why, why_size);
}

bool chain_ready(struct chain *c, char *why, size_t why_size)
{
    bool ok;

    if (!audit_file_open(&c->file, why, why_size) || !lock(c, why, why_size))
        return false;
    ok = find_end(c, why, why_size);
    unlock(c);
    return ok;
}

/* Of all that is known about where the chain ended, the latest: numbers are not used twice. */
static void go_on_after(struct chain *c, uint64_t seq, const char *mac)
{
    if (seq > c->head.seq) {
        c->head.seq = seq;
        memcpy(c->head.mac, mac, CHAIN_MAC_HEX);
    }
}

bool chain_accept(struct chain *c, uint64_t seq, const char *mac, uint64_t torn, const struct buf *body,
                  char *why, size_t why_size)
{
    struct stat st;
    bool ok;

    if (!audit_file_open(&c->file, why, why_size) || !lock(c, why, why_size))
        return false;
    ok = read_key(c, why, why_size) && fstat(c->file.fd, &st) == 0;
    if (ok) {
        forget_head(c, &st);
        if (head_read(c->head_path, c->key, &c->head) != HEAD_GOOD)
            forget_head(c, &st);
        c->head.inode = (uint64_t)st.st_ino;
        mark_read(c->state, c->file.path, &c->mark);
        go_on_after(c, seq, mac);
        go_on_after(c, c->mark.seq, c->mark.mac);
        c->torn = torn;
        ok = append(c, body, 1, why, why_size);
    }
    unlock(c);
    return ok;
}
