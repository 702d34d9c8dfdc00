/* audit_anchor.h - the chain's latest MAC, told to places that who can rewrite the audit file may not reach.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_AUDIT_ANCHOR_H
#define KMCP_AUDIT_ANCHOR_H

#include <stdbool.h>
#include <stdint.h>

/* One line "TIME FILE SEQ MAC" appended to FILE (NULL: not), and to syslog. Best effort; a failure is logged.
 */
void anchor_write(const char *file, bool to_syslog, const char *audit_path, uint64_t seq, const char *mac);

#endif
