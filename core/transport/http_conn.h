/* http_conn.h - what http_server.c and http_conn.c share: one connection after another, on the loop's thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_HTTP_CONN_H
#define KMCP_HTTP_CONN_H

#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include "http_server.h"

struct bufferevent;
struct event;
struct event_base;
struct evconnlistener;

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
    char *head;  /* of the request under way; MESSAGE points into it */
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

struct job;

struct http_server {
    struct http_limits limits;
    struct http_events events;
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *wake_event, *tick_event, *signals[3];
    int wake[2];
    struct conn *conns;
    size_t n_conns;
    time_t date_at; /* what DATE was made for */
    char date[48];
    bool paused, stopping, ending;
    pthread_t loop;
    pthread_mutex_t lock; /* for the jobs */
    bool woken, end_wanted;
    struct job *jobs, **jobs_end;
};

/* A connection at FD from ADDRESS; the fd is taken in any case. */
void conn_new(struct http_server *s, int fd, const struct sockaddr *address);
/* Closes it; a call that waits hears of it. */
void conn_free(struct conn *c);
/* It does nothing, and has nothing to say. */
bool conn_is_idle(const struct conn *c);
/* Has it bytes to write? */
bool conn_has_output(const struct conn *c);
/* Does to CALL's connection, if it is still there, what KIND says. */
void conn_carry_out(struct http_call *call, enum job_kind kind, int status, const char *headers,
                    const char *body, size_t len);

/* http_server.c */
void call_drop(struct http_call *call);
/* The server's own turn, unless one is due anyway. */
void server_turn(struct http_server *s);
/* A connection closed: there is room for another. */
void server_has_room(struct http_server *s);

#endif
