/* context.h - what is known of a request: from its own _meta, or from the session its initialize opened.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CONTEXT_H
#define KMCP_CONTEXT_H

#include <pthread.h>
#include <stdbool.h>
#include "rev.h"
#include "rpc.h"

#define CONTEXT_CLIENT_MAX     120
#define SESSION_SUBSCRIBED_MAX 1024 /* resources one session may be told about */

/* Handlers cannot tell where it came from. */
struct context {
    const struct rev *rev;
    uint32_t can;                    /* KMCP_CAN_*: what the client declared */
    int log_level;                   /* the least KMCP_TELL_* it wants; -1: none */
    char client[CONTEXT_CLIENT_MAX]; /* what it says it is, for people and records only */
    struct rpc_raw progress_token;   /* none: nobody asked */
    char traceparent[56];            /* W3C Trace Context; "": none, or malformed */
    char tracestate[513];
};

struct sink;

/* What a legacy initialize agreed on: one per stdio process, one per session id over HTTP. */
struct session {
    struct session *next; /* in the server's list; under its lock */
    int refs;             /* __atomic */
    void (*free)(struct session *);
    pthread_mutex_t lock; /* for all below */
    bool open, ended;
    struct context context;
    struct sink *standing; /* where messages go that belong to no request; NULL: nowhere */
    char **subscribed;     /* resource URIs */
    size_t n_subscribed;
};

/* With one reference. FREE may be NULL: nothing to give back. */
void session_init(struct session *s, void (*free)(struct session *));
void session_hold(struct session *s);
void session_drop(struct session *s);
/* Opens (or reopens) it from the params of initialize. */
void session_open(struct session *s, const kmcp_json *params);
bool session_is_open(struct session *s);
void session_set_level(struct session *s, int level);
/* Subscribes to URI, or ends that. False: there are too many. */
bool session_subscribe(struct session *s, const char *uri, bool on);
bool session_subscribed(struct session *s, const char *uri);
/* Replaces the standing sink; both are held by reference. */
void session_stand(struct session *s, struct sink *sink);
/* The standing sink with a reference for the caller, or NULL. */
struct sink *session_standing(struct session *s);

/* The level's number, or -1. */
int context_level(const char *name);
const char *context_level_name(int level);

/* Is the key that claims a revision there at all? */
bool context_claims(const kmcp_json *params);

enum context_fault { CONTEXT_OK, CONTEXT_BAD_META, CONTEXT_BAD_REVISION };

/* Fills CTX from the _meta of a request that claims a revision. WHY gets a sentence, REQUESTED what was
 * claimed. */
enum context_fault context_read(struct context *ctx, const struct rpc_message *m, char *why, size_t why_size,
                                const char **requested);
/* Fills CTX from an open session; false if none is. */
bool context_from(struct context *ctx, struct session *s, const struct rpc_message *m);

#endif
