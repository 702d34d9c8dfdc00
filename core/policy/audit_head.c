/* audit_head.c - where the chain ends, in a file of its own, under a MAC.  SPDX-License-Identifier:
 * Apache-2.0
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit_head.h"
#include "base/keyfile.h"

#define HEAD_LEN 256

static bool head_mac(const uint8_t key[DIGEST_SIZE], const char *text, char out[CHAIN_MAC_HEX + 1])
{
    uint8_t digest[DIGEST_SIZE];

    if (!digest_hmac(key, DIGEST_SIZE, text, strlen(text), digest))
        return false;
    digest_hex(digest, sizeof digest, out);
    return true;
}

static void head_text(const struct chain_head *h, char *out, size_t size)
{
    snprintf(out, size, "kmcp-audit-head 2 %020llu %s %020llu %020llu ", (unsigned long long)h->seq, h->mac,
             (unsigned long long)h->size, (unsigned long long)h->inode);
}

static bool parse_head(const char *text, const uint8_t key[DIGEST_SIZE], struct chain_head *out)
{
    unsigned long long seq, size, inode;
    char given[CHAIN_MAC_HEX + 1], right[CHAIN_MAC_HEX + 1], again[HEAD_LEN];

    if (sscanf(text, "kmcp-audit-head 2 %20llu %64s %20llu %20llu %64s", &seq, out->mac, &size, &inode,
               given) != 5)
        return false;
    out->seq = seq;
    out->size = size;
    out->inode = inode;
    head_text(out, again, sizeof again);
    return head_mac(key, again, right) && digest_equal(right, given, CHAIN_MAC_HEX);
}

enum head_found head_read(const char *head_path, const uint8_t key[DIGEST_SIZE], struct chain_head *out)
{
    int fd = open(head_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    char text[HEAD_LEN + 1] = "";
    ssize_t n = fd < 0 ? -1 : read(fd, text, HEAD_LEN);

    if (fd < 0)
        return HEAD_NONE;
    close(fd);
    return n > 0 && parse_head(text, key, out) ? HEAD_GOOD : HEAD_BAD;
}

/* In one write over what was there, which has the same length: a reader under the lock, and who comes after a
 * crash, sees the old one or the new one. The first one is synced; after a power cut an older one does no
 * harm, because what follows it in the file is under the same MACs. */
bool head_write(const char *head_path, const uint8_t key[DIGEST_SIZE], const struct chain_head *head)
{
    char text[HEAD_LEN], mac[CHAIN_MAC_HEX + 1], whole[2 * HEAD_LEN];
    bool fresh = access(head_path, F_OK) != 0 || head->seq == 0, ok;
    int fd, len;

    head_text(head, text, sizeof text);
    if (!head_mac(key, text, mac))
        return false;
    len = snprintf(whole, sizeof whole, "%s%s\n", text, mac);
    fd = open(head_path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    ok = fd >= 0 && pwrite(fd, whole, (size_t)len, 0) == len && ftruncate(fd, len) == 0 &&
         (!fresh || fsync(fd) == 0);
    if (fd >= 0)
        close(fd);
    if (fresh)
        keyfile_sync_folder(head_path);
    return ok;
}
