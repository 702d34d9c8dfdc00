/* audit_line.h - how a record's line says its number, what it follows and its MAC.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_AUDIT_LINE_H
#define KMCP_AUDIT_LINE_H

#include "audit_chain.h"

#define MAC_MEMBER ",\"mac\":\""

/* Where ,"mac":"..."} begins in a whole line without its end; NULL if there is none. */
const char *chain_line_member(const char *line, size_t len);
/* The MAC of LINE up to its ,"mac": member; false if it has none. GIVEN: what it says itself. */
bool chain_line_mac(const uint8_t key[DIGEST_SIZE], const char *line, size_t len, char mac[CHAIN_MAC_HEX + 1],
                    char given[CHAIN_MAC_HEX + 1]);
/* The number and the predecessor's MAC that the line begins with; false if it is no record of this version.
 */
bool chain_line_place(const char *line, size_t len, uint64_t *seq, char prev[CHAIN_MAC_HEX + 1]);

#endif
