/* http_conn_write.c - the answers and streams of a connection, and refusals. Part of the module
 * kmcp-listen.so; all on the loop's thread.  SPDX-License-Identifier: Apache-2.0 */

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <string.h>
#include <time.h>

#include "http_conn.h"

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

void conn_close_after_write(struct conn *c)
{
    c->state = CONN_CLOSING;
    evbuffer_drain(bufferevent_get_input(c->bev), evbuffer_get_length(bufferevent_get_input(c->bev)));
    conn_arm(c, evbuffer_get_length(bufferevent_get_output(c->bev)) ? c->server->limits.idle_ms : LINGER_MS);
    if (!evbuffer_get_length(bufferevent_get_output(c->bev)))
        shutdown(bufferevent_getfd(c->bev), SHUT_WR);
}

void conn_refuse(struct conn *c, int status, const char *why)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    struct http_server *s = c->server;

    s->events.refused(s->events.arg, c->peer, status, why);
    evbuffer_add_printf(
        out,
        "HTTP/1.1 %d %s\r\n%sConnection: close\r\nContent-Type: text/plain\r\nContent-Length: "
        "%zu\r\n\r\n%s\n",
        status, reason(status), date_line(s), strlen(why) + 1, why);
    conn_forget_request(c);
    conn_close_after_write(c);
}

/* The request is answered: the connection is free for the next, or closes. */
static void answered(struct conn *c)
{
    struct http_call *call = c->call;

    c->call = NULL;
    call->conn = NULL;
    conn_forget_request(c);
    if (!call->keep_alive || c->server->stopping) {
        conn_close_after_write(c);
    } else {
        c->state = CONN_HEAD;
        c->begun = false;
        conn_arm(c, c->server->limits.idle_ms);
    }
    call_drop(call);
}

/* Not at once: whoever sends may hold locks that gone() wants. */
static void too_slow(struct conn *c)
{
    c->doomed = true;
    conn_arm(c, 0);
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
