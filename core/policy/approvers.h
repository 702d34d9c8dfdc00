/* approvers.h - the people who may agree outside the client, each with a passphrase.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An INI file, ours or root's, closed to others: [approver NAME] with hash =
 * pbkdf2-sha256:ROUNDS:SALT:DIGEST.
 */
#ifndef KMCP_APPROVERS_H
#define KMCP_APPROVERS_H

#include <stdbool.h>
#include <stddef.h>

/* Reads FILE through, for `kmcp check`. False with a sentence in WHY. */
bool approvers_check(const char *file, size_t *n, char *why, size_t why_size);
/* Is PASSPHRASE that of NAME? False with a sentence in WHY; it is the same for a name that is not there. */
bool approvers_know(const char *file, const char *name, const char *passphrase, char *why, size_t why_size);
/* Is WHO, as an approval names them ("ana on uid 0 (root)"), in FILE still? False with a sentence in WHY. */
bool approvers_have(const char *file, const char *who, char *why, size_t why_size);
/* The two lines for the file. False with a sentence in WHY. */
bool approvers_make(const char *name, const char *passphrase, char *lines, size_t size, char *why,
                    size_t why_size);

#endif
