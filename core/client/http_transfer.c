/* http_transfer.c - one request of libcurl's: what it is told, and what comes back. Part of the module
 * kmcp-http.so.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_inner.h"

/* What to allocate for NEED bytes: at first what the service says is to come, if it is plain. */
static size_t first_size(const struct http_job *job, size_t need)
{
    curl_off_t says = -1;

    if (job->cap == 0)
        curl_easy_getinfo(job->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &says);
    return says >= (curl_off_t)need && (size_t)says < job->max ? (size_t)says + 1 : 2 * need;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct http_job *job = arg;
    struct http_exchange *x = job->x;
    (void)size;
    if (x->len + n > job->max) {
        job->too_big = true;
        return 0;
    }
    if (x->len + n + 1 > job->cap) {
        size_t cap = first_size(job, x->len + n + 1);
        char *grown = realloc(x->data, cap);

        if (!grown) {
            job->failed = true;
            return 0;
        }
        x->data = grown;
        job->cap = cap;
    }
    memcpy(x->data + x->len, bytes, n);
    x->len += n;
    x->data[x->len] = '\0';
    return n;
}

/* The value of header line LINE if its name is NAME, else NULL. */
static const char *header_value(const char *line, size_t len, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);

    if (len <= n || line[n] != ':' || !curl_strnequal(line, name, n))
        return NULL;
    for (n++; n < len && (line[n] == ' ' || line[n] == '\t'); n++)
        ;
    while (len > n && strchr(" \t\r\n", line[len - 1]))
        len--;
    snprintf(out, size, "%.*s", (int)(len - n), line + n);
    return out;
}

static int64_t number(const char *text)
{
    size_t n = strspn(text, "0123456789");

    return n && n < 16 && !text[n] ? strtoll(text, NULL, 10) : -1;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct http_exchange *x = ((struct http_job *)arg)->x;
    char value[128];

    (void)size;
    if (header_value(line, n, "x-total-count", value, sizeof value))
        x->total = number(value);
    else if (header_value(line, n, "x-ratelimit-remaining-hour", value, sizeof value))
        x->hour_left = number(value);
    else if (header_value(line, n, "ratelimit-reset", value, sizeof value))
        x->reset_s = number(value);
    else if (header_value(line, n, "retry-after", value, sizeof value))
        snprintf(x->retry_after, sizeof x->retry_after, "%.63s", value);
    else if (header_value(line, n, "date", value, sizeof value))
        snprintf(x->date, sizeof x->date, "%.39s", value);
    else if (header_value(line, n, "content-type", value, sizeof value))
        snprintf(x->content_type, sizeof x->content_type, "%.63s", value);
    return n;
}

static void add_trace(struct http_job *job, const char *name, const char *value)
{
    char line[600];

    if (value && snprintf(line, sizeof line, "%s: %s", name, value) < (int)sizeof line)
        job->headers = curl_slist_append(job->headers, line);
}

void http_set_options(struct http *h, struct http_job *job)
{
    struct http_exchange *x = job->x;
    CURL *e = job->easy;
    bool plain = strncmp(h->base_url, "http://", 7) == 0;
    char url[8192];

    snprintf(url, sizeof url, "%s%s", h->base_url, x->path);
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_PRIVATE, job);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, job->error);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, job);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, job);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https");
#else
    curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(plain ? CURLPROTO_HTTP : CURLPROTO_HTTPS));
#endif
    if (plain)
        curl_easy_setopt(e, CURLOPT_PROXY, ""); /* loopback: never through a proxy */
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)(plain ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
    curl_easy_setopt(e, CURLOPT_PIPEWAIT, plain ? 0L : 1L);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(e, CURLOPT_USERAGENT, h->user_agent);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, x->timeout_ms > 0 ? x->timeout_ms : h->timeout_ms);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    if (h->openssl)
        curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, http_on_tls);
    if (x->look)
        curl_easy_setopt(e, CURLOPT_CERTINFO, 1L);
    if (h->ca_blob) {
        struct curl_blob blob = { h->ca_blob, h->ca_len, CURL_BLOB_NOCOPY };

        curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob);
    }
    if (x->alone) { /* see the top of http.c */
        curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
    }
    if (strcmp(x->method, "GET") != 0) {
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, x->method);
        if (x->body || strcmp(x->method, "DELETE") != 0) {
            curl_easy_setopt(e, CURLOPT_POSTFIELDS, x->body ? x->body : "");
            curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)(x->body ? strlen(x->body) : 0));
        }
    }
    job->headers = curl_slist_append(NULL, h->authorization);
    job->headers = curl_slist_append(job->headers, "Accept: application/json");
    job->headers = curl_slist_append(job->headers,
                                     x->body ? "Content-Type: application/json" : "Content-Type:");
    job->headers = curl_slist_append(job->headers, "Expect:");
    add_trace(job, "traceparent", x->traceparent);
    add_trace(job, "tracestate", x->traceparent ? x->tracestate : NULL);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, job->headers);
}

enum http_end http_classify(const struct http_job *job, CURLcode code)
{
    long sent = 0;

    if (code == CURLE_OK)
        return HTTP_ANSWERED;
    if (job->too_big)
        return HTTP_TOO_BIG;
    curl_easy_getinfo(job->easy, CURLINFO_REQUEST_SIZE, &sent);
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return sent > 0 ? HTTP_TIMED_OUT : HTTP_NOT_SENT;
    case CURLE_UNSUPPORTED_PROTOCOL: /* also what libcurl makes of an answer that is not HTTP */
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_FAILED_INIT:
        return sent > 0 ? HTTP_LOST : HTTP_NOT_SENT;
    default:
        return HTTP_LOST;
    }
}

void http_look(struct http_job *job)
{
    struct http_exchange *x = job->x;
    struct curl_certinfo *info = NULL;

    if (curl_easy_getinfo(job->easy, CURLINFO_CERTINFO, &info) != CURLE_OK || !info || info->num_of_certs < 1)
        return;
    for (struct curl_slist *line = info->certinfo[0]; line; line = line->next) {
        if (strncmp(line->data, "Issuer:", 7) == 0)
            snprintf(x->issuer, sizeof x->issuer, "%s", line->data + 7);
        else if (strncmp(line->data, "Expire date:", 12) == 0)
            snprintf(x->expires, sizeof x->expires, "%s", line->data + 12);
    }
}
