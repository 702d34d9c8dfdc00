/* audit.c - the record: intent before, outcome after.  SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "audit_chain.h"
#include "audit_record.h"
#include "base/clock.h"
#include "base/log.h"

/* An intent without an outcome yet. */
struct open_intent {
    struct open_intent *next;
    char id[33];
    char *common; /* what its outcome repeats */
    int64_t since_ms;
};

/* A record that waits to be written; its thread waits with it. */
struct waiting {
    struct waiting *next;
    const struct buf *body;
    bool done, ok;
    char why[400];
};

struct audit {
    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t written;
    struct chain *chain; /* used by the writer alone, without the lock */
    bool writing;
    struct waiting *queue, **queue_end;
    struct open_intent *open;
};

struct audit *audit_new(struct config *c)
{
    struct chain_settings chain = {
        .path = config_path(c, "audit", "file"),
        .key_file = config_path(c, "audit", "key_file"),
        .anchor_file = config_path(c, "audit", "anchor_file"),
        .syslog = config_bool(c, "audit", "syslog", false),
        .rotate_bytes = (uint64_t)config_int(c, "audit", "rotate_bytes", 0, INT64_C(1) << 40, 64 << 20),
    };
    struct audit *a;
    char folder[600], dflt[600] = "";

    if (c->error[0])
        return NULL;
    if (!chain.path) {
        bool fits = config_state_folder(folder, sizeof folder) &&
                    snprintf(dflt, sizeof dflt, "%s/audit.jsonl", folder) < (int)sizeof dflt;

        chain.path = fits ? dflt : "";
    }
    a = calloc(1, sizeof *a);
    if (!a || !(a->chain = chain_new(&chain))) {
        config_fail(c, 0, "out of memory");
        free(a);
        return NULL;
    }
    a->queue_end = &a->queue;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->written, NULL);
    return a;
}

static void free_intent(struct open_intent *o)
{
    if (o)
        free(o->common);
    free(o);
}

