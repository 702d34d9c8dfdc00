/* request.h - one request from its arrival to its answer; what the files of this layer share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_REQUEST_H
#define KMCP_REQUEST_H

#include "base/pool.h"
#include "encode.h"
#include "lists.h"
#include "server.h"

#define PARKED_MAX 64 /* requests that wait for answers of people, at once */

/* The responses of a 2025-03-26 batch go out together, as one array. */
struct batch {
    pthread_mutex_t lock;
    struct sink *sink;
    struct buf responses;
    size_t waiting; /* requests without a response yet, and one for the reader itself */
};

/* A question that is out. */
struct question {
    char id[24];     /* of our request, "kmcp-7"; in a task "" */
    const char *key; /* the plugin's */
    uint32_t kind;   /* KMCP_ASK_* */
    bool answered;
    char *wire; /* in a task: {"method", "params"} */
};

/* What a subscriptions/listen hears. */
struct listening {
    bool lists[3]; /* by KMCP_LIST_* */
    char **uris;
    size_t n_uris;
    char **tasks;
    size_t n_tasks;
};

/* Why a call has to end. What nobody waits for any more gets no answer; what the end of kmcp cuts short does.
 */
enum { REQUEST_CANCELLED = 1, REQUEST_CUT_SHORT };
#define CUT_SHORT "kmcp ended before this did; call again"

struct task;

struct request {
    struct request *next; /* in server->under_way */
    struct server *server;
    struct session *session; /* NULL: none */
    struct sink *sink;
    struct batch *batch; /* NULL: answered alone */
    struct arena arena;
    struct rpc_message message;
    struct context context;
    char principal[96];
    const char *transport;
    uint32_t scopes;
    bool handled; /* it reached its method: errors are the handler's */
    enum call_kind kind;
    int cancelled; /* __atomic; REQUEST_* */
    int given_up;  /* __atomic: it was answered while its worker is stuck, which has nothing more to say */
    /* under the server's lock */
    bool parked, answered;
    struct question questions[CALL_ASKS_MAX];
    size_t n_questions;
    int64_t expires_ms; /* parked: when nobody answers any more */
    int64_t job_at_ms;  /* 0: never; else when it becomes a job */
    kmcp_json *answers; /* to what was asked last */
    const char *state;
    const char *malformed; /* why what came in place of them is none; or NULL */
    struct listening *listening;
    struct task *task; /* its answer goes there; __atomic */
};

static inline struct task *request_task(const struct request *r)
{
    return __atomic_load_n(&r->task, __ATOMIC_ACQUIRE);
}

static inline bool request_is_cut_short(const struct request *r)
{
    return __atomic_load_n(&r->cancelled, __ATOMIC_ACQUIRE) == REQUEST_CUT_SHORT;
}

struct server {
    struct host *host;
    struct lists lists;
    struct pool *pool;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    struct request *under_way;
    struct session *sessions;
    struct task *tasks;
    size_t running; /* not parked, not listening */
    uint64_t asked;
};

/* ---- request.c ---- */

/* A request with its own copy of TEXT, read. NULL when out of memory. */
struct request *request_new(struct server *s, struct batch *batch, const char *text, size_t len);
/* Says whom it belongs to; SESSION and SINK are held. */
void request_place(struct request *r, struct session *session, const struct who *who, struct sink *sink);
void request_free(struct request *r);
/* Sends a response (no newline) where it belongs, unless the request was cancelled. */
void request_respond(struct request *r, int status, const struct buf *response);
void request_result(struct request *r, const char *members, int64_t ttl_ms);
void request_error(struct request *r, int code, const char *message, const char *data);
/* The error with an HTTP status of its own. */
void request_error_as(struct request *r, int status, int code, const char *message, const char *data);
/* The request ends without a response. */
void request_silent(struct request *r);
/* A notification, or a request of ours, on the way to the answer. */
void request_write(struct request *r, const struct buf *message);
/* Adds to the batch's array (RESPONSE NULL: nothing to add); the last one sends it. */
void batch_done(struct batch *b, const struct buf *response);

/* ---- methods.c ---- */

