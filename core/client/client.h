/* client.h - the one way to the API: class check, cache, budget, send, retry, understand, mask.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CLIENT_H
#define KMCP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include "agreed.h"
#include "base/arena.h"
#include "base/config.h"
#include "base/failure.h"
#include "mask.h"
#include "tenant.h"

struct client;

/* What the client must know of the call it works for. The call's owner fills it. */
struct client_call {
    struct arena *arena;
    struct failure *failure;
    const volatile int *cancelled;
    int64_t deadline_ms;   /* monotonic */
    kmcp_safety tool;      /* class of the tool */
    bool planning;         /* READ routes only, nothing masked but collected */
    bool read_only;        /* READ routes only, whatever the tool's class */
    bool redact;           /* redact_pii */
    bool passing;          /* its replies are too many to be kept in the cache */
    struct agreed agreed;  /* what may be sent above READ */
    struct mask_seen seen; /* what was masked or collected */
    /* what the request holds and nobody may read: writeOnly arguments */
    struct mask_seen hidden;
    const char *traceparent, *tracestate; /* sent along; NULL: none */
    /* puts a secret away and gives the handle that stands for it (in ARENA), or NULL if it cannot; NULL:
     * REVEAL tools see it in clear */
    const char *(*keep_secret)(void *arg, const char *field, const char *value);
    void *keep_arg;
    /* asked right before a request above READ goes out, after any wait: false, with the failure set, and it
     * does not; NULL: nobody is asked */
    bool (*still_may)(void *arg);
    void *still_arg;
    /* progress of sweeps; NULL: nobody asked */
    void (*progress)(void *arg, double done, double total, const char *message);
    void *progress_arg;
    struct client_looked *looked; /* what this look at what is acted on has read */
    bool looks;                   /* such readings are kept until the next look, or the act */
    struct client_early *early;   /* what client_ahead noted and nobody has asked for yet */
    /* what happened, for the audit */
    unsigned sent;      /* requests that went out */
    bool act_sent;      /* one that was not READ went out */
    bool act_accepted;  /* WRITE or DESTROY, and answered with 2xx */
    bool act_unknown;   /* and nobody knows what became of it */
    bool act_not_json;  /* its answer says of itself that it is something else */
    int act_status;     /* its HTTP status, 0 if none */
    char act_line[256]; /* "POST /api/v1/devices/.../action/lock" */
    int64_t as_of_ms;
};

/* Reads [cache] and [limits] (keys in client.c's table, documented in conf/kmcp.ini). ROUTES are all loaded
 * routes: they say which TTL names [cache] may hold. Nothing is opened, started or sent before the first
 * request; the token is obtained then too. NULL with the config's error. TENANT and the routes must outlive
 * the client. */
struct client *client_new(struct config *c, const struct tenant *tenant,
                          const struct kmcp_route *const *routes, size_t n_routes);
/* From now on the request budget is S's, shared with all that use it; S must outlive the client. */
struct state;
void client_use_state(struct client *cl, struct state *s);
/* Ends what is under way. */
void client_free(struct client *cl);
/* Wakes calls to look at their cancel flags. Any thread. */
void client_wake(struct client *cl);

/* What came with the last answer, for `kmcp doctor`: one caller at a time. */
struct client_last {
    int status;                    /* 0: none came */
    char date[40];                 /* its Date header */
    int64_t hour_left, reset_s;    /* -1: not said */
    int64_t own_left, own_hour;    /* of our budget, in the state: what is left of how much; LEFT -1: lost */
    char issuer[160], expires[40]; /* of the certificate, as libcurl writes them; "" if not looked at */
};
void client_last(struct client *cl, struct client_last *out);
/* From now on client_last() says whose certificate it is: before the first request. */
void client_look(struct client *cl);
/* What the API's clock showed at UNIX_MS of ours, in whole seconds, by the Date of its last answer that came
 * within CLIENT_DATE_MS: at most so much and two seconds less than it did, never more. False: none came yet.
 */
#define CLIENT_DATE_MS INT64_C(5000)
bool client_api_time(struct client *cl, int64_t unix_ms, int64_t *out);

/* What the host itself demands of a sweep's rows, on their real values; and how many rows the caller will
 * take at the most, so that no more pages are fetched ahead (0: all). */
struct client_pick {
    bool (*accepts)(void *arg, const kmcp_json *row); /* NULL: all */
    void *arg;
    int64_t enough;
    bool persons;      /* the conditions ask for persons: with redact_pii nothing tells how many rows came */
    bool only_total;   /* only the total matters: the first page needs no more than a row */
    int64_t api_total; /* out, before each page is handed over: rows there are, as the API says, or -1 */
    int64_t refused; /* out: rows the API sent that do not meet the conditions, these or the request's own */
};

/* The host table's http(), ahead(), sweep() and each(). CTX is handed to PAGE and FN; PICK may be NULL. */
kmcp_rc client_http(struct client *cl, struct client_call *call, const struct kmcp_request *request,
                    struct kmcp_reply *reply);
void client_ahead(struct client *cl, struct client_call *call, const struct kmcp_request *request);
/* From here on what an act touches is read anew, and each thing once. */
void client_look_anew(struct client *cl, struct client_call *call);
/* The call is about to wait for something else than the API: what it read before is old after that. */
void client_waits(struct client *cl, struct client_call *call);
/* The call asks for nothing more. */
void client_call_end(struct client *cl, struct client_call *call);
kmcp_rc client_sweep(struct client *cl, struct client_call *call, kmcp_ctx *ctx,
                     const struct kmcp_request *request, struct client_pick *pick, kmcp_page_fn page,
                     void *arg, struct kmcp_coverage *coverage);
/* How many rows ROUTE's list has in all, as the API last said in this process; -1: it did not. */
int64_t client_whole(struct client *cl, const struct kmcp_route *route);

struct client_each {
    const char *param;
    const char *const *values;
    size_t n;
    kmcp_each_fn fn;
    void *arg;
};
kmcp_rc client_each(struct client *cl, struct client_call *call, kmcp_ctx *ctx,
                    const struct kmcp_request *request, const struct client_each *each,
                    struct kmcp_coverage *coverage);

#endif
