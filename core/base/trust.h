/* trust.h - may this file be believed?  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_TRUST_H
#define KMCP_TRUST_H

#include <stdbool.h>
#include <stddef.h>

/* Walks the real path of PATH from the root: the file must be regular, and it and every directory above it
 * owned by root or by us and not writable by group or others (a sticky directory may be). Then nobody else
 * can swap it between this check and its use. False with one sentence in WHY that names the offender and the
 * chmod or chown that helps. REAL gets the resolved path. */
bool trust_file(const char *path, char *real, size_t real_size, char *why, size_t why_size);
/* The same for the directories above PATH alone, where whoever opens it judges the file itself. PATH need not
 * exist. */
bool trust_above(const char *path, char *why, size_t why_size);

#endif
