/* http.c - the module kmcp-http.so: libcurl's multi interface, and who drives it.
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

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_inner.h"

#define FOR_EVER_MS 3600000

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
        http_look(job);
    if (code != CURLE_OK)
        snprintf(x->error, sizeof x->error, "%s", job->error[0] ? job->error : curl_easy_strerror(code));
    if (job->easy) /* there was memory for it */
        curl_multi_remove_handle(h->multi, job->easy);
    curl_slist_free_all(job->headers);
    if (job->easy) {
        curl_easy_reset(job->easy);
        if (h->n_spare == SPARES)
            curl_easy_cleanup(job->easy);
        else
            h->spare[h->n_spare++] = job->easy;
    }
    job->done = true;
    pthread_cond_signal(&job->ended);
}

static void begin(struct http *h, struct http_job *job)
{
    job->easy = h->n_spare ? h->spare[--h->n_spare] : curl_easy_init();
    job->next = h->running;
    h->running = job;
    if (job->easy)
        http_set_options(h, job);
    if (!job->easy || curl_multi_add_handle(h->multi, job->easy) != CURLM_OK)
        finish(h, job, HTTP_NOT_SENT, CURLE_OUT_OF_MEMORY);
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

            finish(h, job, http_classify(job, code), code);
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
    h->openssl = http_is_openssl();
    snprintf(why, why_size, "out of memory");
    if (!h->multi || !h->base_url || !h->user_agent || !h->authorization ||
        (c->ca_file && !http_trust(h, c->ca_file, why, why_size))) {
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
