/* http_conn.h - what the files of kmcp-listen.so share: the server, its connections, their calls.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_HTTP_CONN_H
#define KMCP_HTTP_CONN_H

#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include "http_server.h"

struct bufferevent;
struct event;
struct event_base;
struct evconnlistener;

#define LINGER_MS 1000 /* after a refusal: the client may still be sending */

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

static inline struct timeval in_ms(int64_t ms)
{
    return (struct timeval){ .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

/* ---- http_conn.c; all but the calls on the loop's thread ---- */
/* A connection at FD from ADDRESS; the fd is taken in any case. */
void conn_new(struct http_server *s, int fd, const struct sockaddr *address);
/* Closes it; a call that waits hears of it. */
void conn_free(struct conn *c);
/* It does nothing, and has nothing to say. */
bool conn_is_idle(const struct conn *c);
/* Has it bytes to write? */
bool conn_has_output(const struct conn *c);
/* Its timer goes off in MS, and not when it was to. */
void conn_arm(struct conn *c, int ms);
/* Frees what was read of its request. */
void conn_forget_request(struct conn *c);

/* ---- http_conn_read.c ---- */
/* Takes what has come, request by request. C may be gone afterwards. */
void conn_read(struct conn *c);

/* ---- http_conn_write.c ---- */
/* Does to CALL's connection, if it is still there, what KIND says. */
void conn_carry_out(struct http_call *call, enum job_kind kind, int status, const char *headers,
                    const char *body, size_t len);
/* Answers what is no request that could be delivered, and closes. */
void conn_refuse(struct conn *c, int status, const char *why);
/* Nothing more is read as a request: the answer goes out, then the connection ends, when the client has seen
 * it. */
void conn_close_after_write(struct conn *c);

/* ---- http_call.c; for http_server_ops, any thread but where it says otherwise ---- */
void call_hold(struct http_call *call);
void call_drop(struct http_call *call);
void call_set_user(struct http_call *call, void *user);
void *call_user(const struct http_call *call);
const char *call_peer(const struct http_call *call);
void call_reply(struct http_call *call, int status, const char *headers, const char *body, size_t len);
void call_begin(struct http_call *call, int status, const char *headers);
void call_send(struct http_call *call, const char *bytes, size_t len);
void call_finish(struct http_call *call);
/* The loop's thread: carries out what was queued. True: the server is to end. */
bool calls_carry_out(struct http_server *s);
/* At the end: gives up what is queued. */
void calls_forget(struct http_server *s);

/* ---- http_server.c ---- */
/* The server's own turn, unless one is due anyway. */
void server_turn(struct http_server *s);
/* A connection closed: there is room for another. */
void server_has_room(struct http_server *s);
/* Any thread: the loop looks for what is queued. */
void server_wake(struct http_server *s);

#endif
