/* audit_head.h - where the chain ends (FILE.head): a file that is shorter than it was is noticed by it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_AUDIT_HEAD_H
#define KMCP_AUDIT_HEAD_H

#include "audit_chain.h"

enum head_found { HEAD_NONE, HEAD_BAD, HEAD_GOOD };

/* Reads it; BAD: its MAC is wrong, or it is none. */
enum head_found head_read(const char *head_path, const uint8_t key[DIGEST_SIZE], struct chain_head *out);
bool head_write(const char *head_path, const uint8_t key[DIGEST_SIZE], const struct chain_head *head);

#endif
