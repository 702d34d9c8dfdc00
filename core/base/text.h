/* text.h - what may be in a text that came from outside.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_TEXT_H
#define KMCP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* Length of the valid UTF-8 sequence at TEXT (1..4), 0 if invalid (overlong, surrogate, above U+10FFFF, cut).
 */
size_t text_utf8_len(const char *text, size_t left);
/* The code point of that sequence, LEN bytes long. */
uint32_t text_codepoint(const char *text, size_t len);
bool text_is_utf8(const char *text, size_t len);
size_t text_codepoints(const char *text); /* of valid UTF-8 */

/* Appends TEXT with control characters (but \n and \t), bidi controls, zero-width characters, and invalid
 * bytes replaced by U+FFFD or, for zero-width ones, dropped: names and notes are written by end users. */
bool text_neutral(struct buf *out, const char *text, size_t len);
/* The same on one line: line ends and tabs are spaces. At most MAX code points, then "..."; QUOTES: quotes
 * and backslashes in it get a backslash before them, so that it cannot end a quotation that it stands in. */
bool text_line(struct buf *out, const char *text, size_t max, bool quotes);
/* True if text_neutral would change it. */
bool text_needs_neutral(const char *text, size_t len);

bool text_is_uuid(const char *text); /* 8-4-4-4-12 hexadecimal digits */
/* ^[a-z][a-z0-9_]*$ of at most MAX bytes. */
bool text_is_name(const char *text, size_t max);
int text_casecmp(const char *a, const char *b);               /* ASCII case only, any locale */
const char *text_casestr(const char *text, const char *part); /* the same; NULL if absent    */

/* TEXT to be quoted in a sentence, or "..." if it is longer than MOST bytes: never a part, for a part of a
 * name is not found where names are taken out. */
const char *text_brief(const char *text, size_t most);

/* For "did you mean": true if CANDIDATE could be what was meant by WORD and is nearer than *BEST edits (start
 * with SIZE_MAX); *BEST is then lowered. */
bool text_nearer(const char *word, const char *candidate, size_t *best);

#endif
