/* call_recover.h - acts whose process ended before they did: found in the ledger, and settled.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CALL_RECOVER_H
#define KMCP_CALL_RECOVER_H

#include "call.h"

/* Looks at every act that has no end and whose process is gone, and finds out what became of it, as the
 * tool's resolve() can tell; each gets its record. EACH (may be NULL) is told of every one, NOW saying what
 * is known (NULL: its process lives). *N (may be NULL): how many; *BAD (likewise): entries that
 * cannot be read, each of which may be one. */
typedef void (*recover_fn)(void *arg, const struct ledger_entry *e, const char *now);
enum state_rc recover_all(struct host *host, const volatile int *cancelled, recover_fn each, void *arg,
                          size_t *n, size_t *bad);

/* The same on a thread of its own, for a server that starts: nothing if there is no state yet or the host is
 * read-only. */
struct recovery;
struct recovery *recover_start(struct host *host);
/* At the end of a process: acts without an outcome are unknown, questions without an answer unanswered. */
void recover_leave(struct host *host);
/* Ends it. NULL is allowed. */
void recover_stop(struct recovery *r);

#endif
