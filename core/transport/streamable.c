/* streamable.c - what each HTTP request means in MCP: both eras on one endpoint, the body decides.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A body that claims a revision in its _meta is served by that claim, its headers checked against it, without session.
 * Anything else belongs to the session of the Mcp-Session-Id header, which an initialize opens.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "http_front.h"
#include "mcp/encode.h"
#include "streamable.h"

#define VERSION_HEADER "MCP-Protocol-Version"
#define MISSING_META                                                                                         \
    "_meta must have io.modelcontextprotocol/protocolVersion and "                                          \
    "io.modelcontextprotocol/clientCapabilities"

struct getter {
    struct user user; /* first */
    struct http_session *hs;
    struct stream *stream;
};

/* ---- answers without a request ---- */

static void plain(struct front *f, struct http_call *call, int status, const char *headers, const char *cors,
                  const char *why)
{
    char lines[700];
    struct buf body;

    log_line(KMCP_LOG_INFO, "http", "%s: %d, %s", f->ops->peer(call), status, why);
    buf_init(&body, 4096);
    encode_error(&body, (struct rpc_raw){ 0 }, RPC_INVALID, why, NULL);
    snprintf(lines, sizeof lines, "Content-Type: application/json\r\n%s%s", headers, cors);
    f->ops->reply(call, status, lines, body.data, body.len);
    buf_free(&body);
}

static void preflight(struct front *f, struct http_call *call, const char *cors)
{
    char lines[700];

    if (!*cors) {
        plain(f, call, 405, "Allow: GET, POST, DELETE\r\n", cors, "OPTIONS is for pages in [http] origins");
        return;
    }
    snprintf(lines, sizeof lines,
             "%sAccess-Control-Allow-Methods: GET, POST, DELETE\r\nAccess-Control-Allow-Headers: Authorization, "
             "Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, "
             "Last-Event-ID\r\nAccess-Control-Max-Age: 600\r\n",
             cors);
    f->ops->reply(call, 204, lines, "", 0);
}

/* ---- POST ---- */

/* What the client takes: neither named, or everything, means both. */
static void read_accept(struct post *p, const struct http_message *m)
{
    bool any = !http_field(m, "Accept") || http_field_has(m, "Accept", "*/*");

    p->json = any || http_field_has(m, "Accept", "application/json") || http_field_has(m, "Accept", "application/*");
    p->sse = any || http_field_has(m, "Accept", "text/event-stream") || http_field_has(m, "Accept", "text/*");
}

static void refuse(struct post *p, struct request *r, int status, int code, const char *why, const char *data)
{
    log_line(KMCP_LOG_INFO, "http", "%d, %s", status, why);
    server_refuse(r, &p->sink, status, code, why, data);
}

/* The scope a request would need, for a challenge. */
static const char *needed_scope(const struct front *f, const struct rpc_message *m)
{
    const char *name = json_str(json_get(m->params, "name"));
    const struct tool *tool =
        name && strcmp(m->method, "tools/call") == 0 ? registry_find(&f->host->registry, name) : NULL;

    return server_scope_name(tool ? tool->decl.safety : KMCP_READ);
}

/* The body claims a revision. What is wrong with the claim itself the server says; what the headers make of it, here. */
static void take_modern(struct post *p, struct request *r, const struct http_message *m, const struct who *who)
{
    const struct rpc_message *rpc = request_message(r);
    const kmcp_json *meta = json_get(rpc->params, "_meta");
    const char *claim = json_str(json_get(meta, "io.modelcontextprotocol/protocolVersion"));
    const char *header = http_field(m, VERSION_HEADER), *fault = NULL;
    const struct rev *rev = claim ? rev_find(claim) : NULL;
    char why[300];

    p->primes = false;
    if (claim && header && strcmp(header, claim) != 0)
        fault = "the header " VERSION_HEADER " says something else than the body";
    else if (rev && rev->modern &&
             json_kind(json_get(meta, "io.modelcontextprotocol/clientCapabilities")) == KMCP_JSON_OBJECT)
        fault = headers_fault(p->front, m, rpc, claim, why, sizeof why);
    if (fault)
        refuse(p, r, 400, RPC_HEADERS, fault, NULL);
    else
        server_take(p->front->server, r, NULL, who, &p->sink);
}

/* A version header that is not served at all. */
static bool bad_version(struct post *p, struct request *r, const struct http_message *m)
{
    const char *header = http_field(m, VERSION_HEADER);
    char data[200];

    if (!header || rev_find(header))
        return false;
    snprintf(data, sizeof data, "{\"supported\":[\"%s\"],\"requested\":\"%.40s\"}", rev_modern(0)->date,
             strpbrk(header, "\"\\") ? "" : header);
    refuse(p, r, 400, RPC_REVISION, "this protocol version is not served", data);
    return true;
}

