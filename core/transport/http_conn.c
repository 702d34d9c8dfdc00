/* http_conn.c - one connection: its beginning, its end, and what happens to it meanwhile. Part of the module
 * kmcp-listen.so; all on the loop's thread.  SPDX-License-Identifier: Apache-2.0 */

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "http_conn.h"

#define LINGER_BYTES  (1 << 20)
#define PIPELINED_MAX 65536 /* bytes a client may send ahead while it waits */

void conn_arm(struct conn *c, int ms)
{
    struct timeval t = in_ms(ms);

    evtimer_add(c->timer, &t);
}

void conn_forget_request(struct conn *c)
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
    conn_forget_request(c);
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
    conn_read(c);
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
    conn_arm(c, LINGER_MS);
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
        conn_close_after_write(c);
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

        conn_arm(c, s->limits.alive_ms);
        s->events.waiting(s->events.arg, c->call);
    } else if (c->state == CONN_BODY || (c->state == CONN_HEAD && c->begun)) {
        conn_refuse(c, 408,
                    c->state == CONN_BODY ? "the body did not come in time"
                                          : "the head did not come in time");
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
    conn_arm(c, s->limits.head_ms);
}

bool conn_has_output(const struct conn *c)
{
    return evbuffer_get_length(bufferevent_get_output(c->bev)) > 0;
}

bool conn_is_idle(const struct conn *c)
{
    return c->state == CONN_HEAD && !c->begun && !conn_has_output(c);
}
