/* http.h - one HTTPS request through libcurl.  SPDX-License-Identifier: Apache-2.0
 *
 * http.c, http_transfer.c and http_tls.c are the internal module kmcp-http.so, mapped at the first request;
 * http_load.c loads it. Those who wait for answers drive the transfers themselves, one of them for all.
 */
#ifndef KMCP_HTTP_H
#define KMCP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http; /* the running client */

struct http_config {
    const char *base_url; /* "https://acme.api.kandji.io", no trailing slash; plain http on loopback only */
    const char *token;    /* sent as Authorization: Bearer; never logged */
    const char *ca_file;  /* trusted in addition to the system's CAs; NULL: none */
    const char *user_agent;
    long connections; /* at most, to the one host */
    long timeout_ms;  /* default for a whole request */
    size_t max_body;  /* decoded bytes */
};

enum http_end {
    HTTP_ANSWERED,  /* status and body are there */
    HTTP_NOT_SENT,  /* it certainly never reached the service: no such host, refused, TLS */
    HTTP_LOST,      /* the connection broke or the body was cut after something was sent: outcome unknown */
    HTTP_TIMED_OUT, /* likewise unknown */
    HTTP_TOO_BIG,
    HTTP_CANCELLED
};

struct http_exchange {
    const char *method, *path;            /* in: path with query, already encoded */
    const char *body;                     /* in: JSON text or NULL */
    const char *traceparent, *tracestate; /* in: W3C Trace Context, checked; NULL: none */
    long timeout_ms;                      /* in: 0 = default */
    bool alone;                           /* in: on a connection of its own, which ends with it */
    bool look;                            /* in: say whose certificate it is, if it connects anew */
    enum http_end end;                    /* out */
    int status;
    char *data; /* out: decoded body, NUL-terminated, malloc'd: the caller frees */
    size_t len;
    int64_t total;        /* X-Total-Count or -1 */
    int64_t hour_left;    /* X-RateLimit-Remaining-Hour or -1 */
    int64_t reset_s;      /* RateLimit-Reset or -1 */
    char retry_after[64]; /* Retry-After or "" */
    char content_type[64];
    char date[40];                 /* Date or "" */
    char issuer[160], expires[40]; /* of the certificate, as libcurl writes them; "" if not looked at */
    char error[256];               /* for NOT_SENT, LOST: one sentence, no token, no URL query */
};

struct http_job; /* an exchange that was begun */

/* The table the module exports as kmcp_http_v5. */
struct http_ops {
    struct http *(*start)(const struct http_config *, char *why, size_t why_size);
    /* Begins the exchange, which must stay where it is until await. It goes on whenever somebody awaits: this
     * one or another. NULL: out of memory; the exchange says so. Any thread. */
    struct http_job *(*begin)(struct http *, struct http_exchange *);
    /* Blocks until it ended, and frees the job. *CANCELLED turning non-zero (followed by wake) ends it early.
     * Once for every job, by any thread. */
    void (*await)(struct http *, struct http_job *, const volatile int *cancelled);
    void (*wake)(struct http *); /* look at the cancel flags now */
    void (*stop)(struct http *); /* ends what is under way, wipes the token */
};

/* Loads the module (once). NULL with one sentence in WHY. */
const struct http_ops *http_ops(char *why, size_t why_size);

#endif