static void open_session(struct post *p, struct request *r, const struct who *who)
{
    struct http_session *hs = http_session_new(p->front, who->principal);

    if (!hs) {
        refuse(p, r, 503, RPC_INTERNAL, "too many sessions are open ([http] sessions)", NULL);
        return;
    }
    post_of_session(p, hs);
    p->opens = true;
    server_take(p->front->server, r, &hs->session, who, &p->sink); /* initialize is answered when this returns */
    if (!session_is_open(&hs->session))
        http_session_end(p->front, hs);
    session_drop(&hs->session);
}

/* No claim and no session. */
static void take_stray(struct post *p, struct request *r, const struct http_message *m, const struct who *who)
{
    const struct rpc_message *rpc = request_message(r);
    const char *header = http_field(m, VERSION_HEADER);
    const struct rev *rev = header ? rev_find(header) : NULL;

    if (rpc->kind == RPC_NOTIFICATION)
        server_take(p->front->server, r, NULL, who, &p->sink);
    else if (rpc->kind == RPC_REQUEST && strcmp(rpc->method, "initialize") == 0)
        open_session(p, r, who);
    else if (rpc->kind == RPC_REQUEST && ((rev && rev->modern) || strcmp(rpc->method, "server/discover") == 0))
        refuse(p, r, 400, RPC_PARAMS, MISSING_META, NULL);
    else if (!bad_version(p, r, m))
        refuse(p, r, 400, RPC_INVALID, "send initialize first and then its Mcp-Session-Id, or put "
                                       "io.modelcontextprotocol/protocolVersion and "
                                       "io.modelcontextprotocol/clientCapabilities into params._meta", NULL);
}

static void take_legacy(struct post *p, struct request *r, const struct http_message *m, const struct who *who)
{
    const struct rpc_message *rpc = request_message(r);
    const char *id = http_field(m, "Mcp-Session-Id"), *header = http_field(m, VERSION_HEADER);
    struct http_session *hs = id ? http_session_find(p->front, id, who->principal) : NULL;
    const struct rev *rev = header ? rev_find(header) : NULL;

    if (!id) {
        take_stray(p, r, m, who);
        return;
    }
    if (!hs) {
        refuse(p, r, 404, RPC_INVALID, "there is no such session, or it has ended; initialize again", NULL);
        return;
    }
    post_of_session(p, hs);
    p->primes = rev && (rev->features & REV_SSE_RESUME); /* older clients choke on an event without data */
    if (rpc->kind == RPC_REQUEST && strcmp(rpc->method, "initialize") == 0)
        refuse(p, r, 400, RPC_INVALID, "this session is initialized; leave Mcp-Session-Id out to open another", NULL);
    else if (!bad_version(p, r, m))
        server_take(p->front->server, r, &hs->session, who, &p->sink);
    session_drop(&hs->session);
}

static void take(struct post *p, struct request *r, const struct http_message *m, const struct who *who)
{
    const struct rpc_message *rpc = request_message(r);

    if (rpc->kind == RPC_BAD) {
        server_refuse(r, &p->sink, 400, rpc->code, rpc->why, NULL);
        return;
    }
    if (rpc->kind == RPC_REQUEST)
        p->scope = needed_scope(p->front, rpc);
    if (rpc->kind == RPC_REQUEST && context_claims(rpc->params))
        take_modern(p, r, m, who);
    else if (rpc->kind == RPC_NOTIFICATION && context_claims(rpc->params))
        server_take(p->front->server, r, NULL, who, &p->sink); /* none acts over HTTP: hanging up cancels */
    else
        take_legacy(p, r, m, who);
}

static bool is_json(const struct http_message *m)
{
    const char *type = http_field(m, "Content-Type");

    return type && strncasecmp(type, "application/json", 16) == 0 && (!type[16] || strchr("; \t", type[16])) &&
           http_field_count(m, "Content-Type") == 1;
}

static void on_post(struct front *f, struct http_call *call, const struct http_message *m, const struct who *who,
                    const char *cors)
{
    struct request *r;
    struct post *p;

    if (!is_json(m)) {
        plain(f, call, 415, "", cors, "the Content-Type must be application/json");
        return;
    }
    p = post_new(f, call, cors);
    if (!p) {
        plain(f, call, 503, "", cors, "out of memory");
        return;
    }
    read_accept(p, m);
    if (!p->json && !p->sse)
        server_reject(&p->sink, 406, RPC_INVALID, "the client must accept application/json or text/event-stream");
    else if ((r = server_read(f->server, m->body, m->body_len)))
        take(p, r, m, who);
    else
        server_reject(&p->sink, 503, RPC_INTERNAL, "out of memory");
    post_drop(p);
}

