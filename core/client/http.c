/* http.c - the module kmcp-http.so: libcurl's multi interface; the only file that sees curl.h.
 * SPDX-License-Identifier: Apache-2.0
 *
 * There is no thread of its own. Of the callers that wait for an answer one drives the transfers of all of
 * them until his own is done; then he leaves, and another who still waits takes over. What was begun and is
 * not waited for yet goes on with the others. So a single request costs no change of threads, and many share
 * one loop. The driver sleeps in curl_multi_poll until a job, a cancellation or the network wakes it. What is
 * above READ uses a new connection each: on a reused one that the server has closed meanwhile, libcurl sends
 * the request again by itself, and an act must not be sent twice; and what a connection still holds of a
 * secret goes with it.
 */

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

#define FOR_EVER_MS 3600000
#define SPARES      8

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

/* OpenSSL keeps the last record a connection received, decrypted, until the next: not this one. */
static CURLcode on_tls(CURL *easy, void *context, void *unused)
{
    (void)easy;
    (void)unused;
#ifdef SSL_OP_CLEANSE_PLAINTEXT
    SSL_CTX_set_options(context, SSL_OP_CLEANSE_PLAINTEXT);
#else
    (void)context;
#endif
    return CURLE_OK;
}

static void set_options(struct http *h, struct http_job *job)
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
        curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_tls);
    if (x->look)
        curl_easy_setopt(e, CURLOPT_CERTINFO, 1L);
    if (h->ca_blob) {
        struct curl_blob blob = { h->ca_blob, h->ca_len, CURL_BLOB_NOCOPY };

        curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob);
    }
    if (x->alone) { /* see the top of this file */
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

/* Did any byte of the request possibly leave? Only connection-level failures before that are certain. */
static enum http_end classify(const struct http_job *job, CURLcode code)
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

static void look(struct http_job *job)
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

/* Takes JOB out of the multi handle and wakes its caller. Under the lock. */
static void finish(struct http *h, struct http_job *job, enum http_end end, CURLcode code)
{
    struct http_exchange *x = job->x;
    struct http_job **at = &h->running;
    long status = 0;

    while (*at && *at != job)
        at = &(*at)->next;
    if (*at)
        *at = job->next;
    curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
    x->status = (int)status;
    x->end = end;
    if (x->look)
        look(job);
    if (code != CURLE_OK)
        snprintf(x->error, sizeof x->error, "%s", job->error[0] ? job->error : curl_easy_strerror(code));
    curl_multi_remove_handle(h->multi, job->easy);
    curl_slist_free_all(job->headers);
    curl_easy_reset(job->easy);
    if (h->n_spare == SPARES)
        curl_easy_cleanup(job->easy);
    else
        h->spare[h->n_spare++] = job->easy;
    job->done = true;
    pthread_cond_signal(&job->ended);
}

static void begin(struct http *h, struct http_job *job)
{
    job->easy = h->n_spare ? h->spare[--h->n_spare] : curl_easy_init();
    job->next = h->running;
    h->running = job;
    set_options(h, job);
    curl_multi_add_handle(h->multi, job->easy);
}

/* Begins what waits and ends what nobody wants any more. Under the lock. */
static void sort_out(struct http *h)
{
    while (h->waiting) {
        struct http_job *job = h->waiting;

        h->waiting = job->next;
        begin(h, job);
    }
    for (struct http_job *job = h->running, *next; job; job = next) {
        next = job->next;
        if (h->stop || (job->cancelled && __atomic_load_n(job->cancelled, __ATOMIC_ACQUIRE)))
            finish(h, job, HTTP_CANCELLED, CURLE_ABORTED_BY_CALLBACK);
    }
}

static struct http_job *one_who_waits(const struct http *h)
{
    for (struct http_job *job = h->running; job; job = job->next)
        if (job->awaited)
            return job;
    for (struct http_job *job = h->waiting; job; job = job->next)
        if (job->awaited)
            return job;
    return NULL;
}

/* Drives all transfers until MINE is done. Under the lock, which is given up meanwhile. */
static void drive(struct http *h, const struct http_job *mine)
{
    struct http_job *next;
    CURLMsg *message;
    int n = 0;

    h->driven = true;
    while (sort_out(h), !mine->done) {
        pthread_mutex_unlock(&h->lock);
        curl_multi_perform(h->multi, &n);
        pthread_mutex_lock(&h->lock);
        while ((message = curl_multi_info_read(h->multi, &n))) {
            struct http_job *job = NULL;

            if (message->msg != CURLMSG_DONE)
                continue;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&job);
            CURLcode code = message->data.result;

            finish(h, job, classify(job, code), code);
        }
        if (mine->done || h->waiting)
            continue;
        pthread_mutex_unlock(&h->lock);
        curl_multi_poll(h->multi, NULL, 0, FOR_EVER_MS, NULL);
        pthread_mutex_lock(&h->lock);
    }
    h->driven = false;
    if ((next = one_who_waits(h)))
        pthread_cond_signal(&next->ended); /* somebody else's turn */
    else if (!h->running && !h->waiting)
        pthread_cond_broadcast(&h->idle);
}

static struct http_job *http_begin(struct http *h, struct http_exchange *x)
{
    struct http_job *job = calloc(1, sizeof *job), **at;

