/* call_restore.h - a ledger that was lost with its state, read back from the audit file.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CALL_RESTORE_H
#define KMCP_CALL_RESTORE_H

#include "call.h"

/* Once for a state and an audit file: acts of the last 30 days that the file knows no end of get into the
 * ledger as UNKNOWN, where it has no entry of its own for their tool and target. False with a sentence in WHY
 * if that cannot be done: what was done before is then not known. */
bool restore_ledger(struct host *host, char *why, size_t why_size);

#endif
