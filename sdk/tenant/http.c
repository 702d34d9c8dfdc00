/* The HTTP side of the tenant: one loop on one loopback port. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include "dispatch.h"
#include "stats.h"
#include "when.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>

#define HTTP_HEADERS_MAX 65536
#define HTTP_BODY_MAX    (4 << 20)
#define HTTP_IDLE_S      300

struct http {
    struct tenant *t;
    struct event_base *base;
    struct http_call *waiting; /* all that are not answered yet */
};

/* A request between its arrival and its answer; answers wait here for latency and slow faults. */
struct http_call {
    struct call call;
    struct fault_plan plan;
    struct evhttp_request *request;
    struct event *timer;
    struct http *http;
    struct http_call *next, **place;
};

static const char *http_method(struct evhttp_request *request)
{
    switch (evhttp_request_get_command(request)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    case EVHTTP_REQ_OPTIONS:
        return "OPTIONS";
    default:
        return "TRACE";
    }
}

static void http_call_free(struct http_call *h)
{
    stats_leave(h->http->t->stats);
    *h->place = h->next;
    if (h->next)
        h->next->place = h->place;
    if (h->timer)
        event_free(h->timer);
    free((char *)h->call.body);
    free((char *)h->call.target);
    call_finish(&h->call);
    free(h);
}

static void http_reply(struct http_call *h)
{
    struct call *c = &h->call;
    struct evhttp_request *request = h->request;
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    for (size_t i = 0; i < c->header_count; i++)
        evhttp_add_header(headers, c->headers[i].name, c->headers[i].value);
    char date[40]; /* the tenant's clock may not be ours (--now, advance): it says so, as a real one would */
    time_t seconds = (time_t)(tenant_now(c->t) / WHEN_SECOND);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) && strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts))
        evhttp_add_header(headers, "Date", date);
    if (c->type)
        evhttp_add_header(headers, "Content-Type", c->type);
    size_t sent = strcmp(c->method, "HEAD") == 0 ? 0 : c->out.n;
    char length[24];
    if (h->plan.wire == FAULT_CUT) {
        snprintf(length, sizeof length, "%zu", c->out.n + 100);
        evhttp_add_header(headers, "Content-Length", length);
        evhttp_add_header(headers, "Connection", "close");
        sent = sent / 2;
    } else if (c->status != 204) {
        snprintf(length, sizeof length, "%zu", c->out.n);
        evhttp_add_header(headers, "Content-Length", length);
    }
    struct evbuffer *body = evhttp_request_get_output_buffer(request);
    if (sent)
        evbuffer_add(body, c->out.p, sent);
    evhttp_send_reply(request, c->status, NULL, NULL);
    http_call_free(h);
}

/* A hanging request is let go when its client has left: nothing else would notice. */
static void http_watch(struct http_call *h)
{
    struct evhttp_connection *conn = evhttp_request_get_connection(h->request);
    char byte;
    int fd = conn ? (int)bufferevent_getfd(evhttp_connection_get_bufferevent(conn)) : -1;
    ssize_t n = fd < 0 ? 0 : recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))) {
        struct timeval second = { .tv_sec = 1 };
        event_add(h->timer, &second);
        return;
    }
    if (conn)
        evhttp_connection_free(conn);
    http_call_free(h);
}

static void http_due(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct http_call *h = arg;
    struct evhttp_connection *conn = evhttp_request_get_connection(h->request);
    if (h->plan.wire == FAULT_HANG) {
        http_watch(h);
    } else if (h->plan.wire == FAULT_CLOSE) {
        if (conn)
            evhttp_connection_free(conn);
        http_call_free(h);
    } else {
        http_reply(h);
    }
}

static char *http_copy_body(struct evhttp_request *request, size_t *n)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(request);
    *n = evbuffer_get_length(in);
    char *body = malloc(*n + 1);
    if (!body)
        return NULL;
    evbuffer_remove(in, body, *n);
    body[*n] = '\0';
    return body;
}

static bool http_fill(struct http_call *h, struct evhttp_request *request)
{
    struct call *c = &h->call;
    struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    const char *target = evhttp_request_get_uri(request);
    /* An absolute target is as good as its path. */
    const char *scheme = strstr(target, "://");
    if (target[0] != '/' && scheme) {
        const char *slash = strchr(scheme + 3, '/');
        target = slash ? slash : "/";
    }
    c->target = strdup(target);
    c->body = http_copy_body(request, &c->body_n);
    size_t path = strcspn(target, "?");
    c->path = strndup(target, path);
    c->query = strdup(target[path] ? target + path + 1 : "");
    c->method = http_method(request);
    c->authorization = evhttp_find_header(headers, "Authorization");
    c->traceparent = evhttp_find_header(headers, "traceparent");
    c->accept_encoding = evhttp_find_header(headers, "Accept-Encoding");
    c->content_type = evhttp_find_header(headers, "Content-Type");
    return c->target && c->body && c->path && c->query;
}

