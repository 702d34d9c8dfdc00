/* server.c - which message is for whom: both eras, decided per message.  SPDX-License-Identifier: Apache-2.0
 *
 * A request that claims a revision in its _meta is served by that claim alone; any other belongs to the
 * session that an initialize opened. Neither shuts the other out: clients exist that discover first and
 * initialize then.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "encode.h"
#include "request.h"

#define WAITING_MAX 1024

struct server *server_new(struct host *host, size_t workers)
{
    struct server *s = calloc(1, sizeof *s);

    if (!s || !(s->pool = pool_new(workers, WAITING_MAX))) {
        free(s);
        return NULL;
    }
    s->host = host;
    lists_init(&s->lists, host);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->idle, NULL);
    host->publish_arg = s;
    host->publish = events_publish;
    return s;
}

void server_free(struct server *s)
{
    if (!s)
        return;
    pool_free(s->pool);
    s->host->publish = NULL;
    while (s->under_way) { /* parked or listening: nobody will answer them any more */
        struct request *r = s->under_way;

        s->under_way = r->next;
        if (!request_task(r))
            request_silent(r);
        request_free(r);
    }
    while (s->sessions) {
        struct session *session = s->sessions;

        s->sessions = session->next;
        session_drop(session);
    }
    tasks_free(s);
    lists_free(&s->lists);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->idle);
    free(s);
}

/* ---- eras ---- */

static void refuse(struct request *r, int code, const char *why, const char *data)
{
    request_error(r, code, why, data);
    request_free(r);
}

static void receive_modern(struct request *r)
{
    const char *requested;
    struct buf data;
    char why[200];

    switch (context_read(&r->context, &r->message, why, sizeof why, &requested)) {
    case CONTEXT_OK:
        methods_dispatch(r);
        return;
    case CONTEXT_BAD_META:
        refuse(r, RPC_PARAMS, why, NULL);
        return;
    case CONTEXT_BAD_REVISION:
        buf_init(&data, 1 << 16);
        buf_puts(&data, "{\"supported\":");
        methods_add_revisions(&data);
        buf_puts(&data, ",\"requested\":");
        json_quote(&data, requested);
        buf_putc(&data, '}');
        refuse(r, RPC_REVISION, why, data.failed ? NULL : data.data);
        buf_free(&data);
        return;
    }
}

static void receive_legacy(struct request *r)
{
    const char *method = r->message.method;

    if (strcmp(method, "initialize") == 0) {
        if (r->batch)
            request_error(r, RPC_INVALID, "initialize may not be in a batch", NULL);
        else
            do_initialize(r);
        request_free(r);
    } else if (context_from(&r->context, r->session, &r->message)) {
        if (r->sink->ops->streams && !r->sink->ops->streams(r->sink))
            r->context.can = 0; /* whatever it offers: there is no way to ask it */
        methods_dispatch(r);
    } else if (strcmp(method, "ping") == 0) {
        r->context.rev = rev_latest_legacy();
        methods_dispatch(r);
    } else if (strcmp(method, "server/discover") == 0) {
        refuse(r, RPC_PARAMS,
               "_meta must have io.modelcontextprotocol/protocolVersion and "
               "io.modelcontextprotocol/clientCapabilities",
               NULL);
    } else {
        refuse(r, RPC_INVALID,
               "send initialize first, or put io.modelcontextprotocol/protocolVersion and "
               "io.modelcontextprotocol/clientCapabilities into params._meta",
               NULL);
    }
}

static void receive_notification(struct request *r)
{
    const kmcp_json *params = r->message.params, *id = json_get(params, "requestId");
    struct rpc_raw raw = rpc_member(rpc_member(r->message.text, "params"), "requestId");
    const char *key;

    if (strcmp(r->message.method, "notifications/cancelled") == 0 && json_kind(params) == KMCP_JSON_OBJECT &&
        id && (key = rpc_key(&r->arena, id, raw)))
        calls_cancel(r->server, r->session, key);
}

static void receive_batch(struct request *whole);

