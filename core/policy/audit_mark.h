/* audit_mark.h - where the chain ends, as the state remembers it: who puts older copies of the file and its
 * head back has to put the state back as well.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_AUDIT_MARK_H
#define KMCP_AUDIT_MARK_H

#include "audit_chain.h"

struct chain_mark {
    uint64_t seq; /* 0: nothing is remembered */
    char mac[CHAIN_MAC_HEX + 1];
    int64_t version; /* in the state */
};

/* What the state knows the audit file at PATH of this machine by. False without OpenSSL. */
bool mark_key(const char *path, char out[2 * DIGEST_SIZE + 1]);
/* What is remembered of the audit file at PATH of this machine. A state that is not there, or lost, remembers
 * nothing. */
void mark_read(struct state *s, const char *path, struct chain_mark *out);
/* Remembers SEQ and MAC in the place of MARK; best effort, a failure is logged. */
void mark_write(struct state *s, const char *path, struct chain_mark *mark, uint64_t seq, const char *mac);

#endif
