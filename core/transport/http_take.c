/* http_take.c - what the body of a POST is: which era, which session, or nothing that can be served.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "http_front.h"

#define VERSION_HEADER "MCP-Protocol-Version"
#define MISSING_META                                                                                         \
    "_meta must have io.modelcontextprotocol/protocolVersion and "                                           \
    "io.modelcontextprotocol/clientCapabilities"

/* What the client takes: neither named, or everything, means both. */
static void read_accept(struct post *p, const struct http_message *m)
{
    bool any = !http_field(m, "Accept") || http_field_has(m, "Accept", "*/*");

    p->json = any || http_field_has(m, "Accept", "application/json") ||
              http_field_has(m, "Accept", "application/*");
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
    const struct tool *tool = name && strcmp(m->method, "tools/call") == 0
                                  ? registry_find(&f->host->registry, name)
                                  : NULL;

    return server_scope_name(tool ? tool->decl.safety : KMCP_READ);
}

/* The body claims a revision. What is wrong with the claim itself the server says; what the headers make of
 * it, here. */
static void take_modern(struct post *p, struct request *r, const struct http_message *m,
                        const struct who *who)
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
    server_take(p->front->server, r, &hs->session, who,
                &p->sink); /* initialize is answered when this returns */
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
    else if (rpc->kind == RPC_REQUEST &&
             ((rev && rev->modern) || strcmp(rpc->method, "server/discover") == 0))
        refuse(p, r, 400, RPC_PARAMS, MISSING_META, NULL);
    else if (!bad_version(p, r, m))
        refuse(p, r, 400, RPC_INVALID,
               "send initialize first and then its Mcp-Session-Id, or put "
               "io.modelcontextprotocol/protocolVersion and "
               "io.modelcontextprotocol/clientCapabilities into params._meta",
               NULL);
}

static void take_legacy(struct post *p, struct request *r, const struct http_message *m,
                        const struct who *who)
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
        refuse(p, r, 400, RPC_INVALID,
               "this session is initialized; leave Mcp-Session-Id out to open another", NULL);
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

    return type && strncasecmp(type, "application/json", 16) == 0 &&
           (!type[16] || strchr("; \t", type[16])) && http_field_count(m, "Content-Type") == 1;
}

void front_post(struct front *f, struct http_call *call, const struct http_message *m, const struct who *who,
                const char *cors)
{
    struct request *r;
    struct post *p;

    if (!is_json(m)) {
        front_refuse(f, call, 415, "", cors, "the Content-Type must be application/json");
        return;
    }
    p = post_new(f, call, cors);
    if (!p) {
        front_refuse(f, call, 503, "", cors, "out of memory");
        return;
    }
    read_accept(p, m);
    if (!p->json && !p->sse)
        server_reject(&p->sink, 406, RPC_INVALID,
                      "the client must accept application/json or text/event-stream");
    else if ((r = server_read(f->server, m->body, m->body_len)))
        take(p, r, m, who);
    else
        server_reject(&p->sink, 503, RPC_INTERNAL, "out of memory");
    post_drop(p);
}
