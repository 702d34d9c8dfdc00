/* http_server.c - the module kmcp-listen.so: connections, requests, answers and streams on libevent's loop.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything but post() and what leads to it runs on the loop's thread. An answer from another thread is queued and
 * the loop woken; one from the loop's own is carried out at once, unless others are queued before it.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_server.h"

#define BACKLOG       1024
#define LINGER_MS     1000 /* after a refusal: the client may still be sending */
#define LINGER_BYTES  (1 << 20)
#define END_MS        500
#define PIPELINED_MAX 65536 /* bytes a client may send ahead while it waits */

enum conn_state { CONN_HEAD, CONN_BODY, CONN_CALL, CONN_CLOSING };

struct conn {
    struct conn *next, **place;
    struct http_server *server;
    struct bufferevent *bev;
    struct event *timer;
    enum conn_state state;
    char peer[64];
    bool begun;  /* a byte of the head came */
    bool doomed; /* it goes with the next turn of the loop */
    char *head; /* of the request under way; MESSAGE points into it */
    struct http_message message;
    struct http_chunks chunks;
    char *body;
    size_t body_len, body_cap, lingered;
    struct http_call *call;
};

/* CONN is NULL once the client is gone or the answer is written. */
struct http_call {
    int refs; /* __atomic */
    struct http_server *server;
    struct conn *conn;
    void *user;
    bool streaming, keep_alive, http_1_0, head_only;
};

enum job_kind { JOB_REPLY, JOB_BEGIN, JOB_SEND, JOB_FINISH };

struct job {
    struct job *next;
    struct http_call *call;
    enum job_kind kind;
    int status;
    size_t headers_len, len;
    char bytes[]; /* headers, NUL, body */
};

struct http_server {
    struct http_limits limits;
    struct http_events events;
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *wake_event, *tick_event, *signals[3];
    int wake[2];
    struct conn *conns;
    size_t n_conns;
    bool paused, stopping, ending;
    pthread_t loop;
    pthread_mutex_t lock; /* for the jobs */
    bool woken, end_wanted;
    struct job *jobs, **jobs_end;
};

/* ---- calls ---- */

static void call_hold(struct http_call *call)
{
    __atomic_add_fetch(&call->refs, 1, __ATOMIC_RELAXED);
}

