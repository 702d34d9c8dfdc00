/* route.h - from a declared route and its parameters to a path on the wire.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_ROUTE_H
#define KMCP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/failure.h"

#define ROUTE_PART_MAX 128
#define ROUTE_MAX      7600 /* path and query; servers take 8 KiB, and http_transfer.c no more */

/* Why a route cannot be declared so, or NULL if it can: method known, path starts with /api/ and its {names}
 * are whole parts, safety set, a READ route that is not GET carries KMCP_ROUTE_QUERY, RETRY only where the
 * method and class allow it, permission named, pii/secrets/tags well formed, tag parameters exist in the
 * path, paging known. */
const char *route_fault(struct arena *a, const struct kmcp_route *route);

/* The path and query, percent-encoded (RFC 3986), into the arena: "/api/v1/devices/x?limit=300". Query
 * parameters are sorted by name so that equal requests have equal texts. Refuses, naming the parameter: a
 * missing or unknown path parameter; a part that is empty, longer than ROUTE_PART_MAX, not UTF-8, or holds
 * '/', '\\', '?', '#', '%', a control byte, or is or contains "..". NULL with F set. */
char *route_expand(struct arena *a, const struct kmcp_request *request, struct failure *f);
/* TEMPLATE ("devices device:{device_id}") with the request's path parameters filled in. NULL stays NULL. */
char *route_tags(struct arena *a, const char *template_text, const struct kmcp_request *request);
/* May a tool of class TOOL use a route of class ROUTE? plugin.h "Safety classes". */
bool route_allowed(kmcp_safety tool, kmcp_safety route);
const char *route_class_name(kmcp_safety safety); /* "READ" ... */

#endif
