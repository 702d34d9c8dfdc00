/* audit_anchor.h - the chain's latest MAC, told to places that who can rewrite the audit file may not reach.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_AUDIT_ANCHOR_H
#define KMCP_AUDIT_ANCHOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line "TIME HOST PATH SEQ MAC" appended to FILE (NULL: not), and to syslog. Best effort; a failure is
 * logged. */
void anchor_write(const char *file, bool to_syslog, const char *audit_path, uint64_t seq, const char *mac);
/* Could it be written to FILE? Makes it if it is missing. False with a sentence in WHY. */
bool anchor_ready(const char *file, char *why, size_t why_size);

/* One line of an anchor file. */
struct anchor {
    const char *host, *path, *mac; /* HOST NULL: it was written before hosts were */
    uint64_t seq;
};

/* Takes LINE apart, in place. False: it is none. */
bool anchor_parse(char *line, struct anchor *out);
/* How this machine is called in anchors. */
void anchor_host(char *out, size_t size);

#endif