static void call_drop(struct http_call *call)
{
    if (__atomic_sub_fetch(&call->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (call->user)
        call->server->events.release(call->server->events.arg, call->user);
    free(call);
}

static void call_set_user(struct http_call *call, void *user)
{
    call->user = user;
}

static void *call_user(const struct http_call *call)
{
    return call->user;
}

static const char *call_peer(const struct http_call *call)
{
    return call->conn ? call->conn->peer : "a client";
}

/* ---- connections ---- */

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

static void conn_free(struct conn *c)
{
    struct http_server *s = c->server;
    struct http_call *call = c->call;

    *c->place = c->next;
    if (c->next)
        c->next->place = c->place;
    s->n_conns--;
    if (s->paused && !s->stopping && s->n_conns < s->limits.connections) {
        s->paused = false;
        evconnlistener_enable(s->listener);
    }
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

/* Nothing more is read as a request: the answer goes out, then the connection ends, when the client has seen it. */
static void close_after_write(struct conn *c)
{
    c->state = CONN_CLOSING;
    evbuffer_drain(bufferevent_get_input(c->bev), evbuffer_get_length(bufferevent_get_input(c->bev)));
    arm(c, evbuffer_get_length(bufferevent_get_output(c->bev)) ? c->server->limits.write_ms : LINGER_MS);
    if (!evbuffer_get_length(bufferevent_get_output(c->bev)))
        shutdown(bufferevent_getfd(c->bev), SHUT_WR);
}

static void refuse(struct conn *c, int status, const char *why)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    struct http_server *s = c->server;

    s->events.refused(s->events.arg, c->peer, status, why);
    evbuffer_add_printf(out,
                        "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: "
                        "%zu\r\n\r\n%s\n",
                        status, reason(status), strlen(why) + 1, why);
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
    evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\n%s%s", status, reason(status), headers,
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
    evbuffer_add_printf(bufferevent_get_output(c->bev), "HTTP/1.1 %d %s\r\n%s%s\r\n", status, reason(status), headers,
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

static void carry_out(struct http_call *call, enum job_kind kind, int status, const char *headers, const char *body,
                      size_t len)
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

static void wake_loop(struct http_server *s)
{
    ssize_t n = write(s->wake[1], "", 1);

    (void)n;
}

static void post(struct http_call *call, enum job_kind kind, int status, const char *headers, const char *body,
                 size_t len)
{
    struct http_server *s = call->server;
    size_t headers_len = headers ? strlen(headers) : 0;
    struct job *job;
    bool wake;

    pthread_mutex_lock(&s->lock);
    if (!s->jobs && pthread_equal(pthread_self(), s->loop)) {
        pthread_mutex_unlock(&s->lock);
        carry_out(call, kind, status, headers ? headers : "", body, len);
        return;
    }
    job = malloc(sizeof *job + headers_len + 1 + len);
    if (job) {
        *job = (struct job){ .call = call, .kind = kind, .status = status, .headers_len = headers_len, .len = len };
        memcpy(job->bytes, headers ? headers : "", headers_len + 1);
        if (len)
            memcpy(job->bytes + headers_len + 1, body, len);
        call_hold(call);
        *s->jobs_end = job;
        s->jobs_end = &job->next;
    }
    wake = !s->woken;
    s->woken = true;
    pthread_mutex_unlock(&s->lock);
    if (wake)
        wake_loop(s);
}

static void call_reply(struct http_call *call, int status, const char *headers, const char *body, size_t len)
{
    post(call, JOB_REPLY, status, headers, body, len);
}

static void call_begin(struct http_call *call, int status, const char *headers)
{
    post(call, JOB_BEGIN, status, headers, NULL, 0);
}

static void call_send(struct http_call *call, const char *bytes, size_t len)
{
    post(call, JOB_SEND, 0, NULL, bytes, len);
}

static void call_finish(struct http_call *call)
{
    post(call, JOB_FINISH, 0, NULL, NULL, 0);
}

static void tick(struct http_server *s)
{
    int64_t wait = s->events.tick(s->events.arg);
    struct timeval t = in_ms(wait);

    if (wait >= 0)
        evtimer_add(s->tick_event, &t);
}

static void end_now(struct http_server *s)
{
    struct timeval t = in_ms(END_MS);

    s->ending = true;
    for (struct conn *c = s->conns, *next; c; c = next) {
        next = c->next;
        if (c->state == CONN_CALL || !evbuffer_get_length(bufferevent_get_output(c->bev)))
            conn_free(c);
    }
    if (s->n_conns)
        event_base_loopexit(s->base, &t);
    else
        event_base_loopbreak(s->base);
}

/* The first job, with *END if the server is to end; NULL: there is none, and the next one wakes the loop again. */
static struct job *take_job(struct http_server *s, bool *end)
{
    struct job *job;

    pthread_mutex_lock(&s->lock);
    job = s->jobs;
    if (job && !(s->jobs = job->next))
        s->jobs_end = &s->jobs;
    if (!job)
        s->woken = false;
    *end = s->end_wanted && !s->ending;
    pthread_mutex_unlock(&s->lock);
    return job;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *s = arg;
    char drain[256];
    ssize_t n = read(fd, drain, sizeof drain);
    struct job *job;
    bool end;

    (void)n;
    (void)what;
    while ((job = take_job(s, &end))) {
        carry_out(job->call, job->kind, job->status, job->bytes, job->bytes + job->headers_len + 1, job->len);
        call_drop(job->call);
        free(job);
    }
    if (end)
        end_now(s);
    else if (!s->ending && !evtimer_pending(s->tick_event, NULL))
        tick(s);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tick(arg);
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
    if (!s->ending && !evtimer_pending(s->tick_event, NULL))
        tick(s);
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
        enum http_chunks_end end = http_chunks_feed(&c->chunks, bytes, n > 0 ? (size_t)n : 0, &used, &out);

        if (end == HTTP_CHUNKS_BAD) {
            refuse(c, 400, "malformed chunked body");
            return false;
        }
        evbuffer_drain(in, used);
        if (!add_body(c, bytes, out))
            return false;
        if (end == HTTP_CHUNKS_DONE)
            return true;
    }
    return false;
}

static bool read_counted(struct conn *c, struct evbuffer *in)
{
    size_t left = c->message.content_length - c->body_len, have = evbuffer_get_length(in), n = have < left ? have : left;
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
    if ((what & BEV_EVENT_EOF) && c->state == CONN_CLOSING && evbuffer_get_length(bufferevent_get_output(c->bev)))
        return;
    if ((what & BEV_EVENT_EOF) && c->state == CONN_HEAD && evbuffer_get_length(bufferevent_get_output(c->bev))) {
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
        refuse(c, 408, c->state == CONN_BODY ? "the body did not come in time" : "the head did not come in time");
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

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int len, void *arg)
{
    struct http_server *s = arg;
    struct timeval write_time = in_ms(s->limits.write_ms);
    struct conn *c = calloc(1, sizeof *c);
    int yes = 1;

    (void)len;
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
    name_peer(c, address);
    bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
    bufferevent_set_timeouts(c->bev, NULL, &write_time);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    arm(c, s->limits.head_ms);
    if (++s->n_conns >= s->limits.connections && !s->paused) {
        s->paused = true;
        evconnlistener_disable(listener);
        s->events.log(s->events.arg, false, "all connections are in use; new ones wait");
    }
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct http_server *s = arg;
    char text[160];

    (void)listener;
    snprintf(text, sizeof text, "a connection could not be accepted: %s", strerror(errno));
    s->events.log(s->events.arg, true, text);
}

/* ---- the server ---- */

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
    struct http_server *s = arg;

    (void)sig;
    (void)what;
    if (s->stopping)
        return;
    s->stopping = true;
    evconnlistener_disable(s->listener);
    for (struct conn *c = s->conns, *next; c; c = next) { /* those that do nothing */
        next = c->next;
        if (c->state == CONN_HEAD && !c->begun && !evbuffer_get_length(bufferevent_get_output(c->bev)))
            conn_free(c);
    }
    s->events.stopping(s->events.arg);
}

static bool parse_address(const char *address, int port, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        *len = sizeof *in;
        return true;
    }
    if (inet_pton(AF_INET6, address, &in6->sin6_addr) != 1)
        return false;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((uint16_t)port);
    *len = sizeof *in6;
    return true;
}

static bool listen_at(struct http_server *s, const char *address, int *port, char *why, size_t why_size)
{
    struct sockaddr_storage at;
    socklen_t len;

    if (!parse_address(address, *port, &at, &len)) {
        snprintf(why, why_size, "\"%.60s\" is not a numeric address", address);
        return false;
    }
    s->listener = evconnlistener_new_bind(s->base, on_accept, s, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                          BACKLOG, (struct sockaddr *)&at, (int)len);
    if (!s->listener) {
        snprintf(why, why_size, "%s port %d cannot be listened at: %s", address, *port, strerror(errno));
        return false;
    }
    evconnlistener_set_error_cb(s->listener, on_accept_error);
    if (getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&at, &len) == 0)
        *port = ntohs(at.ss_family == AF_INET ? ((struct sockaddr_in *)(void *)&at)->sin_port
                                              : ((struct sockaddr_in6 *)(void *)&at)->sin6_port);
    return true;
}

/* A descriptor for each connection, and some for the rest. */
static void raise_files(size_t connections)
{
    struct rlimit files;
    rlim_t want = (rlim_t)connections + 256;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= want)
        return;
    files.rlim_cur = files.rlim_max == RLIM_INFINITY || files.rlim_max > want ? want : files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static void server_free(struct http_server *s)
{
    if (!s)
        return;
    while (s->conns)
        conn_free(s->conns);
    while (s->jobs) {
        struct job *job = s->jobs;

        s->jobs = job->next;
        call_drop(job->call);
        free(job);
    }
    if (s->listener)
        evconnlistener_free(s->listener);
    for (size_t i = 0; i < 3; i++)
        if (s->signals[i])
            event_free(s->signals[i]);
    if (s->wake_event)
        event_free(s->wake_event);
    if (s->tick_event)
        event_free(s->tick_event);
    if (s->base)
        event_base_free(s->base);
    for (size_t i = 0; i < 2; i++)
        if (s->wake[i] >= 0)
            close(s->wake[i]);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static bool add_events(struct http_server *s)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

    s->wake_event = event_new(s->base, s->wake[0], EV_READ | EV_PERSIST, on_wake, s);
    s->tick_event = evtimer_new(s->base, on_tick, s);
    for (size_t i = 0; i < 3; i++) {
        s->signals[i] = evsignal_new(s->base, signals[i], on_signal, s);
        if (!s->signals[i] || event_add(s->signals[i], NULL) != 0)
            return false;
    }
    return s->wake_event && s->tick_event && event_add(s->wake_event, NULL) == 0;
}

static struct http_server *server_open(const char *address, int *port, const struct http_limits *limits,
                                       const struct http_events *events, char *why, size_t why_size)
{
    struct http_server *s = calloc(1, sizeof *s);

    if (!s) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    s->limits = *limits;
    s->events = *events;
    s->wake[0] = s->wake[1] = -1;
    s->jobs_end = &s->jobs;
    s->loop = pthread_self();
    pthread_mutex_init(&s->lock, NULL);
    raise_files(limits->connections);
    signal(SIGPIPE, SIG_IGN);
    if (pipe(s->wake) != 0 || !(s->base = event_base_new())) {
        snprintf(why, why_size, "out of memory or descriptors");
    } else {
        for (size_t i = 0; i < 2; i++) {
            fcntl(s->wake[i], F_SETFD, FD_CLOEXEC);
            fcntl(s->wake[i], F_SETFL, O_NONBLOCK);
        }
        if (!listen_at(s, address, port, why, why_size))
            ;
        else if (!add_events(s))
            snprintf(why, why_size, "out of memory or descriptors");
        else
            return s;
    }
    server_free(s);
    return NULL;
}

static void server_run(struct http_server *s)
{
    s->loop = pthread_self();
    tick(s);
    event_base_dispatch(s->base);
}

static void server_end(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->end_wanted = true;
    pthread_mutex_unlock(&s->lock);
    wake_loop(s);
}

static size_t server_connections(const struct http_server *s)
{
    return s->n_conns;
}

extern __attribute__((visibility("default"))) const struct http_server_ops kmcp_listen_v1;
const struct http_server_ops kmcp_listen_v1 = {
    .open = server_open,
    .run = server_run,
    .end = server_end,
    .wake = wake_loop,
    .free = server_free,
    .connections = server_connections,
    .hold = call_hold,
    .drop = call_drop,
    .set_user = call_set_user,
    .user = call_user,
    .peer = call_peer,
    .reply = call_reply,
    .begin = call_begin,
    .send = call_send,
    .finish = call_finish,
};
