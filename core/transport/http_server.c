/* http_server.c - the module kmcp-listen.so: the loop, its beginning and its end.  SPDX-License-Identifier:
 * Apache-2.0
 *
 * Everything but server_end() runs on the loop's thread.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "http_conn.h"

#define BACKLOG 1024
#define END_MS  500

static void tick(struct http_server *s)
{
    int64_t wait = s->events.tick(s->events.arg);
    struct timeval t = in_ms(wait);

    if (wait >= 0)
        evtimer_add(s->tick_event, &t);
}

void server_turn(struct http_server *s)
{
    if (!s->ending && !evtimer_pending(s->tick_event, NULL))
        tick(s);
}

static void end_now(struct http_server *s)
{
    struct timeval t = in_ms(END_MS);

    s->ending = true;
    for (struct conn *c = s->conns, *next; c; c = next) {
        next = c->next;
        if (c->state == CONN_CALL || !conn_has_output(c))
            conn_free(c);
    }
    if (s->n_conns)
        event_base_loopexit(s->base, &t);
    else
        event_base_loopbreak(s->base);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *s = arg;
    char drain[256];
    ssize_t n = read(fd, drain, sizeof drain);

    (void)n;
    (void)what;
    if (calls_carry_out(s))
        end_now(s);
    else
        server_turn(s);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tick(arg);
}

/* ---- the server ---- */

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int len,
                      void *arg)
{
    struct http_server *s = arg;

    (void)len;
    conn_new(s, fd, address);
    if (s->n_conns >= s->limits.connections && !s->paused) {
        s->paused = true;
        evconnlistener_disable(listener);
        s->events.log(s->events.arg, false, "all connections are in use; new ones wait");
    }
}

void server_has_room(struct http_server *s)
{
    if (!s->paused || s->stopping || s->n_conns >= s->limits.connections)
        return;
    s->paused = false;
    evconnlistener_enable(s->listener);
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct http_server *s = arg;
    char text[160];

    (void)listener;
    snprintf(text, sizeof text, "a connection could not be accepted: %s", strerror(errno));
    s->events.log(s->events.arg, true, text);
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
    struct http_server *s = arg;

    (void)what;
    if (s->stopping)
        return;
    if (sig == SIGHUP) {
        s->events.reload(s->events.arg);
        return;
    }
    s->stopping = true;
    evconnlistener_disable(s->listener);
    for (struct conn *c = s->conns, *next; c; c = next) { /* those that do nothing */
        next = c->next;
        if (conn_is_idle(c))
            conn_free(c);
    }
    s->events.stopping(s->events.arg);
    tick(s); /* and from now on in short turns */
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
    s->listener = evconnlistener_new_bind(s->base, on_accept, s,
                                          LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                          BACKLOG, (struct sockaddr *)&at, (int)len);
    if (!s->listener) {
        snprintf(
            why, why_size, "%s port %d cannot be listened at: %s%s", address, *port, strerror(errno),
            errno == EADDRINUSE ? "; something listens there, perhaps another kmcp: end it, or name another "
                                  "port (kmcp http ADDRESS:PORT, or listen in [http])"
            : errno == EACCES   ? "; ports below 1024 are root's: name another one (kmcp http ADDRESS:PORT, "
                                  "or listen in [http])"
                                : "");
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
    calls_forget(s);
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

void server_wake(struct http_server *s)
{
    ssize_t n = write(s->wake[1], "", 1);

    (void)n;
}

static void server_end(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->end_wanted = true;
    pthread_mutex_unlock(&s->lock);
    server_wake(s);
}

extern __attribute__((visibility("default"))) const struct http_server_ops kmcp_listen_v2;
const struct http_server_ops kmcp_listen_v2 = {
    .open = server_open,
    .run = server_run,
    .end = server_end,
    .free = server_free,
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
