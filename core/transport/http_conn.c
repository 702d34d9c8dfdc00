/* http_conn.c - one connection: its requests, read strictly and one at a time, and its answers and streams.
 * Part of the module kmcp-listen.so; all on the loop's thread.  SPDX-License-Identifier: Apache-2.0 */

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "http_conn.h"

#define LINGER_MS     1000 /* after a refusal: the client may still be sending */
#define LINGER_BYTES  (1 << 20)
#define PIPELINED_MAX 65536 /* bytes a client may send ahead while it waits */

static struct timeval in_ms(int64_t ms)
{
    return (struct timeval){ .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

static void arm(struct conn *c, int ms)
{
    struct timeval t = in_ms(ms);

    evtimer_add(c->timer, &t);
}

static void forget_request(struct conn *c)
{
    free(c->head);
    free(c->body);
    c->head = c->body = NULL;
    c->body_len = c->body_cap = 0;
}

void conn_free(struct conn *c)
{
    struct http_server *s = c->server;
    struct http_call *call = c->call;

    *c->place = c->next;
    if (c->next)
        c->next->place = c->place;
    s->n_conns--;
    server_has_room(s);
    forget_request(c);
    event_free(c->timer);
    bufferevent_free(c->bev);
    free(c);
    if (call) { /* its answer was still to come, or on its way */
        call->conn = NULL;
        s->events.gone(s->events.arg, call);
        call_drop(call);
    }
    if (s->ending && !s->n_conns)
        event_base_loopbreak(s->base);
}

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = { { 200, "OK" },
                    { 202, "Accepted" },
                    { 204, "No Content" },
                    { 400, "Bad Request" },
                    { 401, "Unauthorized" },
                    { 403, "Forbidden" },
                    { 404, "Not Found" },
                    { 405, "Method Not Allowed" },
                    { 406, "Not Acceptable" },
                    { 408, "Request Timeout" },
                    { 409, "Conflict" },
                    { 413, "Content Too Large" },
                    { 415, "Unsupported Media Type" },
                    { 417, "Expectation Failed" },
                    { 429, "Too Many Requests" },
                    { 431, "Request Header Fields Too Large" },
                    { 500, "Internal Server Error" },
                    { 501, "Not Implemented" },
                    { 503, "Service Unavailable" },
                    { 505, "HTTP Version Not Supported" } };

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Status";
}

/* "Date: Tue, 24 Nov 2026 12:00:00 GMT\r\n" (RFC 9110 6.6.1), made once a second. */
static const char *date_line(struct http_server *s)
{
    time_t now = time(NULL);
    struct tm utc;

    if (now != s->date_at && gmtime_r(&now, &utc)) {
        strftime(s->date, sizeof s->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
        s->date_at = now;
    }
    return s->date;
}

/* Nothing more is read as a request: the answer goes out, then the connection ends, when the client has seen
 * it. */
static void close_after_write(struct conn *c)
{
    c->state = CONN_CLOSING;
    evbuffer_drain(bufferevent_get_input(c->bev), evbuffer_get_length(bufferevent_get_input(c->bev)));
    arm(c, evbuffer_get_length(bufferevent_get_output(c->bev)) ? c->server->limits.idle_ms : LINGER_MS);
    if (!evbuffer_get_length(bufferevent_get_output(c->bev)))
        shutdown(bufferevent_getfd(c->bev), SHUT_WR);
}

static void refuse(struct conn *c, int status, const char *why)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    struct http_server *s = c->server;

    s->events.refused(s->events.arg, c->peer, status, why);
    evbuffer_add_printf(
        out,
        "HTTP/1.1 %d %s\r\n%sConnection: close\r\nContent-Type: text/plain\r\nContent-Length: "
        "%zu\r\n\r\n%s\n",
        status, reason(status), date_line(s), strlen(why) + 1, why);
    forget_request(c);
    close_after_write(c);
}

/* ---- answers ---- */

/* The request is answered: the connection is free for the next, or closes. */
static void answered(struct conn *c)
{
    struct http_call *call = c->call;

    c->call = NULL;
    call->conn = NULL;
    forget_request(c);
    if (!call->keep_alive || c->server->stopping) {
        close_after_write(c);
    } else {
        c->state = CONN_HEAD;
        c->begun = false;
        arm(c, c->server->limits.idle_ms);
    }
    call_drop(call);
}

/* Not at once: whoever sends may hold locks that gone() wants. */
static void too_slow(struct conn *c)
{
    c->doomed = true;
    arm(c, 0);
}

static void do_reply(struct http_call *call, int status, const char *headers, const char *body, size_t len)
{
    struct conn *c = call->conn;
    struct evbuffer *out;

    if (!c || call->streaming)
        return;
    out = bufferevent_get_output(c->bev);
    evbuffer_add_printf(
        out, "HTTP/1.1 %d %s\r\n%s%s%s", status, reason(status), date_line(c->server), headers,
        call->keep_alive && !c->server->stopping ? (call->http_1_0 ? "Connection: keep-alive\r\n" : "")
                                                 : "Connection: close\r\n");
    if (status != 204)
        evbuffer_add_printf(out, "Content-Length: %zu\r\n", len);
    evbuffer_add(out, "\r\n", 2);
    if (len && !call->head_only)
        evbuffer_add(out, body, len);
    answered(c);
}

static void do_begin(struct http_call *call, int status, const char *headers)
{
    struct conn *c = call->conn;

    if (!c || call->streaming)
        return;
    call->streaming = true;
    if (call->http_1_0)
        call->keep_alive = false;
    evbuffer_add_printf(bufferevent_get_output(c->bev), "HTTP/1.1 %d %s\r\n%s%s%s\r\n", status,
                        reason(status), date_line(c->server), headers,
                        call->http_1_0 ? "Connection: close\r\n" : "Transfer-Encoding: chunked\r\n");
}

static void do_send(struct http_call *call, const char *bytes, size_t len)
{
    struct conn *c = call->conn;
    struct evbuffer *out;

    if (!c || !call->streaming || !len || c->doomed)
        return;
    out = bufferevent_get_output(c->bev);
    if (evbuffer_get_length(out) > c->server->limits.unread_bytes) {
        too_slow(c);
        return;
    }
    if (!call->http_1_0)
        evbuffer_add_printf(out, "%zx\r\n", len);
    evbuffer_add(out, bytes, len);
    if (!call->http_1_0)
        evbuffer_add(out, "\r\n", 2);
}

static void do_finish(struct http_call *call)
{
    struct conn *c = call->conn;

    if (!c || !call->streaming)
        return;
    if (!call->http_1_0)
        evbuffer_add(bufferevent_get_output(c->bev), "0\r\n\r\n", 5);
    answered(c);
}

void conn_carry_out(struct http_call *call, enum job_kind kind, int status, const char *headers,
                    const char *body, size_t len)
{
    struct conn *c = call->conn;

    switch (kind) {
    case JOB_REPLY:
        do_reply(call, status, headers, body, len);
        break;
    case JOB_BEGIN:
        do_begin(call, status, headers);
        break;
    case JOB_SEND:
        do_send(call, body, len);
        return;
    case JOB_FINISH:
        do_finish(call);
        break;
    }
    if (c && !call->conn && c->state == CONN_HEAD && evbuffer_get_length(bufferevent_get_input(c->bev)))
        bufferevent_trigger(c->bev, EV_READ, BEV_OPT_DEFER_CALLBACKS); /* what the client sent ahead */
}

/* ---- requests ---- */

static void deliver(struct conn *c)
{
    struct http_server *s = c->server;
    struct http_call *call = calloc(1, sizeof *call);

    if (!call) {
        refuse(c, 503, "out of memory");
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
    arm(c, s->limits.alive_ms);
    s->events.request(s->events.arg, call, &c->message);
    call_drop(call);
    server_turn(s);
}

static bool add_body(struct conn *c, const char *bytes, size_t len)
{
    if (c->body_len + len > c->server->limits.body_bytes) {
        refuse(c, 413, "the body is too large");
        return false;
    }
    if (c->body_len + len + 1 > c->body_cap) {
        size_t cap = c->body_len + len + 1 > 2 * c->body_cap ? c->body_len + len + 1 : 2 * c->body_cap;
        char *grown = realloc(c->body, cap);

        if (!grown) {
            refuse(c, 503, "out of memory");
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
            refuse(c, 400, "malformed chunked body");
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
        refuse(c, 413, "the body is too large");
        return;
    }
    c->state = CONN_BODY;
    memset(&c->chunks, 0, sizeof c->chunks);
    if (c->message.content_length && !add_body(c, "", 0))
        return;
    arm(c, c->server->limits.body_ms);
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
        arm(c, c->server->limits.head_ms);
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
            refuse(c, 431, "the head is too large");
        return;
    }
    c->head = malloc(len);
    if (!c->head) {
        refuse(c, 503, "out of memory");
        return;
    }
    evbuffer_remove(in, c->head, len);
    status = http_head_parse(c->head, len, &c->message, &why);
    if (status)
        refuse(c, status, why);
    else
        start_body(c);
}

/* Takes what has come, request by request. C may be gone afterwards. */
static void read_more(struct conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);

    if (c->state == CONN_HEAD && evbuffer_get_length(in))
        read_head(c, in);
    if (c->state == CONN_BODY && (c->message.chunked ? read_chunked(c, in) : read_counted(c, in)))
        deliver(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;
    struct evbuffer *in = bufferevent_get_input(bev);

    if (c->state == CONN_CLOSING) {
        c->lingered += evbuffer_get_length(in);
        evbuffer_drain(in, evbuffer_get_length(in));
        if (c->lingered > LINGER_BYTES)
            conn_free(c);
        return;
    }
    if (c->state == CONN_CALL) {
        if (evbuffer_get_length(in) > PIPELINED_MAX) {
            c->server->events.refused(c->server->events.arg, c->peer, 0, "it sends ahead without end");
            conn_free(c);
        }
        return;
    }
    read_more(c);
}

static void on_write(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;

    (void)bev;
    if (c->state != CONN_CLOSING)
        return;
    if (c->server->ending) {
        conn_free(c);
        return;
    }
    shutdown(bufferevent_getfd(c->bev), SHUT_WR);
    arm(c, LINGER_MS);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct conn *c = arg;

    (void)bev;
    /* The client ended its side. What it was already sent is let through; a call that waits is over. */
    if ((what & BEV_EVENT_EOF) && c->state == CONN_CLOSING &&
        evbuffer_get_length(bufferevent_get_output(c->bev)))
        return;
    if ((what & BEV_EVENT_EOF) && c->state == CONN_HEAD &&
        evbuffer_get_length(bufferevent_get_output(c->bev))) {
        close_after_write(c);
        return;
    }
    conn_free(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;

    (void)fd;
    (void)what;
    if (c->doomed) {
        c->server->events.refused(c->server->events.arg, c->peer, 0, "it does not read its stream");
        conn_free(c);
    } else if (c->state == CONN_CALL) {
        struct http_server *s = c->server;

        arm(c, s->limits.alive_ms);
        s->events.waiting(s->events.arg, c->call);
    } else if (c->state == CONN_BODY || (c->state == CONN_HEAD && c->begun)) {
        refuse(c, 408,
               c->state == CONN_BODY ? "the body did not come in time" : "the head did not come in time");
    } else {
        conn_free(c);
    }
}

static void name_peer(struct conn *c, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN] = "?";
    int port = 0;

    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

        inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
        port = ntohs(in->sin_port);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;

        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
        port = ntohs(in6->sin6_port);
    }
    snprintf(c->peer, sizeof c->peer, "%s:%d", text, port);
}

void conn_new(struct http_server *s, int fd, const struct sockaddr *address)
{
    struct timeval write_time = in_ms(s->limits.write_ms);
    struct conn *c = calloc(1, sizeof *c);
    int yes = 1;

    if (!c || !(c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE)) ||
        !(c->timer = evtimer_new(s->base, on_timer, c))) {
        if (c && c->bev)
            bufferevent_free(c->bev);
        else
            close(fd);
        free(c);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    c->server = s;
    c->next = s->conns;
    c->place = &s->conns;
    if (c->next)
        c->next->place = &c->next;
    s->conns = c;
    s->n_conns++;
    name_peer(c, address);
    bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
    bufferevent_set_timeouts(c->bev, NULL, &write_time);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    arm(c, s->limits.head_ms);
}

bool conn_has_output(const struct conn *c)
{
    return evbuffer_get_length(bufferevent_get_output(c->bev)) > 0;
}

bool conn_is_idle(const struct conn *c)
{
    return c->state == CONN_HEAD && !c->begun && !conn_has_output(c);
}
