/* uri.h - resource URIs and their templates.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_URI_H
#define KMCP_URI_H

#include <stdbool.h>
#include "json.h"

#define URI_MAX 2048

/* What is wrong with a template (or a plain URI) that a plugin declares, or NULL: a scheme, the characters of
 * RFC 3986, and {name} only as a whole part between slashes (RFC 6570 level 1). */
const char *uri_template_fault(const char *uri);
/* Is TEXT a URI of RFC 3986's characters, with a scheme, of at most URI_MAX bytes? */
bool uri_is_valid(const char *text);
/* The values of TEMPLATE's variables in URI, percent-decoded once, as a JSON object in A; NULL if URI does
 * not match. A part that is empty, "." or "..", or decodes to a slash, a control character or no UTF-8,
 * matches nothing. */
kmcp_json *uri_match(struct arena *a, const char *template, const char *uri);
/* The value of parameter NAME in the query of URL, percent-decoded; false if it is not there, is empty, does
 * not fit, or decodes to a control character. */
bool uri_query_value(const char *url, const char *name, char *out, size_t size);

#endif