/* Serves R by its method, or says that there is none; R is not the caller's any more. */
void methods_dispatch(struct request *r);
/* initialize; R stays the caller's. */
void do_initialize(struct request *r);
/* The revisions that need no handshake, as a JSON array. */
void methods_add_revisions(struct buf *out);

/* ---- calls.c: what runs plugins' code, on workers ---- */

/* Puts R under way, or takes it out; leave() frees it. */
void calls_enter(struct request *r);
void calls_leave(struct request *r);
/* Under the server's lock: one that is parked or listens; nobody runs it. */
void calls_unlink(struct server *s, struct request *r);
/* R's one answer is the caller's to give, unless the clock has made a job of R meanwhile: then it goes to the
 * task. */
bool calls_claim(struct request *r);
/* Runs R on a worker; R is not the caller's any more. */
void calls_submit(struct request *r);
/* Each takes over R. */
void do_tools_call(struct request *r);
void do_prompts_get(struct request *r);
void do_resources_read(struct request *r);
void do_complete(struct request *r);
/* Under the server's lock: the request with this key in SESSION; NULL: none is under way. */
struct request *calls_find(struct server *s, const struct session *session, const char *key);
/* Is a request with this key under way in SESSION? */
bool calls_under_way(struct server *s, const struct session *session, const char *key);

/* ---- calls_answer.c ---- */

/* call_events */
void calls_on_progress(void *request, double done, double total, const char *message);
void calls_on_tell(void *request, uint32_t level, const char *logger, const char *text);
void calls_on_let_go(void *request, uint32_t retry_ms);
/* R's one answer, from the end of its call; the same into the task that R has become (ANSWER NULL: out of
 * memory). */
void calls_respond(struct request *r, const struct call_output *answer);
void calls_finish_task(struct request *r, const struct call_output *answer);
/* The client does not offer what this needs: an error of its own in 2026-07-28, a tool error before. */
void calls_lacks(struct request *r, const char *text, uint32_t lacks);

/* ---- cancel.c ---- */

/* notifications/cancelled for the request with this key. */
void calls_cancel(struct server *s, const struct session *session, const char *key);
/* ---- asking.c: questions to the client ---- */

/* The questions as a result, or as requests of our own with R parked, or in its task. R is not the caller's
 * any more. */
void asking_ask(struct request *r, const struct call_output *answer);
/* A response to a question of ours; true if it was one. */
bool asking_answer(struct server *s, const struct session *session, const struct rpc_message *m);
/* A tool error in R's own words. */
void asking_tool_error(struct request *r, const char *text);
/* A parked request ends: questions of ours are taken back; ANSWER NULL: silently. Frees R. */
void asking_drop(struct request *r, const char *answer);
/* Under the server's lock: takes what RESPONSES hold for the questions of PARKED; AGAIN: all are answered,
 * submit it. A sentence if one is malformed: nothing was taken then. */
const char *asking_update(struct request *parked, const kmcp_json *responses, bool *again);
/* Milliseconds until the next parked request expires, -1 if none; expired ones are dropped. */
int64_t asking_tick(struct server *s);

/* ---- events.c: what clients hear unasked ---- */

void do_listen(struct request *r);
void do_subscribe(struct request *r);
void do_unsubscribe(struct request *r);
void events_publish(void *server, uint32_t list, const char *uri);
void events_task(struct server *s, const char *id, const char *members);
void listening_free(struct listening *l);

/* ---- tasks.c ---- */

/* call_events.detach */
bool tasks_detach(void *request, const struct tool *tool);
/* R's answer is the task's: RESULT holds the members of the result, or, with FAILED, of the error. */
void tasks_finish(struct request *r, const char *members, bool failed);
void tasks_cancelled(struct request *r);
/* Under the server's lock: R asks in its task, and is parked. */
void tasks_ask(struct request *r);
int64_t tasks_tick(struct server *s);
void tasks_free(struct server *s);
void do_tasks_get(struct request *r);
void do_tasks_update(struct request *r);
void do_tasks_cancel(struct request *r);
bool tasks_known(struct server *s, const char *id, const char *principal);
/* The host's own tool get_job; true if R calls it and was answered. */
bool tasks_get_job(struct request *r);
bool tasks_offered(const struct server *s);

#endif
