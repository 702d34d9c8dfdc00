/* request.c - a request's memory, and its one answer.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"

struct request *request_new(struct server *s, struct batch *batch, const char *text, size_t len)
{
    struct request *r = calloc(1, sizeof *r);
    char *copy;

    if (!r)
        return NULL;
    r->server = s;
    r->batch = batch;
    arena_init(&r->arena, s->host->call_bytes);
    copy = arena_strndup(&r->arena, text, len);
    if (!copy) {
        free(r);
        return NULL;
    }
    rpc_read(&r->arena, copy, len, &r->message);
    return r;
}

void request_place(struct request *r, struct session *session, const struct who *who, struct sink *sink)
{
    r->session = session;
    r->sink = sink;
    session_hold(session);
    sink_hold(sink);
    snprintf(r->principal, sizeof r->principal, "%s", who->principal);
    r->transport = who->transport;
    r->scopes = who->scopes;
}

void request_free(struct request *r)
{
    listening_free(r->listening);
    session_drop(r->session);
    if (r->sink)
        sink_drop(r->sink);
    arena_release(&r->arena, 1); /* arguments may hold a PIN */
    free(r);
}

void batch_done(struct batch *b, const struct buf *response)
{
    bool last;

    pthread_mutex_lock(&b->lock);
    if (response && response->len) {
        buf_putc(&b->responses, b->responses.len ? ',' : '[');
        buf_add(&b->responses, response->data, response->len);
    }
    last = --b->waiting == 0;
    pthread_mutex_unlock(&b->lock);
    if (!last)
        return;
    if (b->responses.len) {
        buf_putc(&b->responses, ']');
        b->sink->ops->answer(b->sink, 200, b->responses.data, b->responses.len);
    } else {
        b->sink->ops->answer(b->sink, 202, NULL, 0);
    }
    pthread_mutex_destroy(&b->lock);
    buf_free(&b->responses);
    sink_drop(b->sink);
    free(b);
}

/* Nothing more is to be said about R. */
static bool is_over(const struct request *r)
{
    return __atomic_load_n(&r->given_up, __ATOMIC_ACQUIRE);
}

void request_silent(struct request *r)
{
    if (is_over(r))
        return;
    if (r->batch)
        batch_done(r->batch, NULL);
    else
        r->sink->ops->answer(r->sink, 202, NULL, 0);
}

void request_respond(struct request *r, int status, const struct buf *response)
{
    struct buf fallback;

    if (is_over(r))
        return;
    if (__atomic_load_n(&r->cancelled, __ATOMIC_ACQUIRE) ==
        REQUEST_CANCELLED) { /* nothing more for a cancelled request */
        request_silent(r);
        return;
    }
    buf_init(&fallback, 4096);
    if (response->failed) {
        encode_error(&fallback, r->message.id, RPC_INTERNAL, "the answer is too large", NULL);
        response = &fallback;
        status = 200;
    }
    if (r->batch)
        batch_done(r->batch, response);
    else
        r->sink->ops->answer(r->sink, status, response->data, response->len);
    buf_free(&fallback);
}

void request_result(struct request *r, const char *members, int64_t ttl_ms)
{
    struct buf out;

    buf_init(&out, ENCODE_MAX);
    encode_result(&out, r->context.rev, r->message.id, "complete", members, ttl_ms, NULL);
    request_respond(r, 200, &out);
    buf_wipe(&out);
}

/* What HTTP calls an error (checklist 1E): a bad message is 400 in both eras; 2026-07-28 adds 404 for a
 * method that is not there and 400 for a bad envelope; what a handler says is 200. */
static int status_of(const struct request *r, int code)
{
    bool modern = r->context.rev && (r->context.rev->features & REV_HTTP_STATUS);

    switch (code) {
    case RPC_PARSE:
    case RPC_INVALID:
    case RPC_REVISION:
    case RPC_HEADERS:
    case RPC_LACKS:
        return 400;
    case RPC_NO_METHOD:
        return modern ? 404 : 200;
    case RPC_PARAMS:
        return r->handled ? 200 : 400;
    default:
        return 200;
    }
}

void request_error_as(struct request *r, int status, int code, const char *message, const char *data)
{
    struct buf out;

    buf_init(&out, 1 << 20);
    encode_error(&out, r->message.id, code, message, data);
    request_respond(r, status, &out);
    buf_free(&out);
}

void request_error(struct request *r, int code, const char *message, const char *data)
{
    request_error_as(r, status_of(r, code), code, message, data);
}

void request_write(struct request *r, const struct buf *message)
{
    if (!message->failed && !is_over(r) && !__atomic_load_n(&r->cancelled, __ATOMIC_ACQUIRE))
        r->sink->ops->write(r->sink, message->data, message->len);
}
