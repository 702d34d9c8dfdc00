/* http_front.h - MCP's Streamable HTTP: what its files share.  SPDX-License-Identifier: Apache-2.0
 *
 * streamable.c serves; http_take.c and http_get.c say what each request means; http_guard.c who may make it;
 * http_headers.c what its Mcp- headers must say; http_post.c and http_stream.c how answers go out;
 * http_session.c keeps the sessions of older revisions. Lock order: the server's lock, then the front's. The
 * server is never called with the front's lock held.
 */
#ifndef KMCP_HTTP_FRONT_H
#define KMCP_HTTP_FRONT_H

#include "http_server.h"
#include "http_settings.h"
#include "http_tokens.h"
#include "mcp/server.h"

struct http_session;
struct stream;

struct front {
    struct server *server;
    struct host *host;
    const struct http_server_ops *ops;
    struct http_server *http;
    struct http_settings settings;
    struct http_tokens *tokens; /* NULL: none are asked for */
    pthread_mutex_t lock;       /* for posts, streams and the list of sessions */
    struct http_session *sessions;
    size_t n_sessions;
    bool stopping;
    int64_t stop_at_ms, next_sweep_ms;
};

#define PRINCIPAL_PREFIX "http:" /* before the name of a token; scope.c knows it too */

/* What a call's user is. */
enum user_kind { USER_POST, USER_GET };
struct user {
    enum user_kind kind;
};

/* A GET that listens. */
struct getter {
    struct user user; /* first */
    struct http_session *hs;
    struct stream *stream;
};

/* ---- streamable.c, http_take.c, http_get.c: what a request means ---- */

/* Refuses it before it is any request; HEADERS and CORS are header lines. */
void front_refuse(struct front *f, struct http_call *call, int status, const char *headers, const char *cors,
                  const char *why);
void front_post(struct front *f, struct http_call *call, const struct http_message *m, const struct who *who,
                const char *cors);
void front_get(struct front *f, struct http_call *call, const struct http_message *m, const struct who *who,
               const char *cors);
void front_delete(struct front *f, struct http_call *call, const struct http_message *m,
                  const struct who *who, const char *cors);

/* ---- http_stream.c: server-sent events that can be taken up again ---- */

#define STREAM_EVENTS_MAX 256
#define STREAM_BYTES_MAX  (256 << 10)
#define STREAMS_MAX       32        /* of one session that are over, kept for a client that comes back */
#define STREAMS_BYTES_MAX (1 << 20) /* and what they may hold; the latest is kept in any case */

struct event {
    struct event *next;
    unsigned long seq;
    size_t len;
    char text[]; /* the event on the wire, blank line included */
};

struct stream {
    struct stream *next; /* in its session: newest first */
    unsigned long number, seq;
    struct event *events, **events_end;
    size_t n_events, bytes;
    bool done;
    struct http_call *call; /* who listens now; NULL: nobody */
};

#define SSE_HEADERS                                                                                          \
    "Content-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n"

/* All under the front's lock. */
void stream_put(struct front *f, struct stream *st, const char *text, size_t len);
/* An event with an id and no data: from here on the client may hang up and come back. RETRY_MS 0: says
 * nothing of it. */
void stream_prime(struct front *f, struct stream *st, uint32_t retry_ms);
/* CALL (its stream begun) takes it up after event SEQ. */
void stream_attach(struct front *f, struct stream *st, struct http_call *call, unsigned long seq);
/* Nobody listens any more; END: the call is ended properly. */
void stream_detach(struct front *f, struct stream *st, bool end);
void stream_done(struct front *f, struct stream *st);
void stream_free(struct front *f, struct stream *st);
/* One event without an id. */
void sse_send(struct front *f, struct http_call *call, const char *text, size_t len);

/* ---- http_session.c ---- */

struct http_session {
    struct session session; /* first */
    struct http_session *next;
    struct front *front;
    char id[33];
    char principal[96];
    int64_t last_ms;
    size_t calls; /* POSTs that wait */
    bool heard;   /* somebody listened to what belongs to no request */
    struct sink standing_sink;
    struct stream standing;
    struct stream *streams; /* newest first */
    unsigned long numbers;
};

/* A new one, counted for the caller; NULL: there are too many, or no randomness. */
struct http_session *http_session_new(struct front *f, const char *principal);
/* The live one with this id that belongs to PRINCIPAL, counted for the caller; NULL: there is none. */
struct http_session *http_session_find(struct front *f, const char *id, const char *principal);
void http_session_end(struct front *f, struct http_session *hs);
/* Ends those that nobody used for too long. Milliseconds until the next look, -1: there are none. */
int64_t http_session_sweep(struct front *f);
/* A stream for one POST of HS; NULL when out of memory. Under the front's lock. */
struct stream *http_session_stream(struct front *f, struct http_session *hs);
void http_session_end_all(struct front *f);
/* Ends those of principals that have no token any more. */
void http_session_end_strangers(struct front *f);

/* ---- http_post.c ---- */

struct post {
    struct user user; /* first */
    struct sink sink;
    int refs;
    struct front *front;
    struct http_session *hs; /* NULL: none */
    bool json, sse;          /* what the client accepts */
    bool primes;             /* it may hang up and come back */
    bool opens;              /* it is an initialize: the answer names the session */
    const char *scope;       /* it would have needed, for a 403 */
    char cors[300];          /* header lines, or "" */
    enum { POST_WAITING, POST_STREAMING, POST_OVER } state;
    struct http_call *call; /* NULL once over or gone */
    struct stream *stream;  /* streaming, in a session */
};

struct post *post_new(struct front *f, struct http_call *call, const char *cors);
void post_of_session(struct post *p, struct http_session *hs);
void post_drop(struct post *p);
static inline struct post *post_of(struct sink *sink)
{
    return (struct post *)(void *)((char *)sink - offsetof(struct post, sink));
}
/* Its client is gone. */
void post_gone(struct post *p);
/* It has waited: something goes out, so that nobody in between gives up. */
void post_alive(struct post *p);

/* ---- http_guard.c ---- */

/* Is this request from where it may come (Host and Origin, MCP Streamable HTTP "Security Warning")? A
 * sentence if not. */
const char *guard_place(const struct front *f, const struct http_message *m);
/* Header lines for a browser's page that may call, "" otherwise. */
void guard_cors(const struct front *f, const struct http_message *m, char *out, size_t size);
/* Who it is, into WHO and PRINCIPAL; false: a token is needed and this is none. */
bool guard_who(const struct front *f, const struct http_message *m, struct who *who, char principal[96]);

/* ---- http_headers.c ---- */

/* What the headers of a 2026-07-28 request fail to say as its body does, or NULL (MCP Streamable HTTP,
 * "Standard request headers"). CLAIM: the revision in the body, one that is served. */
const char *headers_fault(const struct front *f, const struct http_message *m, const struct rpc_message *rpc,
                          const char *claim, char *why, size_t why_size);

#endif
