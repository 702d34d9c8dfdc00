/* base64.h - base64 with padding (RFC 4648 section 4), as MCP carries bytes.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_BASE64_H
#define KMCP_BASE64_H

#include <stddef.h>

#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* OUT of BASE64_LEN(len) + 1. Returns its length. */
size_t base64_encode(const void *bytes, size_t len, char *out);
/* Strict inverse, canonical padding only; bytes written or (size_t)-1. OUT of len / 4 * 3. */
size_t base64_decode(const char *text, size_t len, void *out);

#endif
