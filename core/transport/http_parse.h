/* http_parse.h - HTTP/1.1 requests, read so strictly that no two readers can disagree about them (RFC 9112).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure functions over bytes, fuzzed. What is refused although some servers take it: more than one
 * Content-Length or Host, Content-Length beside Transfer-Encoding, any coding but one "chunked", line
 * folding, white space before a colon, bare CR or LF, control characters, a method or name that is no token.
 */
#ifndef KMCP_HTTP_PARSE_H
#define KMCP_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_HEAD_MAX   32768
#define HTTP_FIELDS_MAX 100

struct http_field {
    const char *name, *value;
};

/* A request. Texts point into the head's own bytes. */
struct http_message {
    const char *method, *path, *query; /* QUERY: after '?', "" if there is none */
    const char *host;                  /* "" in HTTP/1.0 without one */
    struct http_field fields[HTTP_FIELDS_MAX];
    size_t n_fields;
    size_t content_length;
    bool chunked, expects_continue, keep_alive, http_1_0;
    const char *body; /* once it is there */
    size_t body_len;
};

/* Bytes of the head at TEXT, blank line included; 0: it is not complete. */
size_t http_head_len(const char *text, size_t len);
/* Takes the head of LEN bytes apart, in place. 0, or the HTTP status to refuse it with and a phrase in WHY.
 */
int http_head_parse(char *text, size_t len, struct http_message *m, const char **why);
/* The field's value, NULL if it is not there. With several of one name, the first. */
const char *http_field(const struct http_message *m, const char *name);
size_t http_field_count(const struct http_message *m, const char *name);
/* Is TOKEN among the comma-separated values of all fields of this name? */
bool http_field_has(const struct http_message *m, const char *name, const char *token);

/* A chunked body, piece by piece. Zero it to start. */
struct http_chunks {
    int state;
    size_t left;    /* of the chunk */
    size_t trailer; /* bytes of size line or trailer so far */
};
enum http_chunks_end { HTTP_CHUNKS_MORE, HTTP_CHUNKS_DONE, HTTP_CHUNKS_BAD };

/* Decodes IN over itself: its first *OUT bytes are body then. *USED: how much of it belongs to this body. */
enum http_chunks_end http_chunks_feed(struct http_chunks *c, char *in, size_t len, size_t *used, size_t *out);

#endif