static void http_request(struct evhttp_request *request, void *arg)
{
    struct http *http = arg;
    struct http_call *h = calloc(1, sizeof *h);
    if (!h || !evhttp_request_get_uri(request)) {
        free(h);
        evhttp_send_error(request, HTTP_INTERNAL, NULL);
        return;
    }
    h->http = http;
    h->request = request;
    h->call.t = http->t;
    h->next = http->waiting;
    h->place = &http->waiting;
    if (h->next)
        h->next->place = &h->next;
    http->waiting = h;
    stats_enter(http->t->stats);
    h->timer = evtimer_new(http->base, http_due, h);
    if (!h->timer || !http_fill(h, request)) {
        http_call_free(h);
        evhttp_send_error(request, HTTP_INTERNAL, NULL);
        return;
    }
    call_start(&h->call, h->call.query);
    bool control = strncmp(h->call.path, "/__", 3) == 0;
    dispatch(&h->call, &h->plan);
    int64_t delay = control ? 0 : http->t->latency_ms + h->plan.delay_ms;
    if (delay == 0 && (h->plan.wire == FAULT_SEND || h->plan.wire == FAULT_CUT)) {
        http_reply(h);
        return;
    }
    struct timeval wait = { .tv_sec = (time_t)(delay / 1000), .tv_usec = (suseconds_t)(delay % 1000 * 1000) };
    event_add(h->timer, &wait);
}

static void http_stop(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(arg);
}

/* Accepted sockets inherit TCP_NODELAY from the listening one. */
static int http_listen(struct http *http, struct evhttp *server, int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct evconnlistener *listener = evconnlistener_new_bind(http->base, NULL, NULL,
                                                              LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE, 1024,
                                                              (struct sockaddr *)&at, sizeof at);
    if (!listener)
        return -1;
    int yes = 1;
    setsockopt((int)evconnlistener_get_fd(listener), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    socklen_t size = sizeof at;
    if (getsockname((int)evconnlistener_get_fd(listener), (struct sockaddr *)&at, &size) != 0 ||
        !evhttp_bind_listener(server, listener)) {
        evconnlistener_free(listener);
        return -1;
    }
    return ntohs(at.sin_port);
}

static struct evhttp *http_server(struct http *http)
{
    struct evhttp *server = evhttp_new(http->base);
    if (!server)
        return NULL;
    evhttp_set_default_content_type(server, NULL);
    evhttp_set_max_headers_size(server, HTTP_HEADERS_MAX);
    evhttp_set_max_body_size(server, HTTP_BODY_MAX);
    evhttp_set_timeout(server, HTTP_IDLE_S);
    evhttp_set_allowed_methods(server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                           EVHTTP_REQ_DELETE | EVHTTP_REQ_PATCH | EVHTTP_REQ_OPTIONS);
    evhttp_set_gencb(server, http_request, http);
    return server;
}

int http_serve(struct tenant *t, int port)
{
    struct http http = { .t = t, .base = event_base_new() };
    struct evhttp *server = http.base ? http_server(&http) : NULL;
    struct event *term = server ? evsignal_new(http.base, SIGTERM, http_stop, http.base) : NULL;
    struct event *intr = server ? evsignal_new(http.base, SIGINT, http_stop, http.base) : NULL;
    if (!term || !intr || event_add(term, NULL) || event_add(intr, NULL)) {
        fputs("kmcp-tenant: cannot set up the event loop\n", stderr);
        return 1;
    }
    int bound = http_listen(&http, server, port);
    if (bound < 0) {
        fprintf(stderr, "kmcp-tenant: cannot listen on 127.0.0.1:%d: %s; --port 0 finds a free port\n", port,
                strerror(errno));
        return 1;
    }
    printf("kmcp-tenant: listening on http://127.0.0.1:%d\n", bound);
    fflush(stdout);
    event_base_dispatch(http.base);
    event_free(term);
    event_free(intr);
    while (http.waiting)
        http_call_free(http.waiting);
    evhttp_free(server);
    event_base_free(http.base);
    return 0;
}