/* ---- GET and DELETE: sessions only ---- */

/* "3-17" */
static bool read_event_id(const char *text, unsigned long *stream, unsigned long *seq)
{
    char *end;

    if (strspn(text, "0123456789-") != strlen(text) || strlen(text) > 40)
        return false;
    *stream = strtoul(text, &end, 10);
    if (end == text || *end != '-')
        return false;
    text = end + 1;
    *seq = strtoul(text, &end, 10);
    return end != text && !*end;
}

/* Under the lock. */
static struct stream *find_stream(struct http_session *hs, unsigned long number)
{
    struct stream *st = hs->streams;

    if (!number)
        return &hs->standing;
    while (st && st->number != number)
        st = st->next;
    return st;
}

static void listen_on(struct front *f, struct http_call *call, struct http_session *hs, struct stream *st,
                      unsigned long seq, const char *cors)
{
    struct getter *g = calloc(1, sizeof *g);
    char lines[700];

    if (!g)
        return;
    *g = (struct getter){ .user.kind = USER_GET, .hs = hs, .stream = st };
    session_hold(&hs->session);
    f->ops->set_user(call, g);
    snprintf(lines, sizeof lines, "%s%s", SSE_HEADERS, cors);
    f->ops->begin(call, 200, lines);
    stream_attach(f, st, call, seq);
    hs->heard = true; /* from now on nothing gets lost while it is away */
}

static void on_get(struct front *f, struct http_call *call, const struct http_message *m, const struct who *who,
                   const char *cors)
{
    const char *id = http_field(m, "Mcp-Session-Id"), *last = http_field(m, "Last-Event-ID"), *why = NULL;
    struct http_session *hs = id ? http_session_find(f, id, who->principal) : NULL;
    unsigned long number = 0, seq = 0;
    struct stream *st;
    int status = 0;

    if (!id || !hs) {
        plain(f, call, id ? 404 : 400, "", cors, id ? "there is no such session" : "Mcp-Session-Id is required");
        return;
    }
    pthread_mutex_lock(&f->lock);
    st = last && !read_event_id(last, &number, &seq) ? NULL : find_stream(hs, number);
    if (http_field(m, "Accept") && !http_field_has(m, "Accept", "text/event-stream") &&
        !http_field_has(m, "Accept", "*/*")) {
        status = 406;
        why = "a GET answers with text/event-stream alone";
    } else if (!st) {
        status = 400;
        why = "this Last-Event-ID is not of this session, or too old";
    } else if (!last && st->call) {
        status = 409;
        why = "this session has a stream already";
    } else {
        if (!last)
            seq = st->seq; /* a new listener hears what is new */
        listen_on(f, call, hs, st, seq, cors);
    }
    pthread_mutex_unlock(&f->lock);
    if (why)
        plain(f, call, status, "", cors, why);
    session_drop(&hs->session);
}

static void on_delete(struct front *f, struct http_call *call, const struct http_message *m, const struct who *who,
                      const char *cors)
{
    const char *id = http_field(m, "Mcp-Session-Id");
    struct http_session *hs = id ? http_session_find(f, id, who->principal) : NULL;

    if (!hs) {
        plain(f, call, id ? 404 : 400, "", cors, id ? "there is no such session" : "Mcp-Session-Id is required");
        return;
    }
    http_session_end(f, hs);
    session_drop(&hs->session);
    f->ops->reply(call, 204, cors, "", 0);
}

/* ---- events of the server ---- */

static void on_request(void *arg, struct http_call *call, const struct http_message *m)
{
    struct front *f = arg;
    const char *why = guard_place(f, m);
    char principal[96], cors[300];
    struct who who;

    guard_cors(f, m, cors, sizeof cors);
    if (why)
        plain(f, call, 403, "", "", why);
    else if (strcmp(m->path, f->settings.path) != 0)
        plain(f, call, 404, "", cors, "there is nothing here");
    else if (strcmp(m->method, "OPTIONS") == 0)
        preflight(f, call, cors);
    else if (!guard_who(f, m, &who, principal))
        plain(f, call, 401, http_field(m, "Authorization") ? "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n"
                                                           : "WWW-Authenticate: Bearer realm=\"kmcp\"\r\n",
              cors, "a bearer token is needed");
    else if (f->stopping)
        plain(f, call, 503, "Retry-After: 5\r\n", cors, "this server is stopping");
    else if (strcmp(m->method, "POST") == 0)
        on_post(f, call, m, &who, cors);
    else if (strcmp(m->method, "GET") == 0)
        on_get(f, call, m, &who, cors);
    else if (strcmp(m->method, "DELETE") == 0)
        on_delete(f, call, m, &who, cors);
    else
        plain(f, call, 405, "Allow: GET, POST, DELETE\r\n", cors, "the method must be POST, GET or DELETE");
}

