/* json.h - JSON values in an arena: strict reading, compact writing. cJSON stays behind it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A kmcp_json node lives in the arena it was made in. All functions are safe on any thread as long as an
 * arena is used by one thread at a time. Readers take NULL for "no value".
 *
 * Strict: RFC 8259 only, valid UTF-8, no lone surrogates, no trailing bytes, at most JSON_DEPTH levels, no
 * duplicate member names in one object when asked for (JSON_UNIQUE). Integers are exact at any size: one that
 * a double cannot hold is kept as its literal and printed unchanged. "\u0000" becomes the two bytes C0 80
 * inside the C string (it is not valid UTF-8, so every check of outside text refuses it) unless
 * JSON_NUL_REPLACED is given: then it becomes U+FFFD.
 */
#ifndef KMCP_JSON_H
#define KMCP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kmcp/plugin.h>
#include "arena.h"

#define JSON_DEPTH        64
#define JSON_UNIQUE       1u /* refuse duplicate member names                                     */
#define JSON_NUL_REPLACED 2u /* for upstream replies: one odd device name must not sink a page    */

struct json_error {
    size_t offset;    /* byte where it went wrong */
    const char *what; /* static text: "bad UTF-8", "trailing bytes" ... or "out of memory"        */
};

/* NULL on error, *ERROR (may be NULL) filled. */
kmcp_json *json_parse(struct arena *a, const char *text, size_t len, unsigned flags,
                      struct json_error *error);
/* The raw bytes of member KEY of the top-level object, exactly as written; false if there is none. TEXT must
 * have been accepted by json_parse. For echoing request ids byte for byte. */
bool json_raw_member(const char *text, size_t len, const char *key, const char **start, size_t *raw_len);
/* Appends TEXT to OUT with only the members FIELDS ("device_id user"; of more than 96: all members) of each
 * row, and those whose names are written with escapes. Rows are the objects of the outermost arrays; what
 * stands around them is copied whole. With TOP, an object that is the whole text is itself the row. As strict
 * as json_parse, whose input the result is. False with *ERROR (may be NULL) filled. */
struct buf;
bool json_project(struct buf *out, const char *text, size_t len, const char *fields, bool top,
                  struct json_error *error);

uint32_t json_kind(const kmcp_json *);
const kmcp_json *json_get(const kmcp_json *, const char *key);
const kmcp_json *json_at(const kmcp_json *, size_t i);
const kmcp_json *json_first(const kmcp_json *); /* first element or member value */
const kmcp_json *json_next(const kmcp_json *);
const char *json_key(const kmcp_json *);
size_t json_len(const kmcp_json *);
const char *json_str(const kmcp_json *);
bool json_int(const kmcp_json *, int64_t *out);
bool json_num(const kmcp_json *, double *out);
bool json_bool(const kmcp_json *, bool *out);
bool json_is_true(const kmcp_json *);                  /* exactly true */
bool json_equal(const kmcp_json *, const kmcp_json *); /* by value, member order ignored */

kmcp_json *json_object(struct arena *);
kmcp_json *json_array(struct arena *);
kmcp_json *json_null(struct arena *);
kmcp_json *json_string(struct arena *,
                       const char *); /* NULL makes null; bytes that are not UTF-8 become U+FFFD */
kmcp_json *json_integer(struct arena *, int64_t);
kmcp_json *json_number(struct arena *, double);
kmcp_json *json_boolean(struct arena *, bool);
kmcp_json *json_copy(struct arena *, const kmcp_json *);
/* false when out of memory or VALUE is NULL. A VALUE that already has a parent is copied. */
bool json_set(struct arena *, kmcp_json *object, const char *key, const kmcp_json *value);
bool json_append(struct arena *, kmcp_json *array, const kmcp_json *value);
/* Moves NODE, an element of some array, to the end of ARRAY; both live in the same arena. */
bool json_move(kmcp_json *array, const kmcp_json *node);
/* Turns a node into the string TEXT, whatever it was (masking, neutralising). */
bool json_replace_str(struct arena *, kmcp_json *node, const char *text);

/* Compact text in the arena, NULL at its ceiling. */
const char *json_text(struct arena *, const kmcp_json *);
/* The same with object members sorted by name at every level: for digests (after RFC 8785). */
const char *json_canonical(struct arena *, const kmcp_json *);

/* Appends TEXT as a JSON string with quotes. */
bool json_quote(struct buf *out, const char *text);

#endif
