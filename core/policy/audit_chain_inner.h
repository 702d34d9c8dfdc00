/* audit_chain_inner.h - what audit_chain.c, which appends, and audit_end.c, which finds where, share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_AUDIT_CHAIN_INNER_H
#define KMCP_AUDIT_CHAIN_INNER_H

#include <sys/stat.h>

#include "audit_chain.h"
#include "audit_file.h"
#include "audit_mark.h"

#define PATH_LIMIT 1024

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

/* False, with WHAT about the file and REMEDY in WHY. */
bool chain_fault(const struct chain *c, char *why, size_t why_size, const char *what, const char *remedy);

/* audit_end.c; under the lock */
/* The head is that of the file as it is; with the first record of all, the chain is begun. False with one
 * sentence in WHY. */
bool chain_find_end(struct chain *c, char *why, size_t why_size);
bool chain_read_key(struct chain *c, char *why, size_t why_size);
/* The head is that of a chain without a record, in the file that ST describes. */
void chain_forget_head(struct chain *c, const struct stat *st);

#endif