static void on_gone(void *arg, struct http_call *call)
{
    struct front *f = arg;
    struct user *user = f->ops->user(call);
    struct getter *g = (struct getter *)(void *)user;

    if (!user)
        return;
    if (user->kind == USER_POST) {
        post_gone((struct post *)(void *)user);
        return;
    }
    pthread_mutex_lock(&f->lock);
    if (g->stream->call == call)
        stream_detach(f, g->stream, false);
    g->hs->last_ms = clock_ms();
    pthread_mutex_unlock(&f->lock);
}

static void on_waiting(void *arg, struct http_call *call)
{
    struct front *f = arg;
    struct user *user = f->ops->user(call);

    if (user && user->kind == USER_POST)
        post_alive((struct post *)(void *)user);
    else if (user)
        f->ops->send(call, ": still here\n\n", 14);
}

static void on_release(void *arg, void *user)
{
    struct getter *g = user;

    (void)arg;
    if (((struct user *)user)->kind == USER_POST) {
        post_drop(user);
        return;
    }
    session_drop(&g->hs->session);
    free(g);
}

static void on_refused(void *arg, const char *peer, int status, const char *why)
{
    (void)arg;
    if (status)
        log_line(KMCP_LOG_WARN, "http", "%s: refused (%d): %s", peer, status, why);
    else
        log_line(KMCP_LOG_WARN, "http", "%s: dropped: %s", peer, why);
}

static void on_log(void *arg, bool error, const char *text)
{
    (void)arg;
    log_line(error ? KMCP_LOG_ERROR : KMCP_LOG_WARN, "http", "%s", text);
}

/* Nothing new; listeners get their last word, calls under way the time that [http] drain_seconds gives. */
static void on_stopping(void *arg)
{
    struct front *f = arg;

    f->stopping = true;
    f->stop_at_ms = clock_ms() + (int64_t)f->settings.drain_seconds * 1000;
    server_end_listening(f->server);
    f->ops->wake(f->http);
}

static int64_t on_tick(void *arg)
{
    struct front *f = arg;
    int64_t wait = server_tick(f->server), sessions = http_session_sweep(f);
    size_t running = server_running(f->server);

    if (f->stopping) {
        if (!running || clock_ms() >= f->stop_at_ms) {
            server_cancel_all(f->server);
            http_session_end_all(f);
            f->ops->end(f->http);
        }
        return 20;
    }
    if (running && (wait < 0 || wait > 200))
        wait = 200; /* so that a busy server does not look at every turn */
    return wait < 0 ? sessions : sessions < 0 || wait < sessions ? wait : sessions;
}

int streamable_serve(struct server *server, struct host *host, const struct http_settings *settings,
                     void (*ready)(const char *url))
{
    struct front f = { .server = server, .host = host, .settings = *settings };
    struct http_limits limits = { .connections = settings->connections,
                                  .body_bytes = settings->body_bytes,
                                  .unread_bytes = settings->unread_bytes,
                                  .head_ms = 1000 * settings->head_seconds,
                                  .body_ms = 1000 * settings->body_seconds,
                                  .idle_ms = 1000 * settings->idle_seconds,
                                  .write_ms = 20000,
                                  .alive_ms = 15000 };
    struct http_events events = { .arg = &f,
                                  .request = on_request,
                                  .gone = on_gone,
                                  .waiting = on_waiting,
                                  .tick = on_tick,
                                  .stopping = on_stopping,
                                  .refused = on_refused,
                                  .log = on_log,
                                  .release = on_release };
    char why[600], url[300];
    int port = settings->port;
    bool idle;

    pthread_mutex_init(&f.lock, NULL);
    if (settings->tokens && !(f.tokens = http_tokens_read(settings->tokens, why, sizeof why))) {
        log_line(KMCP_LOG_ERROR, "http", "%s", why);
        return 1;
    }
    f.ops = http_server_ops(why, sizeof why);
    f.http = f.ops ? f.ops->open(settings->address, &port, &limits, &events, why, sizeof why) : NULL;
    if (!f.http) {
        log_line(KMCP_LOG_ERROR, "http", "%s", why);
        http_tokens_free(f.tokens);
        return 1;
    }
    snprintf(url, sizeof url, strchr(settings->address, ':') ? "http://[%s]:%d%s" : "http://%s:%d%s", settings->address,
             port, settings->path);
    if (ready)
        ready(url);
    f.ops->run(f.http);
    idle = server_wait_idle(server, clock_ms() + 1000);
    if (!idle)
        return 2;
    http_session_end_all(&f);
    f.ops->free(f.http);
    http_tokens_free(f.tokens);
    pthread_mutex_destroy(&f.lock);
    return 0;
}
