/* request.c - a request's memory, and its one answer.  SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "encode.h"
#include "request.h"

struct request *request_new(struct server *s, struct session *session, struct sink *sink, struct batch *batch,
                            const char *text, size_t len)
{
    struct request *r = calloc(1, sizeof *r);
    char *copy;

    if (!r)
        return NULL;
    r->server = s;
    r->session = session;
    r->sink = sink;
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

void request_free(struct request *r)
{
    arena_release(&r->arena, 0);
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
        b->sink->write(b->sink, b->responses.data, b->responses.len);
    }
    pthread_mutex_destroy(&b->lock);
    buf_free(&b->responses);
    free(b);
}

void request_respond(struct request *r, const struct buf *response)
{
    struct buf fallback;
    bool silent = __atomic_load_n(&r->cancelled, __ATOMIC_ACQUIRE); /* nothing more for a cancelled request */

    buf_init(&fallback, 4096);
    if (response->failed) {
        encode_error(&fallback, r->message.id, RPC_INTERNAL, "the answer is too large", NULL);
        response = &fallback;
    }
    if (r->batch)
        batch_done(r->batch, silent ? NULL : response);
    else if (!silent)
        r->sink->write(r->sink, response->data, response->len);
    buf_free(&fallback);
}

void request_result(struct request *r, const char *members, int64_t ttl_ms)
{
    struct buf out;

    buf_init(&out, 64 << 20);
    encode_result(&out, r->context.rev, r->message.id, "complete", members, ttl_ms);
    request_respond(r, &out);
    buf_free(&out);
}

void request_error(struct request *r, int code, const char *message, const char *data)
{
    struct buf out;

    buf_init(&out, 1 << 20);
    encode_error(&out, r->message.id, code, message, data);
    request_respond(r, &out);
    buf_free(&out);
}
