/* audit_line.c - how a record's line says its number, what it follows and its MAC.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <string.h>

#include "audit_line.h"

const char *chain_line_member(const char *line, size_t len)
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
    const char *member = chain_line_member(line, len);
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
