/* Reading JSON that clients send. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_BODY_H
#define TENANT_BODY_H

#include <stdbool.h>
#include <stddef.h>

struct body;

struct body *body_parse(const char *text,
                        size_t n); /* NULL if this is not one JSON value; free with body_free */
void body_free(struct body *b);
/* All of these take NULL for "absent". */
const struct body *body_get(const struct body *object, const char *key);
const struct body *body_first(const struct body *b); /* of an array or object */
const struct body *body_next(const struct body *b);
const char *body_key(const struct body *b);
const char *body_text(const struct body *b); /* NULL if it is no string */
bool body_is_object(const struct body *b);
bool body_is_array(const struct body *b);
bool body_is_null(const struct body *b);
bool body_bool(const struct body *b, bool *value);
bool body_number(const struct body *b, double *value);

#endif
