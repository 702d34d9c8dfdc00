/* lazy.h - internal modules that are mapped at their first use, so that a start pays for neither curl nor
 * OpenSSL. SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_LAZY_H
#define KMCP_LAZY_H

#include <stddef.h>

/* The data symbol SYMBOL of kmcp-NAME.so, found beside this executable: ../lib/kmcp/. Loaded once, never
 * unloaded; refused if others could have changed it (trust.h), like a plugin. NULL with one sentence in WHY.
 * Any thread (the caller serialises with pthread_once). */
const void *lazy_load(const char *name, const char *symbol, char *why, size_t why_size);
/* Absolute path of PATH relative to the directory of this executable ("../plugins"), resolved; false if it
 * does not exist. */
int lazy_beside_exe(const char *relative, char *out, size_t size);

/* Absolute path of this executable; false if it cannot be told. */
int lazy_exe(char *out, size_t size);

#endif
