/* http_stream.c - server-sent events, kept for a client that comes back (MCP Streamable HTTP, "Resumability
 * and Redelivery").  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http_front.h"

void sse_send(struct front *f, struct http_call *call, const char *text, size_t len)
{
    struct buf out;

    buf_init(&out, len + 64);
    buf_puts(&out, "event: message\ndata: ");
    buf_add(&out, text, len);
    buf_puts(&out, "\n\n");
    if (!out.failed)
        f->ops->send(call, out.data, out.len);
    buf_free(&out);
}

static void forget_first(struct stream *st)
{
    struct event *e = st->events;

    st->events = e->next;
    if (!st->events)
        st->events_end = &st->events;
    st->n_events--;
    st->bytes -= e->len;
    free(e);
}

/* Takes what WIRE holds as the next event, and sends it to whoever listens. */
static void add_event(struct front *f, struct stream *st, const struct buf *wire)
{
    struct event *e = wire->failed ? NULL : malloc(sizeof *e + wire->len);

    if (!e) {
        log_line(KMCP_LOG_ERROR, "http", "out of memory: an event is lost");
        return;
    }
    *e = (struct event){ .seq = st->seq, .len = wire->len };
    memcpy(e->text, wire->data, wire->len);
    if (!st->events)
        st->events_end = &st->events;
    *st->events_end = e;
    st->events_end = &e->next;
    st->n_events++;
    st->bytes += e->len;
    while (st->events != e && (st->n_events > STREAM_EVENTS_MAX || st->bytes > STREAM_BYTES_MAX))
        forget_first(st);
    if (st->call)
        f->ops->send(st->call, e->text, e->len);
}

void stream_put(struct front *f, struct stream *st, const char *text, size_t len)
{
    struct buf wire;

    buf_init(&wire, len + 128);
    buf_printf(&wire, "event: message\nid: %lu-%lu\ndata: ", st->number, ++st->seq);
    buf_add(&wire, text, len);
    buf_puts(&wire, "\n\n");
    add_event(f, st, &wire);
    buf_free(&wire);
}

void stream_prime(struct front *f, struct stream *st, uint32_t retry_ms)
{
    struct buf wire;

    buf_init(&wire, 128);
    buf_printf(&wire, "id: %lu-%lu\n", st->number, ++st->seq);
    if (retry_ms)
        buf_printf(&wire, "retry: %lu\n", (unsigned long)retry_ms);
    buf_puts(&wire, "data: \n\n");
    add_event(f, st, &wire);
    buf_free(&wire);
}

void stream_detach(struct front *f, struct stream *st, bool end)
{
    if (!st->call)
        return;
    if (end)
        f->ops->finish(st->call);
    f->ops->drop(st->call);
    st->call = NULL;
}

void stream_attach(struct front *f, struct stream *st, struct http_call *call, unsigned long seq)
{
    stream_detach(f, st, true);
    for (const struct event *e = st->events; e; e = e->next)
        if (e->seq > seq)
            f->ops->send(call, e->text, e->len);
    f->ops->hold(call);
    st->call = call;
    if (st->done)
        stream_detach(f, st, true);
}

void stream_done(struct front *f, struct stream *st)
{
    st->done = true;
    stream_detach(f, st, true);
}

void stream_free(struct front *f, struct stream *st)
{
    stream_detach(f, st, true);
    while (st->events)
        forget_first(st);
}
