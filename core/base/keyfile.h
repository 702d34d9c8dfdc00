/* keyfile.h - 32 random bytes that stay: one file for each purpose.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_KEYFILE_H
#define KMCP_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "digest.h"

/* Reads the key in PATH (64 hexadecimal digits; a regular file, ours, closed to others, in trusted folders).
 * MAKE: one that is not there is made, 0600, synced, its folder made 0700; two processes that do so at once
 * end up with the same. False with one sentence in WHY, never the key. Any thread. */
bool keyfile_read(const char *path, bool make, uint8_t key[DIGEST_SIZE], char *why, size_t why_size);
/* Puts KEY there in the same way, unless one is there: then that one stays, and this is true all the same. */
bool keyfile_place(const char *path, const uint8_t key[DIGEST_SIZE], char *why, size_t why_size);
/* Syncs the folder that PATH is in: a name made in it outlives a power cut. */
void keyfile_sync_folder(const char *path);

#endif
