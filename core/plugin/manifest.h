/* manifest.h - what a plugin file says of itself, read without running any of it.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_MANIFEST_H
#define KMCP_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

struct manifest {
    unsigned abi_major, abi_minor;
    char name[33], version[33];
};

/* Finds the one manifest (KMCP_PLUGIN in plugin.h) in the file's bytes. False with one sentence in WHY. */
bool manifest_read(struct manifest *m, const char *path, char *why, size_t why_size);
/* The same from bytes in memory, for fuzzing. */
bool manifest_parse(struct manifest *m, const char *bytes, size_t len, char *why, size_t why_size);

#endif
