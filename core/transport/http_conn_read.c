/* http_conn_read.c - the requests of a connection, read strictly and one at a time. Part of the module
 * kmcp-listen.so; all on the loop's thread.  SPDX-License-Identifier: Apache-2.0 */

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>

#include "http_conn.h"

static void deliver(struct conn *c)
{
    struct http_server *s = c->server;
    struct http_call *call = calloc(1, sizeof *call);

    if (!call) {
        conn_refuse(c, 503, "out of memory");
        return;
    }
    call->refs = 2; /* the connection's, and this function's */
    call->server = s;
    call->conn = c;
    call->keep_alive = c->message.keep_alive;
    call->http_1_0 = c->message.http_1_0;
    call->head_only = strcmp(c->message.method, "HEAD") == 0;
    c->call = call;
    c->state = CONN_CALL;
    c->message.body = c->body ? c->body : "";
    c->message.body_len = c->body_len;
    conn_arm(c, s->limits.alive_ms);
    s->events.request(s->events.arg, call, &c->message);
    call_drop(call);
    server_turn(s);
}

static bool add_body(struct conn *c, const char *bytes, size_t len)
{
    if (c->body_len + len > c->server->limits.body_bytes) {
        conn_refuse(c, 413, "the body is too large");
        return false;
    }
    if (c->body_len + len + 1 > c->body_cap) {
        size_t cap = c->body_len + len + 1 > 2 * c->body_cap ? c->body_len + len + 1 : 2 * c->body_cap;
        char *grown = realloc(c->body, cap);

        if (!grown) {
            conn_refuse(c, 503, "out of memory");
            return false;
        }
        c->body = grown;
        c->body_cap = cap;
    }
    if (len)
        memcpy(c->body + c->body_len, bytes, len);
    c->body_len += len;
    c->body[c->body_len] = '\0';
    return true;
}

/* True: the body is complete. */
static bool read_chunked(struct conn *c, struct evbuffer *in)
{
    while (evbuffer_get_length(in)) {
        char bytes[16384];
        ssize_t n = evbuffer_copyout(in, bytes, sizeof bytes);
        size_t used = 0, out = 0;
        bool good;
        enum http_chunks_end end = http_chunks_feed(&c->chunks, bytes, n > 0 ? (size_t)n : 0, &used, &out);

        if (end == HTTP_CHUNKS_BAD) {
            conn_refuse(c, 400, "malformed chunked body");
            return false;
        }
        evbuffer_drain(in, used);
        good = add_body(c, bytes, out);
        memset(bytes, 0, sizeof bytes); /* arguments may hold a PIN */
        __asm__ volatile("" : : "r"(bytes) : "memory");
        if (!good)
            return false;
        if (end == HTTP_CHUNKS_DONE)
            return true;
    }
    return false;
}

static bool read_counted(struct conn *c, struct evbuffer *in)
{
    size_t left = c->message.content_length - c->body_len, have = evbuffer_get_length(in),
           n = have < left ? have : left;
    unsigned char *bytes = n ? evbuffer_pullup(in, (ev_ssize_t)n) : NULL;

    if (n && (!bytes || !add_body(c, (const char *)bytes, n)))
        return false;
    evbuffer_drain(in, n);
    return n == left;
}

static void start_body(struct conn *c)
{
    if (c->message.content_length > c->server->limits.body_bytes) {
        conn_refuse(c, 413, "the body is too large");
        return;
    }
    c->state = CONN_BODY;
    memset(&c->chunks, 0, sizeof c->chunks);
    if (c->message.content_length && !add_body(c, "", 0))
        return;
    conn_arm(c, c->server->limits.body_ms);
    if (c->message.expects_continue)
        evbuffer_add_printf(bufferevent_get_output(c->bev), "HTTP/1.1 100 Continue\r\n\r\n");
}

static void read_head(struct conn *c, struct evbuffer *in)
{
    size_t have = evbuffer_get_length(in), len;
    const char *why, *bytes;
    int status;

    if (!c->begun) {
        c->begun = true;
        conn_arm(c, c->server->limits.head_ms);
    }
    bytes = (const char *)evbuffer_pullup(in, (ev_ssize_t)(have < HTTP_HEAD_MAX ? have : HTTP_HEAD_MAX));
    while (have >= 2 && bytes && bytes[0] == '\r' && bytes[1] == '\n') { /* RFC 9112 2.2 */
        evbuffer_drain(in, 2);
        have -= 2;
        bytes = (const char *)evbuffer_pullup(in, (ev_ssize_t)(have < HTTP_HEAD_MAX ? have : HTTP_HEAD_MAX));
    }
    len = bytes ? http_head_len(bytes, have < HTTP_HEAD_MAX ? have : HTTP_HEAD_MAX) : 0;
    if (!len) {
        if (have >= HTTP_HEAD_MAX)
            conn_refuse(c, 431, "the head is too large");
        return;
    }
    c->head = malloc(len);
    if (!c->head) {
        conn_refuse(c, 503, "out of memory");
        return;
    }
    evbuffer_remove(in, c->head, len);
    status = http_head_parse(c->head, len, &c->message, &why);
    if (status)
        conn_refuse(c, status, why);
    else
        start_body(c);
}

void conn_read(struct conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);

    if (c->state == CONN_HEAD && evbuffer_get_length(in))
        read_head(c, in);
    if (c->state == CONN_BODY && (c->message.chunked ? read_chunked(c, in) : read_counted(c, in)))
        deliver(c);
}
