/* audit_chain.h - records that prove their order and wholeness: numbered, chained by keyed MACs, one file
 * shared by several processes.  SPDX-License-Identifier: Apache-2.0
 *
 * A line is {"v":2,"seq":N,"prev":"MAC of the line before",BODY,"mac":"HMAC-SHA256 of all before the comma"}.
 * The first of a file that is not the first of the chain says "begins", so that what is missing before it is
 * known to be whole files. The head (FILE.head, itself under a MAC) says where the chain ends, so that a file
 * that is shorter than it was is noticed, and so does the state (audit_mark.h). FILE.lock keeps processes
 * apart. The key is FILE.key unless [audit] key_file says otherwise.
 */
#ifndef KMCP_AUDIT_CHAIN_H
#define KMCP_AUDIT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/buf.h"
#include "base/digest.h"

#define CHAIN_MAC_HEX (2 * DIGEST_SIZE)
#define CHAIN_WAIT_MS 5000 /* for the turn to write */

/* Where the chain ends. */
struct chain_head {
    uint64_t seq;                /* 0: nothing was ever written */
    char mac[CHAIN_MAC_HEX + 1]; /* 64 zeros then */
    uint64_t size;               /* of the file, in bytes */
    uint64_t inode;
};

struct chain_settings {
    const char *path, *key_file; /* KEY_FILE NULL: beside the file */
    const char *anchor_file;     /* NULL: none */
    bool syslog;
    uint64_t rotate_bytes; /* 0: never */
};

struct chain;

struct chain *chain_new(const struct chain_settings *settings);
void chain_free(struct chain *c);
const char *chain_path(const struct chain *c);
/* From now on S remembers where the chain ends; S must outlive the chain. */
struct state;
void chain_use_state(struct chain *c, struct state *s);
/* Opens and checks everything a record needs. False with one sentence in WHY. One thread at a time, as below.
 */
bool chain_ready(struct chain *c, char *why, size_t why_size);
/* Could anchors be written now? False with a sentence in WHY. */
bool chain_anchors(const struct chain *c, char *why, size_t why_size);
/* Appends N records, each the members of an object after "prev" (no braces), and syncs them together. False
 * with one sentence in WHY: none of them is to be relied on. */
bool chain_add(struct chain *c, const struct buf *bodies, size_t n, char *why, size_t why_size);

/* ---- for `kmcp audit` ---- */

/* Goes on with BODY, though chain_ready() refuses, and only then: after SEQ and MAC, the last record that is
 * in the files, or what head and state know beyond it. TORN bytes after it are no record. */
bool chain_accept(struct chain *c, uint64_t seq, const char *mac, uint64_t torn, const struct buf *body,
                  char *why, size_t why_size);
/* The key file of the file at PATH. */
void chain_key_path(const char *path, const char *key_file, char *out, size_t size);

#endif
