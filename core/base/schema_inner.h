/* schema_inner.h - what the files of the schema checker share.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_SCHEMA_INNER_H
#define KMCP_SCHEMA_INNER_H

#include <regex.h>
#include "arena.h"
#include "schema.h"

#define SCHEMA_NODES_MAX    512
#define SCHEMA_PATTERNS_MAX 64

struct schema_pattern {
    const kmcp_json *node; /* the "pattern" string it was made from */
    regex_t regex;
};

struct schema {
    struct arena arena;
    const kmcp_json *root;
    const char *text;
    struct schema_pattern patterns[SCHEMA_PATTERNS_MAX];
    size_t n_patterns, n_nodes;
};

/* The subschema a "#/$defs/NAME" reference means, or NULL. */
const kmcp_json *schema_resolve(const struct schema *s, const char *ref);

/* Compiles the text of a "pattern"; NULL, or what is wrong with it. */
const char *schema_pattern_compile(regex_t *regex, const char *text);

#endif
