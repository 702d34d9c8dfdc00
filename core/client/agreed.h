/* agreed.h - the one request above READ that a call may send: taken down in a rehearsal, let pass in earnest.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_AGREED_H
#define KMCP_AGREED_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"

struct agreed {
    bool rehearsing; /* requests above READ are taken down, not sent */
    bool bound;      /* only the request with this DIGEST may be sent, once */
    bool taken, spent;
    uint8_t digest[DIGEST_SIZE]; /* of method, path and body */
    const char *line;            /* "POST /api/v1/devices/.../action/lock" */
    kmcp_json *body;             /* a copy, or NULL */
};

/* The digest that binds: of "METHOD PATH\n" and the body in canonical form. */
bool agreed_digest(struct arena *a, const char *method, const char *path, const kmcp_json *body,
                   uint8_t out[DIGEST_SIZE]);
/* In a rehearsal: takes the request down. False when out of memory or digests. */
bool agreed_take(struct agreed *g, struct arena *a, const char *method, const char *path,
                 const kmcp_json *body);
/* In earnest: is this the one, for the first time? */
bool agreed_pass(struct agreed *g, struct arena *a, const char *method, const char *path,
                 const kmcp_json *body);

#endif