void audit_free(struct audit *a)
{
    if (!a)
        return;
    for (struct open_intent *o = a->open, *next; o; o = next) {
        next = o->next;
        free_intent(o);
    }
    chain_free(a->chain);
    pthread_cond_destroy(&a->written);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

void audit_use_state(struct audit *a, struct state *s)
{
    chain_use_state(a->chain, s);
}

const char *audit_path(const struct audit *a)
{
    return chain_path(a->chain);
}

bool audit_anchors(const struct audit *a, char *why, size_t why_size)
{
    return chain_anchors(a->chain, why, why_size);
}

/* ---- writing: who comes while another writes goes into the next batch, one sync for all of it ---- */

#define BATCH_MAX 64

/* Under the lock, which is let go while it writes. */
static void write_batch(struct audit *a)
{
    struct waiting *batch[BATCH_MAX];
    struct buf bodies[BATCH_MAX];
    char why[400] = "";
    size_t n = 0;
    bool ok;

    while (a->queue && n < BATCH_MAX) {
        batch[n] = a->queue;
        bodies[n++] = *a->queue->body;
        a->queue = a->queue->next;
    }
    if (!a->queue)
        a->queue_end = &a->queue;
    a->writing = true;
    pthread_mutex_unlock(&a->lock);
    ok = chain_add(a->chain, bodies, n, why, sizeof why);
    pthread_mutex_lock(&a->lock);
    a->writing = false;
    for (size_t i = 0; i < n; i++) {
        batch[i]->ok = ok;
        snprintf(batch[i]->why, sizeof batch[i]->why, "%s", why);
        batch[i]->done = true;
    }
    pthread_cond_broadcast(&a->written);
}

/* Returns when BODY is on disk, or is known not to be. */
static bool put(struct audit *a, const struct buf *body, char *why, size_t why_size)
{
    struct waiting w = { .body = body };

    pthread_mutex_lock(&a->lock);
    *a->queue_end = &w;
    a->queue_end = &w.next;
    while (!w.done) {
        if (a->writing)
            pthread_cond_wait(&a->written, &a->lock);
        else
            write_batch(a);
    }
    pthread_mutex_unlock(&a->lock);
    if (!w.ok)
        snprintf(why, why_size, "%s", w.why);
    return w.ok;
}

bool audit_ready(struct audit *a, char *why, size_t why_size)
{
    bool ok;

    pthread_mutex_lock(&a->lock);
    while (a->writing)
        pthread_cond_wait(&a->written, &a->lock);
    a->writing = true;
    pthread_mutex_unlock(&a->lock);
    ok = chain_ready(a->chain, why, why_size);
    pthread_mutex_lock(&a->lock);
    a->writing = false;
    pthread_cond_broadcast(&a->written);
    pthread_mutex_unlock(&a->lock);
    return ok;
}

/* ---- intents and outcomes ---- */

bool audit_intent(struct audit *a, struct audit_call *call, char *why, size_t why_size)
{
    struct open_intent *o = calloc(1, sizeof *o);
    struct buf b, common;
    bool ok;

    if (!o || !audit_name(call)) {
        free(o);
        snprintf(why, why_size, "it cannot be recorded (no memory or no random numbers)");
        return false;
    }
    buf_init(&common, 64 * 1024);
    record_call(&common, call);
    o->common = common.failed || !common.data ? NULL : strdup(common.data);
    record_begin(&b, "intent", call->id);
    buf_add(&b, common.data ? common.data : "", common.len);
    snprintf(why, why_size, "it cannot be recorded (no memory)");
    ok = o->common && put(a, &b, why, why_size);
    buf_free(&common);
    buf_free(&b);
    if (!ok) {
        free_intent(o);
        return false;
    }
    memcpy(o->id, call->id, sizeof o->id);
    o->since_ms = clock_ms();
    pthread_mutex_lock(&a->lock);
    o->next = a->open;
    a->open = o;
    pthread_mutex_unlock(&a->lock);
    return true;
}

/* Takes the intent of ID (NULL: any) off the list; NULL if it is not there. */
static struct open_intent *take_intent(struct audit *a, const char *id)
{
    struct open_intent *found = NULL;

    pthread_mutex_lock(&a->lock);
    for (struct open_intent **at = &a->open; *at && !found; at = found ? at : &(*at)->next)
        if (!id || strcmp((*at)->id, id) == 0) {
            found = *at;
            *at = found->next;
        }
    pthread_mutex_unlock(&a->lock);
    return found;
}

static bool put_outcome(struct audit *a, struct open_intent *o, const char *common, const char *result,
                        const char *request_line, int status, const char *detail)
{
    char why[400];
    struct buf b;
    bool ok;

    record_begin(&b, "outcome", o->id);
    buf_puts(&b, common);
    record_str(&b, "result", result);
    record_str(&b, "request", request_line);
    if (status)
        buf_printf(&b, ",\"http_status\":%d", status);
    record_str(&b, "detail", detail);
    buf_printf(&b, ",\"ms\":%lld", (long long)(clock_ms() - o->since_ms));
    ok = put(a, &b, why, sizeof why);
    buf_free(&b);
    if (!ok)
        log_line(KMCP_LOG_ERROR, "audit", "%s", why);
    free_intent(o);
    return ok;
}

bool audit_outcome(struct audit *a, const struct audit_call *call, const char *result,
                   const char *request_line, int status, const char *detail)
{
    struct open_intent *o = take_intent(a, call->id);
    struct buf common;
    bool ok;

    if (!o) /* it was closed by audit_close_open already */
        return !call->exported;
    buf_init(&common, 64 * 1024);
    record_call(&common, call);
    ok = put_outcome(a, o, common.data ? common.data : "", result, request_line, status,
                     call->redact ? NULL : detail);
    buf_free(&common);
    return ok;
}

bool audit_event(struct audit *a, struct audit_call *call, const char *event, const char *detail, char *why,
                 size_t why_size)
{
    struct buf b;
    bool ok;

    if (!audit_name(call)) {
        snprintf(why, why_size, "it cannot be recorded (no random numbers)");
        return false;
    }
    record_begin(&b, event, call->id);
    record_call(&b, call);
    record_str(&b, "result", call->result);
    if (call->archived)
        buf_printf(&b, ",\"archived\":%llu", (unsigned long long)call->archived);
    if (!call->redact)
        record_str(&b, "detail", detail);
    ok = put(a, &b, why, why_size);
    buf_free(&b);
    return ok;
}

bool audit_accept(struct audit *a, struct audit_call *call, const char *detail, uint64_t seq, const char *mac,
                  uint64_t torn, char *why, size_t why_size)
{
    struct buf b;
    bool ok;

    if (!audit_name(call)) {
        snprintf(why, why_size, "it cannot be recorded (no random numbers)");
        return false;
    }
    record_begin(&b, "accepted", call->id);
    record_call(&b, call);
    record_str(&b, "detail", detail);
    ok = chain_accept(a->chain, seq, mac, torn, &b, why, why_size);
    buf_free(&b);
    return ok;
}

void audit_refused(struct audit *a, struct audit_call *call, const char *why_refused)
{
    char why[400];

    if (!audit_event(a, call, "refused", why_refused, why, sizeof why))
        log_line(KMCP_LOG_ERROR, "audit", "a refused %s could not be recorded: %s", call->tool, why);
}

void audit_close_open(struct audit *a, const char *detail)
{
    struct open_intent *o;

    while ((o = take_intent(a, NULL))) {
        char *common = o->common;

        o->common = NULL;
        put_outcome(a, o, common, "unknown", NULL, 0, detail);
        free(common);
    }
}
