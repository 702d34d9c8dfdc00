/* schema.h - the subset of JSON Schema 2020-12 that kmcp enforces, and refuses to go beyond.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Assertions: type (one or an array), enum, const, properties, required, additionalProperties (boolean or
 * schema), items, prefixItems, minItems, maxItems, uniqueItems, minLength, maxLength (code points), minimum,
 * maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, pattern (POSIX extended), anyOf, oneOf, allOf,
 * not, if, then, else, $ref to #/$defs/NAME (acyclic), $defs. Annotations, accepted and ignored: title,
 * description, default, examples, format, $schema (2020-12 only), $comment, $anchor, deprecated, readOnly,
 * writeOnly, x-mcp-header. Any other keyword is an error when the schema is compiled: a keyword that is not
 * enforced must not look as if it were.
 */
#ifndef KMCP_SCHEMA_H
#define KMCP_SCHEMA_H

#include "json.h"

struct schema; /* immutable once compiled, shareable between threads */

/* Compiles TEXT. NULL with a sentence in WHY ("keyword \"patternProperties\" at /properties/x is not enforced
 * by kmcp; ...") if it is not JSON, not valid, or goes beyond the subset. Lives until schema_free(). */
struct schema *schema_compile(const char *text, char *why, size_t why_size);
void schema_free(struct schema *);
/* True if VALUE conforms; else WHY gets one sentence with the path of the first offender: `"limit" must be at
 * most 300`, `unknown argument "devceid"; the arguments are: device_id, confirm`. */
bool schema_check(const struct schema *, const kmcp_json *value, char *why, size_t why_size);
/* The schema's own JSON, compact, valid as long as the schema. */
const char *schema_text(const struct schema *);
const kmcp_json *schema_json(const struct schema *);

#endif
