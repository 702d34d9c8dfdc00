/* http_load.c - the other end of tests/bench/bench_http.py: keep-alive connections that ask the same again
 * and again, and the least that libevent's own server takes to answer the same bytes.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     http_load ask PORT CONNECTIONS SECONDS < REQUEST
 *         prints the answers a second, and how many were not 200
 *     http_load serve < ANSWER
 *         prints its port; ANSWER is the body
 */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static char text[1 << 20];
static size_t text_len;
static long answers, bad;
static struct event_base *base;

static const char last_chunk[] = "\r\n0\r\n\r\n";

struct asker {
    size_t left; /* of the body, if its length is known */
    int in_body, chunked;
};

static void ask(struct bufferevent *bev)
{
    bufferevent_write(bev, text, text_len);
}

/* Where the value of a header begins, or NULL; NAME ends in ": ". */
static const char *value_of(const char *head, const char *name)
{
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, strlen(name)) == 0)
            return line + 2 + strlen(name);
    return NULL;
}

static int read_head(struct bufferevent *bev, struct asker *a)
{
    struct evbuffer *in = bufferevent_get_input(bev);
    struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
    char head[4096] = "";
    const char *length;

    if (end.pos < 0)
        return 0;
    evbuffer_remove(in, head, (size_t)end.pos + 4 < sizeof head ? (size_t)end.pos + 4 : sizeof head - 1);
    if (strncmp(head, "HTTP/1.1 200", 12) != 0)
        bad++;
    length = value_of(head, "Content-Length: ");
    a->chunked = value_of(head, "Transfer-Encoding: ") != NULL;
    a->left = length ? strtoul(length, NULL, 10) : 0;
    a->in_body = 1;
    return 1;
}

/* Whether the body is all there; takes it away. One answer at a time is on the way, so no other follows it.
 */
static int read_body(struct evbuffer *in, struct asker *a)
{
    size_t have = evbuffer_get_length(in), n = have < a->left ? have : a->left;

    if (a->chunked) {
        struct evbuffer_ptr end = evbuffer_search(in, last_chunk, sizeof last_chunk - 1, NULL);

        return end.pos >= 0 && evbuffer_drain(in, (size_t)end.pos + sizeof last_chunk - 1) == 0;
    }
    evbuffer_drain(in, n);
    a->left -= n;
    return a->left == 0;
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct asker *a = arg;

    while (a->in_body || read_head(bev, a)) {
        if (!read_body(bufferevent_get_input(bev), a))
            return;
        a->in_body = 0;
        answers++;
        ask(bev);
    }
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)arg;
    if (what & BEV_EVENT_CONNECTED) {
        int yes = 1;

        setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        ask(bev);
    } else {
        bad++;
    }
}

static int load(int port, int connections, int seconds)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
    struct timeval t = { .tv_sec = seconds };
    struct asker *askers = calloc((size_t)connections, sizeof *askers);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; askers && i < connections; i++) {
        struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

        bufferevent_setcb(bev, on_read, NULL, on_event, &askers[i]);
        bufferevent_enable(bev, EV_READ | EV_WRITE);
        bufferevent_socket_connect(bev, (struct sockaddr *)&at, sizeof at);
    }
    event_base_loopexit(base, &t);
    event_base_dispatch(base);
    printf("%ld %ld\n", answers / seconds, bad);
    return 0;
}

static void on_request(struct evhttp_request *request, void *arg)
{
    (void)arg;
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "application/json");
    evbuffer_add(evhttp_request_get_output_buffer(request), text, text_len);
    evhttp_send_reply(request, 200, "OK", NULL);
}

static int serve(void)
{
    struct evhttp *server = evhttp_new(base);
    struct evhttp_bound_socket *bound;
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    int yes = 1;

    evhttp_set_gencb(server, on_request, NULL);
    bound = evhttp_bind_socket_with_handle(server, "127.0.0.1", 0);
    if (!bound)
        return 1;
    setsockopt(evhttp_bound_socket_get_fd(bound), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&at, &len);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    event_base_dispatch(base);
    return 0;
}

int main(int argc, char **argv)
{
    text_len = fread(text, 1, sizeof text, stdin);
    base = event_base_new();
    if (argc == 5 && strcmp(argv[1], "ask") == 0)
        return load((int)strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10),
                    (int)strtol(argv[4], NULL, 10));
    if (argc == 2 && strcmp(argv[1], "serve") == 0)
        return serve();
    fprintf(stderr, "usage: http_load ask PORT CONNECTIONS SECONDS | serve\n");
    return 2;
}
