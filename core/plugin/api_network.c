/* api_network.c - the host table's only way out: one request, all pages of a list, one request for each of
 * many. What each promises: kmcp/plugin.h.  SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "api_inner.h"
#include "base/log.h"
#include "loader.h"

/* THEIRS in the host's own layout, its route replaced by the host's copy. */
kmcp_rc api_take_request(kmcp_ctx *ctx, const struct kmcp_request *theirs, struct kmcp_request *ours)
{
    struct call *c = call_of(ctx);

    if (c->phase == CALL_OPENING)
        return api_bug(ctx, "called the API from open()");
    if (!theirs->struct_size)
        return api_bug(ctx, "sent a request without struct_size");
    c->failure.rc = KMCP_OK; /* what went wrong before is dealt with, or it would not go on */
    memset(ours, 0, sizeof *ours);
    memcpy(ours, theirs, theirs->struct_size < sizeof *ours ? theirs->struct_size : sizeof *ours);
    ours->struct_size = sizeof *ours;
    ours->route = loader_route(c->plugin, theirs->route);
    if (!ours->route) {
        log_line(KMCP_LOG_WARN, c->plugin->decl.name, "%s asked for a route it does not declare; refused",
                 c->name);
        return api_bug(ctx, "asked for an endpoint that it does not declare");
    }
    return KMCP_OK;
}

/* What a person agreed to is what plan() named: an act's path holds nothing else. */
static bool is_agreed(const struct call *c, const struct kmcp_request *rq)
{
    if (rq->route->safety == KMCP_READ || !c->n_subjects)
        return true;
    for (size_t i = 0; i < rq->n_path; i++) {
        bool named = false;

        for (size_t k = 0; k < c->n_subjects && rq->path[i].value; k++)
            named = named || strcmp(rq->path[i].value, c->subjects[k].id) == 0;
        if (!named)
            return false;
    }
    return true;
}

kmcp_rc api_http(kmcp_ctx *ctx, const struct kmcp_request *theirs, struct kmcp_reply *reply)
{
    struct call *c = call_of(ctx);
    struct kmcp_reply answer = { .struct_size = sizeof answer, .total = -1 };
    struct kmcp_request request;
    uint32_t size = reply->struct_size;
    kmcp_rc rc = api_take_request(ctx, theirs, &request);

    if (rc != KMCP_OK)
        return rc;
    if (!is_agreed(c, &request))
        return api_fail(
            ctx, KMCP_E_DENIED,
            "%s would have reached something else than what was agreed to; nothing was sent. Look "
            "again, then ask again",
            c->name);
    if (!size)
        return api_bug(ctx, "took a reply without struct_size");
    rc = client_http(c->host->client, &c->client, &request, &answer);
    memcpy(reply, &answer, size < sizeof answer ? size : sizeof answer);
    reply->struct_size = size;
    return rc;
}

void api_ahead(kmcp_ctx *ctx, const struct kmcp_request *theirs)
{
    struct call *c = call_of(ctx);
    struct kmcp_request request;

    if (api_take_request(ctx, theirs, &request) == KMCP_OK)
        client_ahead(c->host->client, &c->client, &request);
}

kmcp_rc api_sweep(kmcp_ctx *ctx, const struct kmcp_request *theirs, kmcp_page_fn page, void *arg,
                  struct kmcp_coverage *coverage)
{
    struct call *c = call_of(ctx);
    struct kmcp_coverage covered = { .struct_size = sizeof covered, .total = -1 };
    struct kmcp_request request;
    uint32_t size = coverage->struct_size;
    kmcp_rc rc = api_take_request(ctx, theirs, &request);

    if (rc != KMCP_OK)
        return rc;
    if (!size)
        return api_bug(ctx, "took a coverage without struct_size");
    rc = client_sweep(c->host->client, &c->client, ctx, &request, NULL, page, arg, &covered);
    memcpy(coverage, &covered, size < sizeof covered ? size : sizeof covered);
    coverage->struct_size = size;
    return rc;
}

kmcp_rc api_each(kmcp_ctx *ctx, const struct kmcp_request *theirs, const char *param,
                 const char *const *values, size_t n, kmcp_each_fn fn, void *arg,
                 struct kmcp_coverage *coverage)
{
    struct call *c = call_of(ctx);
    struct kmcp_coverage covered = { .struct_size = sizeof covered, .total = -1 };
    const struct client_each each = { .param = param, .values = values, .n = n, .fn = fn, .arg = arg };
    struct kmcp_request request;
    uint32_t size = coverage->struct_size;
    kmcp_rc rc = api_take_request(ctx, theirs, &request);

    if (rc != KMCP_OK)
        return rc;
    if (!size)
        return api_bug(ctx, "took a coverage without struct_size");
    if (request.route->safety != KMCP_READ)
        return api_bug(ctx, "called each() with a route that is not READ");
    rc = client_each(c->host->client, &c->client, ctx, &request, &each, &covered);
    memcpy(coverage, &covered, size < sizeof covered ? size : sizeof covered);
    coverage->struct_size = size;
    return rc;
}