static void receive(struct request *r)
{
    const struct rpc_message *m = &r->message;

    switch (m->kind) {
    case RPC_REQUEST:
        if (calls_under_way(r->server, r->session, m->key))
            refuse(r, RPC_INVALID, "a request with this id is under way already", NULL);
        else if (context_claims(m->params))
            receive_modern(r);
        else
            receive_legacy(r);
        return;
    case RPC_NOTIFICATION:
        receive_notification(r);
        break;
    case RPC_RESPONSE:
        if (!asking_answer(r->server, r->session, m))
            log_line(KMCP_LOG_DEBUG, "mcp", "a response to nothing we asked; ignored");
        break;
    case RPC_BATCH:
        receive_batch(r);
        break;
    case RPC_BAD:
        request_error(r, m->code, m->why, NULL);
        request_free(r);
        return;
    }
    if (m->kind != RPC_BATCH) /* a notification or response: nothing to wait for */
        request_silent(r);
    request_free(r);
}

static bool batch_allowed(struct request *whole)
{
    struct context ctx;

    if (whole->batch || !json_len(whole->message.root) ||
        !context_from(&ctx, whole->session, &whole->message) || !(ctx.rev->features & REV_BATCH))
        return false;
    for (const kmcp_json *item = json_first(whole->message.root); item; item = json_next(item))
        if (context_claims(json_get(item, "params")))
            return false;
    return true;
}

/* Only 2025-03-26 has them. Each element is a message of its own; their responses go out as one array. */
static void receive_batch(struct request *whole)
{
    struct who who = { whole->principal, whole->transport, whole->scopes };
    struct batch *b = batch_allowed(whole) ? calloc(1, sizeof *b) : NULL;
    struct rpc_raw element;
    size_t at = 0;

    if (!b) {
        request_error(whole, RPC_INVALID,
                      "batches are not part of this protocol version; send one message at a time", NULL);
        return;
    }
    pthread_mutex_init(&b->lock, NULL);
    b->sink = whole->sink;
    sink_hold(b->sink);
    b->waiting = 1;
    buf_init(&b->responses, ENCODE_MAX);
    while (rpc_split(whole->message.text, &at, &element)) {
        struct request *r = request_new(whole->server, b, element.text, element.len);

        if (!r)
            break;
        request_place(r, whole->session, &who, whole->sink);
        pthread_mutex_lock(&b->lock);
        b->waiting++;
        pthread_mutex_unlock(&b->lock);
        receive(r);
    }
    batch_done(b, NULL);
}

/* ---- what transports call ---- */

struct request *server_read(struct server *s, const char *text, size_t len)
{
    return request_new(s, NULL, text, len);
}

const struct rpc_message *request_message(const struct request *r)
{
    return &r->message;
}

void server_take(struct server *s, struct request *r, struct session *session, const struct who *who,
                 struct sink *sink)
{
    (void)s;
    request_place(r, session, who, sink);
    receive(r);
}

void server_refuse(struct request *r, struct sink *sink, int status, int code, const char *why,
                   const char *data)
{
    struct who nobody = { "", "", 0 };

    request_place(r, NULL, &nobody, sink);
    if (r->message.kind != RPC_REQUEST && r->message.kind != RPC_BAD)
        r->message.id = (struct rpc_raw){ 0 }; /* of a response: not ours to echo */
    request_error_as(r, status, code, why, data);
    request_free(r);
}

void server_receive(struct server *s, struct session *session, const struct who *who, struct sink *sink,
                    const char *text, size_t len)
{
    struct request *r = server_read(s, text, len);

    if (r)
        server_take(s, r, session, who, sink);
    else
        server_reject(sink, 500, RPC_INTERNAL, "out of memory");
}

void server_reject(struct sink *sink, int status, int code, const char *why)
{
    struct buf out;

    buf_init(&out, 4096);
    encode_error(&out, (struct rpc_raw){ 0 }, code, why, NULL);
    sink->ops->answer(sink, status, out.data, out.len);
    buf_free(&out);
}

int64_t server_tick(struct server *s)
{
    int64_t people = asking_tick(s), jobs = tasks_tick(s);

    return people < 0 ? jobs : jobs < 0 ? people : people < jobs ? people : jobs;
}
