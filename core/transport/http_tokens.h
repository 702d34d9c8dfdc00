/* http_tokens.h - who may use kmcp over HTTP: a file of hashed tokens.  SPDX-License-Identifier: Apache-2.0
 *
 * One line each: NAME SCOPES SHA256, where SCOPES is a comma-separated list of read, reveal, write and
 * destroy, and SHA256 the 64 hexadecimal digits of the token's digest. # begins a comment.
 */
#ifndef KMCP_HTTP_TOKENS_H
#define KMCP_HTTP_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_tokens; /* immutable once read */

/* The file must be regular, ours or root's, and closed to others (0600 or 0400). NULL with a sentence in WHY
 * that names the file, and the line at fault. */
struct http_tokens *http_tokens_read(const char *file, char *why, size_t why_size);
/* The same from text, for tests and fuzzing. */
struct http_tokens *http_tokens_parse(const char *name, const char *text, size_t len, char *why,
                                      size_t why_size);
void http_tokens_free(struct http_tokens *t);
/* Whose token this is: the name, and the scopes (SCOPE bits); NULL: nobody's. In constant time for every
 * token of one length. */
const char *http_tokens_find(const struct http_tokens *t, const char *token, uint32_t *scopes);
/* Is there a token of this name? */
bool http_tokens_has(const struct http_tokens *t, const char *name);
/* May there be a token of this NAME with these SCOPES ("read,write")? False with a sentence. */
bool http_tokens_fit(const char *name, const char *scopes, char *why, size_t why_size);
/* A line for the file, and its TOKEN ("kmcp_" and 43 characters of base64url: 256 random bits). False with a
 * sentence. */
bool http_tokens_make(const char *name, const char *scopes, char token[64], char *line, size_t line_size,
                      char *why, size_t why_size);

#endif