    x->end = HTTP_NOT_SENT;
    x->status = 0;
    x->data = NULL;
    x->len = 0;
    x->total = x->hour_left = x->reset_s = -1;
    x->retry_after[0] = x->date[0] = x->content_type[0] = x->error[0] = x->issuer[0] = x->expires[0] = '\0';
    if (!job) {
        snprintf(x->error, sizeof x->error, "out of memory");
        return NULL;
    }
    job->x = x;
    job->max = h->max_body;
    pthread_cond_init(&job->ended, NULL);
    pthread_mutex_lock(&h->lock);
    for (at = &h->waiting; *at; at = &(*at)->next)
        ;
    *at = job;
    if (h->driven)
        curl_multi_wakeup(h->multi);
    pthread_mutex_unlock(&h->lock);
    return job;
}

static void http_await(struct http *h, struct http_job *job, const volatile int *cancelled)
{
    pthread_mutex_lock(&h->lock);
    job->cancelled = cancelled;
    job->awaited = true;
    if (h->driven && cancelled && __atomic_load_n(cancelled, __ATOMIC_ACQUIRE))
        curl_multi_wakeup(h->multi);
    while (!job->done && h->driven)
        pthread_cond_wait(&job->ended, &h->lock);
    if (!job->done)
        drive(h, job);
    pthread_mutex_unlock(&h->lock);
    pthread_cond_destroy(&job->ended);
    if (job->failed)
        snprintf(job->x->error, sizeof job->x->error, "out of memory");
    free(job);
}

static void http_wake(struct http *h)
{
    curl_multi_wakeup(h->multi);
}

static void wipe(char *text)
{
    for (volatile char *p = text; p && *p; p++)
        *p = '\0';
}

static void release(struct http *h)
{
    while (h->n_spare)
        curl_easy_cleanup(h->spare[--h->n_spare]);
    if (h->multi)
        curl_multi_cleanup(h->multi);
    wipe(h->authorization);
    free(h->authorization);
    free(h->base_url);
    free(h->user_agent);
    free(h->ca_blob);
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->idle);
    free(h);
    curl_global_cleanup();
}

/* Appends FILE to the blob of trusted certificates. */
static bool add_certificates(struct http *h, const char *file)
{
    FILE *f = fopen(file, "re");
    size_t n;

    if (!f)
        return false;
    for (;;) {
        char *grown = realloc(h->ca_blob, h->ca_len + 65536 + 1);

        if (!grown)
            break;
        h->ca_blob = grown;
        n = fread(h->ca_blob + h->ca_len, 1, 65536, f);
        h->ca_len += n;
        h->ca_blob[h->ca_len] = '\0';
        if (n == 0) {
            h->ca_blob[h->ca_len++] = '\n';
            fclose(f);
            return true;
        }
    }
    fclose(f);
    return false;
}

/* A site's own CA is trusted beside the system's, not instead of it. */
static bool trust(struct http *h, const char *ca_file, char *why, size_t why_size)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    static const char *const bundles[] = { "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem",
                                           "/etc/pki/tls/certs/ca-bundle.crt" };
    bool have = info->cainfo && add_certificates(h, info->cainfo);

    for (size_t i = 0; !have && i < sizeof bundles / sizeof *bundles; i++)
        have = add_certificates(h, bundles[i]);
    if (add_certificates(h, ca_file) && strstr(h->ca_blob, "-----BEGIN CERTIFICATE-----"))
        return true;
    snprintf(why, why_size, "ca_file \"%s\" cannot be read, or holds no PEM certificate", ca_file);
    return false;
}

static bool is_openssl(void)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    char name[32];

    snprintf(name, sizeof name, "OpenSSL/%lu.", (unsigned long)OPENSSL_VERSION_NUMBER >> 28);
    return info->ssl_version && strncmp(info->ssl_version, name, strlen(name)) == 0;
}

static struct http *http_start(const struct http_config *c, char *why, size_t why_size)
{
    struct http *h = calloc(1, sizeof *h);
    size_t n = strlen(c->token) + sizeof "Authorization: Bearer ";

    if (!h || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        snprintf(why, why_size, "libcurl does not start");
        free(h);
        return NULL;
    }
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->idle, NULL);
    h->multi = curl_multi_init();
    h->base_url = strdup(c->base_url);
    h->user_agent = strdup(c->user_agent);
    h->authorization = malloc(n);
    h->timeout_ms = c->timeout_ms;
    h->max_body = c->max_body;
    h->openssl = is_openssl();
    snprintf(why, why_size, "out of memory");
    if (!h->multi || !h->base_url || !h->user_agent || !h->authorization ||
        (c->ca_file && !trust(h, c->ca_file, why, why_size))) {
        release(h);
        return NULL;
    }
    snprintf(h->authorization, n, "Authorization: Bearer %s", c->token);
    curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, c->connections);
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, c->connections);
    return h;
}

static void http_stop(struct http *h)
{
    pthread_mutex_lock(&h->lock);
    h->stop = true;
    curl_multi_wakeup(h->multi);
    while (h->driven || h->running || h->waiting)
        pthread_cond_wait(&h->idle, &h->lock);
    pthread_mutex_unlock(&h->lock);
    release(h);
}

extern __attribute__((visibility("default"))) const struct http_ops kmcp_http_v5;
const struct http_ops kmcp_http_v5 = {
    .start = http_start, .begin = http_begin, .await = http_await, .wake = http_wake, .stop = http_stop
};
