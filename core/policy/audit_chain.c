/* audit_chain.c - records that prove their order and wholeness.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_anchor.h"
#include "audit_chain_inner.h"
#include "audit_head.h"
#include "audit_line.h"
#include "base/keyfile.h"
#include "base/log.h"
#include "base/turn.h"

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

bool chain_fault(const struct chain *c, char *why, size_t why_size, const char *what, const char *remedy)
{
    snprintf(why, why_size, "the audit file \"%s\" %s; %s", c->file.path, what, remedy);
    return false;
}

/* ---- the lock ---- */

static bool lock(struct chain *c, char *why, size_t why_size)
{
    if (c->lock_fd < 0)
        c->lock_fd = open(c->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (c->lock_fd < 0)
        return chain_fault(c, why, why_size, strerror(errno), "make its folder writable");
    return turn_take(c->lock_fd, CHAIN_WAIT_MS) || chain_fault(c, why, why_size, "is held by another process",
                                                               "try again, or look for one that hangs");
}

static void unlock(struct chain *c)
{
    turn_end(c->lock_fd);
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
        return chain_fault(c, why, why_size, "cannot be rotated", "make its folder readable");
    if (access(name, F_OK) == 0)
        return chain_fault(c, why, why_size, "cannot be rotated",
                           "move those that were rotated away from it");
    if (rename(c->file.path, name) != 0)
        return chain_fault(c, why, why_size, "cannot be rotated", strerror(errno));
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
         chain_fault(c, why, why_size, "is not written: a record is too large, or OpenSSL failed",
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
    ok = chain_find_end(c, why, why_size) && rotate(c, why, why_size) && append(c, bodies, n, why, why_size);
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
    ok = chain_find_end(c, why, why_size);
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
    if (chain_find_end(c, why, why_size)) /* what was said about it is no longer so */
        ok = chain_fault(c, why, why_size, "is whole by now", "there is nothing to accept any more");
    else
        ok = chain_read_key(c, why, why_size) && fstat(c->file.fd, &st) == 0;
    if (ok) {
        chain_forget_head(c, &st);
        if (head_read(c->head_path, c->key, &c->head) != HEAD_GOOD)
            chain_forget_head(c, &st);
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
