/* streamable.c - one MCP endpoint for both eras: who gets which request, and how long it serves (http_take.c
 * and http_get.c say what each means). SPDX-License-Identifier: Apache-2.0
 *
 * A body that claims a revision in its _meta is served by that claim, its headers checked against it, without
 * session. Anything else belongs to the session of the Mcp-Session-Id header, which an initialize opens.
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

/* ---- answers without a request ---- */

void front_refuse(struct front *f, struct http_call *call, int status, const char *headers, const char *cors,
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

static void nothing_here(struct front *f, struct http_call *call, const char *cors)
{
    char why[200];

    snprintf(why, sizeof why, "there is nothing here; MCP is at %.100s", f->settings.path);
    front_refuse(f, call, 404, "", cors, why);
}

static void preflight(struct front *f, struct http_call *call, const char *cors)
{
    char lines[700];

    if (!*cors) {
        front_refuse(f, call, 405, "Allow: GET, POST, DELETE\r\n", cors,
                     "OPTIONS is for pages in [http] origins");
        return;
    }
    snprintf(
        lines, sizeof lines,
        "%sAccess-Control-Allow-Methods: GET, POST, DELETE\r\nAccess-Control-Allow-Headers: Authorization, "
        "Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, "
        "Last-Event-ID\r\nAccess-Control-Max-Age: 600\r\n",
        cors);
    f->ops->reply(call, 204, lines, "", 0);
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
        front_refuse(f, call, 403, "", "", why);
    else if (strcmp(m->path, f->settings.path) != 0)
        nothing_here(f, call, cors);
    else if (strcmp(m->method, "OPTIONS") == 0)
        preflight(f, call, cors);
    else if (!guard_who(f, m, &who, principal))
        front_refuse(f, call, 401,
                     http_field(m, "Authorization") ? "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n"
                                                    : "WWW-Authenticate: Bearer realm=\"kmcp\"\r\n",
                     cors,
                     http_field(m, "Authorization")
                         ? "this bearer token is not in the server's token file, or no token is given"
                         : "a bearer token is needed");
    else if (f->stopping)
        front_refuse(f, call, 503, "Retry-After: 5\r\n", cors, "this server is stopping");
    else if (strcmp(m->method, "POST") == 0)
        front_post(f, call, m, &who, cors);
    else if (strcmp(m->method, "GET") == 0)
        front_get(f, call, m, &who, cors);
    else if (strcmp(m->method, "DELETE") == 0)
        front_delete(f, call, m, &who, cors);
    else
        front_refuse(f, call, 405, "Allow: GET, POST, DELETE\r\n", cors,
                     "the method must be POST, GET or DELETE");
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
}

/* The token file anew. One that cannot be read changes nothing, and is an error: who made it sees that his
 * change does not count. Sessions of names that are gone end; listeners are asked to come back, and show what
 * they have. */
static void on_reload(void *arg)
{
    struct front *f = arg;
    struct http_tokens *fresh;
    char why[600];

    if (!f->tokens)
        return;
    fresh = http_tokens_read(f->settings.tokens, why, sizeof why);
    if (!fresh) {
        log_line(KMCP_LOG_ERROR, "http", "the tokens stay as they were: %s", why);
        return;
    }
    http_tokens_free(f->tokens);
    f->tokens = fresh;
    http_session_end_strangers(f);
    server_end_listening(f->server);
    log_line(KMCP_LOG_INFO, "http", "the tokens were read again");
}

static int64_t on_tick(void *arg)
{
    struct front *f = arg;
    int64_t wait = server_tick(f->server), sessions = http_session_sweep(f);
    size_t running = server_running(f->server);

    if (f->stopping) {
        if (!running || clock_ms() >= f->stop_at_ms) {
            server_cancel_all(f->server);
            server_give_up(f->server);
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
                                  .reload = on_reload,
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
    snprintf(url, sizeof url, strchr(settings->address, ':') ? "http://[%s]:%d%s" : "http://%s:%d%s",
             settings->address, port, settings->path);
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
