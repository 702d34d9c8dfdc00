/* context.h - what is known of a request: from its own _meta, or from the session its initialize opened.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CONTEXT_H
#define KMCP_CONTEXT_H

#include <pthread.h>
#include <stdbool.h>
#include "rev.h"
#include "rpc.h"

#define CONTEXT_CLIENT_MAX 120

/* Handlers cannot tell where it came from. */
struct context {
    const struct rev *rev;
    bool can_ask;                    /* the client can put a form to the person */
    char client[CONTEXT_CLIENT_MAX]; /* what it says it is, for people and records only */
    struct rpc_raw progress_token;   /* none: nobody asked */
};

/* What a legacy initialize agreed on. One per stdio process. */
struct session {
    pthread_mutex_t lock;
    bool open;
    struct context context;
};

void session_init(struct session *s);
void session_free(struct session *s);
/* Opens (or reopens) it from the params of initialize. */
void session_open(struct session *s, const kmcp_json *params);

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
