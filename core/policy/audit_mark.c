/* audit_mark.c - where the chain ends, as the state remembers it.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_mark.h"
#include "base/log.h"
#include "state/state.h"

#define SPACE "audit"

/* Several machines may share the state, but not the file. */
bool mark_key(const char *path, char out[2 * DIGEST_SIZE + 1])
{
    char text[1400], name[256] = "";
    uint8_t digest[DIGEST_SIZE];

    gethostname(name, sizeof name - 1);
    if (snprintf(text, sizeof text, "%s %s", name, path) >= (int)sizeof text ||
        !digest_sha256(text, strlen(text), digest))
        return false;
    digest_hex(digest, sizeof digest, out);
    return true;
}

void mark_read(struct state *s, const char *path, struct chain_mark *out)
{
    char key[2 * DIGEST_SIZE + 1];
    struct state_record record;
    unsigned long long seq = 0;

    *out = (struct chain_mark){ 0 };
    if (!state_exists(s) || !mark_key(path, key) || state_get(s, SPACE, key, &record) != STATE_YES)
        return;
    if (sscanf(record.value, "%20llu %64s", &seq, out->mac) == 2)
        out->seq = seq;
    out->version = record.version;
    free(record.value);
}

void mark_write(struct state *s, const char *path, struct chain_mark *mark, uint64_t seq, const char *mac)
{
    char key[2 * DIGEST_SIZE + 1], text[CHAIN_MAC_HEX + 24];
    int len = snprintf(text, sizeof text, "%llu %s", (unsigned long long)seq, mac);

    if (!s)
        return;
    if (!mark_key(path, key) || state_put(s, SPACE, key, mark->version, text, (size_t)len, 0) != STATE_YES)
        log_line(KMCP_LOG_WARN, "audit", "the state does not remember record %llu of %s",
                 (unsigned long long)seq, path);
}
