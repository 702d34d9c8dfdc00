/* http_inner.h - what the files of kmcp-http.so share; the only one that sees curl.h.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_HTTP_INNER_H
#define KMCP_HTTP_INNER_H

#include <curl/curl.h>
#include <pthread.h>
#include "http.h"

#define SPARES 8

struct http_job {
    struct http_job *next;
    struct http_exchange *x;
    const volatile int *cancelled; /* NULL: cannot be */
    CURL *easy;
    struct curl_slist *headers;
    size_t cap, max; /* of the body: allocated, allowed */
    bool too_big, failed, awaited, done;
    char error[CURL_ERROR_SIZE];
    pthread_cond_t ended;
};

struct http {
    pthread_mutex_t lock;
    pthread_cond_t idle; /* nobody is under way any more */
    CURLM *multi;        /* the driver's alone */
    struct http_job *waiting, *running;
    bool driven, stop;
    char *base_url, *ca_blob;
    size_t ca_len;
    char *authorization; /* the header line; wiped at stop */
    char *user_agent;
    long timeout_ms;
    size_t max_body;
    bool openssl;        /* libcurl's TLS is OpenSSL, of the generation we are built with */
    CURL *spare[SPARES]; /* handles kept for the next */
    size_t n_spare;
};

/* ---- http_transfer.c ---- */
/* Tells job->easy what to send and where what comes goes. */
void http_set_options(struct http *h, struct http_job *job);
/* How it ended. Did any byte of the request possibly leave? Only connection-level failures before that are
 * certain. */
enum http_end http_classify(const struct http_job *job, CURLcode code);
/* Whose certificate it was, into the exchange. */
void http_look(struct http_job *job);

/* ---- http_tls.c ---- */
/* A site's own CA is trusted beside the system's, not instead of it. False with a sentence in WHY. */
bool http_trust(struct http *h, const char *ca_file, char *why, size_t why_size);
/* Is libcurl's TLS OpenSSL, of the generation we are built with? */
bool http_is_openssl(void);
/* CURLOPT_SSL_CTX_FUNCTION. OpenSSL keeps the last record a connection received, decrypted, until the next:
 * not this one. */
CURLcode http_on_tls(CURL *easy, void *context, void *unused);

#endif
