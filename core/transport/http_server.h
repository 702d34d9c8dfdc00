/* http_server.h - an HTTP/1.1 server: whole requests in, answers and streams out.  SPDX-License-Identifier:
 * Apache-2.0
 *
 * http_server.c, http_conn*.c and http_call.c are the internal module kmcp-listen.so (nothing else sees
 * libevent), mapped when HTTP is asked for; http_server_load.c loads it. It runs libevent's loop and
 * bufferevents, and reads requests itself with http_parse.c: evhttp takes duplicate lengths, folded lines and
 * NULs, and is blind to a client that hangs up while a handler runs (docs/architecture.md). One thread runs
 * the loop; answers come from any.
 */
#ifndef KMCP_HTTP_SERVER_H
#define KMCP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "http_parse.h"

struct http_server;
struct http_call; /* a request and its answer; counted */

struct http_limits {
    size_t connections;  /* at once; more wait in the kernel's queue                       */
    size_t body_bytes;   /* of a request                                                   */
    size_t unread_bytes; /* of a stream that its client has not read: more, and it is gone */
    int head_ms;         /* from a request's first byte to the end of its head             */
    int body_ms;         /* and from there to the end of its body                          */
    int idle_ms;         /* between requests                                               */
    int write_ms;        /* a client that reads nothing for so long is gone                */
    int alive_ms;        /* how often a call that waits is looked at, see waiting          */
};

/* All on the loop's thread. */
struct http_events {
    void *arg;
    /* A request is there; it is answered through the ops, now or later, once. M until it returns. */
    void (*request)(void *arg, struct http_call *call, const struct http_message *m);
    /* Its client is gone, or was too slow, before the answer was through. Nothing more reaches it. */
    void (*gone)(void *arg, struct http_call *call);
    /* It has been waiting or streaming for another alive_ms. */
    void (*waiting)(void *arg, struct http_call *call);
    /* Called when the time it returned last (milliseconds, -1: not at all) is over, and after each request.
     */
    int64_t (*tick)(void *arg);
    /* SIGTERM or SIGINT came: nothing new is accepted. The loop ends with http_server_ops.end. */
    void (*stopping)(void *arg);
    /* SIGHUP came. */
    void (*reload)(void *arg);
    void (*refused)(void *arg, const char *peer, int status, const char *why);
    void (*log)(void *arg, bool error, const char *text);
    /* Any thread: nobody holds the call any more that had this user. */
    void (*release)(void *arg, void *user);
};

/* The table the module exports as kmcp_listen_v2. */
struct http_server_ops {
    /* Listens at ADDRESS (a numeric one) and *PORT (0: any; gets the port). NULL with a sentence in WHY. */
    struct http_server *(*open)(const char *address, int *port, const struct http_limits *,
                                const struct http_events *, char *why, size_t why_size);
    void (*run)(struct http_server *); /* until end() */
    void (*end)(struct http_server *); /* once what was answered is written, 500 ms at most. Any thread */
    void (*free)(struct http_server *);

    /* ---- a call; any thread ---- */
    void (*hold)(struct http_call *);
    void (*drop)(struct http_call *);
    void (*set_user)(struct http_call *, void *); /* loop thread, before request() returns */
    void *(*user)(const struct http_call *);
    const char *(*peer)(const struct http_call *); /* loop thread: "127.0.0.1:50000" */
    /* The whole answer. HEADERS: "Name: value\r\n" lines or "". */
    void (*reply)(struct http_call *, int status, const char *headers, const char *body, size_t len);
    /* A stream: begun, fed, ended. */
    void (*begin)(struct http_call *, int status, const char *headers);
    void (*send)(struct http_call *, const char *bytes, size_t len);
    void (*finish)(struct http_call *);
};

/* Loads the module (once). NULL with one sentence in WHY. */
const struct http_server_ops *http_server_ops(char *why, size_t why_size);

#endif
