/* One request and the answer that is being written for it. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_CALL_H
#define TENANT_CALL_H

#include "out.h"
#include "tenant.h"

#define CALL_PARAMS  64
#define CALL_HEADERS 24
#define CALL_ARGS    3
#define CALL_PAGE    300 /* the API's page size, default and maximum */

/* Faults that change what is rendered instead of replacing the answer. */
enum call_effect {
    CALL_DUP = 1,      /* one row appears on both sides of a page border */
    CALL_NO_USER = 2,  /* "user": "" everywhere */
    CALL_PLATFORM = 4, /* a platform nobody has heard of */
};

struct call {
    struct tenant *t;
    const char *method;
    const char *target; /* path and query as received */
    char *path;         /* split up by the router */
    char *query;
    const char *body; /* ends with NUL */
    size_t body_n;
    const char *authorization; /* or NULL */
    const char *accept_encoding;
    const char *traceparent;
    const char *content_type; /* of the request, or NULL */
    const char *args[CALL_ARGS];
    struct {
        const char *name, *value;
    } params[CALL_PARAMS];
    size_t param_count;
    unsigned effects;

    int status;
    const char *type; /* Content-Type of the answer, NULL for none */
    struct {
        const char *name;
        char *value;
    } headers[CALL_HEADERS];
    size_t header_count;
    struct out out;
};

/* Why an error is told; each is one of the body shapes that the API is known to use. */
enum call_shape {
    CALL_DETAIL, /* {"detail": text}: Django REST framework, the default */
    CALL_STRING, /* a bare JSON string: device actions */
    CALL_LIST,   /* an array of one string: lost mode, blueprint creation */
    CALL_GATEWAY /* {"message": text, "request_id": ...}: Kong */
};

void call_start(struct call *c, char *query);
void call_finish(struct call *c);
const char *call_param(const struct call *c, const char *name); /* NULL if absent */
/* A whole number from the query; `otherwise` if absent, negative or not a number, as Django's pagination
 * does. */
int64_t call_number(const struct call *c, const char *name, int64_t otherwise);
/* limit as the API reads it: absent or unusable means the default, too large is silently cut. */
int64_t call_limit(const struct call *c, int64_t normal, int64_t most);
void call_header(struct call *c, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Drops what was written and answers with an error; in the seed's dialect always {"error": text}. */
void call_fail(struct call *c, int status, enum call_shape shape, const char *text);
void call_not_found(struct call *c);
void call_device_gone(struct call *c);
/* The device named by the first path argument, or NULL with 404 already written. */
struct device *call_device(struct call *c);
void call_request_id(struct call *c, char buf[33]);

#endif
