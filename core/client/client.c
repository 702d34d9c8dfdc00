/* client.c - the one way to the API, top to bottom: check, expand, cache, send, understand, mask.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "ahead.h"
#include "answer.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/wipe.h"
#include "client_inner.h"
#include "route.h"

static bool read_ttls(struct client *cl, struct config *c, const struct kmcp_route *const *routes, size_t n)
{
    cl->ttls = calloc(n + 1, sizeof *cl->ttls);
    for (size_t i = 0; cl->ttls && i < n; i++) {
        size_t j = 0;

        if (!routes[i]->cache)
            continue;
        while (j < cl->n_ttls && strcmp(cl->ttls[j].name, routes[i]->cache) != 0)
            j++;
        if (j == cl->n_ttls)
            cl->ttls[cl->n_ttls++] = (struct client_ttl){
                routes[i]->cache, config_int(c, "cache", routes[i]->cache, 0, 86400, -1)
            };
    }
    /* The seed's three may stand in the INI even when no loaded plugin uses them. */
    config_int(c, "cache", "devices", 0, 86400, 0);
    config_int(c, "cache", "blueprints", 0, 86400, 0);
    config_int(c, "cache", "compliance", 0, 86400, 0);
    return cl->ttls != NULL;
}

struct client *client_new(struct config *c, const struct tenant *tenant,
                          const struct kmcp_route *const *routes, size_t n_routes)
{
    struct client *cl = calloc(1, sizeof *cl);

    if (!cl || !read_ttls(cl, c, routes, n_routes) ||
        !(cl->cache = cache_new((size_t)config_int(c, "cache", "max_bytes", 0, INT64_C(1) << 30, 8 << 20)))) {
        config_fail(c, 0, "out of memory");
        if (cl)
            free(cl->ttls);
        free(cl);
        return NULL;
    }
    cl->tenant = tenant;
    cl->connections = (long)config_int(c, "limits", "connections", 1, 16, 8);
    cl->reply_bytes = (size_t)config_int(c, "limits", "reply_bytes", 1024, INT64_C(1) << 28, 16 << 20);
    cl->sweep_rows = config_int(c, "limits", "sweep_rows", 1, 10000000, 200000);
    cl->sweep_pages = (size_t)config_int(c, "limits", "sweep_pages", 1, 64, 8);
    client_budget_init(cl, c);
    pthread_mutex_init(&cl->start_lock, NULL);
    pthread_mutex_init(&cl->sleep_lock, NULL);
    pthread_cond_init(&cl->sleep_wake, NULL);
    pthread_mutex_init(&cl->ahead_lock, NULL);
    pthread_cond_init(&cl->ahead_changed, NULL);
    return cl;
}

void client_free(struct client *cl)
{
    if (!cl)
        return;
    if (cl->http)
        cl->ops->stop(cl->http);
    cache_free(cl->cache);
    budget_destroy(&cl->budget);
    budget_destroy(&cl->tenth);
    pthread_mutex_destroy(&cl->start_lock);
    pthread_mutex_destroy(&cl->sleep_lock);
    pthread_cond_destroy(&cl->sleep_wake);
    pthread_mutex_destroy(&cl->ahead_lock);
    pthread_cond_destroy(&cl->ahead_changed);
    free(cl->ttls);
    free(cl);
}

void client_look(struct client *cl)
{
    cl->look = true;
}

void client_last(struct client *cl, struct client_last *out)
{
    pthread_mutex_lock(&cl->sleep_lock);
    *out = cl->last;
    out->own_hour = cl->per_hour;
    out->own_left = cl->state && __atomic_load_n(&cl->state_lost, __ATOMIC_ACQUIRE)
                        ? -1
                        : __atomic_load_n(&cl->hour_left, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&cl->sleep_lock);
}

bool client_api_time(struct client *cl, int64_t unix_ms, int64_t *out)
{
    bool known;

    pthread_mutex_lock(&cl->sleep_lock);
    known = cl->dated;
    *out = (unix_ms + cl->ahead_ms) / 1000 * 1000; /* times in its rows may be as coarse as its Date */
    pthread_mutex_unlock(&cl->sleep_lock);
    return known;
}

void client_wake(struct client *cl)
{
    cache_wake(cl->cache);
    ahead_wake(cl);
    pthread_mutex_lock(&cl->sleep_lock);
    pthread_cond_broadcast(&cl->sleep_wake);
    pthread_mutex_unlock(&cl->sleep_lock);
    pthread_mutex_lock(&cl->start_lock);
    if (cl->http)
        cl->ops->wake(cl->http);
    pthread_mutex_unlock(&cl->start_lock);
}

int64_t client_ttl(const struct client *cl, const struct kmcp_route *route)
{
    for (size_t i = 0; route->cache && i < cl->n_ttls; i++)
        if (strcmp(cl->ttls[i].name, route->cache) == 0)
            return cl->ttls[i].seconds >= 0 ? cl->ttls[i].seconds : (int64_t)route->ttl_s;
    return 0;
}

/* A web page that stood in the API's place, a proxy's or a login's, may be gone the next time. */
int64_t client_kept(const struct client *cl, const struct kmcp_route *route, const struct cache_reply *reply)
{
    bool is_page = reply && reply->body && reply->body[strspn(reply->body, " \t\r\n")] == '<';

    return is_page ? 0 : client_ttl(cl, route);
}

kmcp_rc client_check(const struct client_call *call, const struct kmcp_request *rq)
{
    const struct kmcp_route *r = rq->route;
    const char *who = call->planning ? "a plan" : call->read_only ? "a read-only host" : NULL;

    if (who && r->safety != KMCP_READ) {
        log_line(KMCP_LOG_WARN, "client", "refused %s %s: %s may only use READ routes, this is %s", r->method,
                 r->path, who, route_class_name(r->safety));
        return failure_set(call->failure, KMCP_E_DENIED,
                           "%s may not use %s %s, which is %s; nothing was sent", who, r->method, r->path,
                           route_class_name(r->safety));
    }
    if (!route_allowed(call->tool, r->safety)) {
        log_line(KMCP_LOG_WARN, "client", "refused %s %s: a %s tool may not use a %s route", r->method,
                 r->path, route_class_name(call->tool), route_class_name(r->safety));
        return failure_set(call->failure, KMCP_E_DENIED,
                           "a %s tool may not use %s %s, which is %s; nothing was sent",
                           route_class_name(call->tool), r->method, r->path, route_class_name(r->safety));
    }
    return KMCP_OK;
}

static void forget(struct client *cl, const char *tags)
{
    cache_invalidate(cl->cache, tags);
    ahead_spoil(cl, tags);
}

/* An act: what it touches is forgotten before and after, whatever becomes of it. */
static struct cache_reply *act(struct client *cl, struct client_call *call, const struct kmcp_request *rq,
                               const char *path)
{
    const char *tags = route_tags(call->arena, rq->route->invalidates, rq);
    const char *body = rq->body ? json_text(call->arena, rq->body) : NULL;
    struct cache_reply *reply;

    if (rq->body && !body) {
        failure_set(call->failure, KMCP_E_NOMEM, "the request is too large");
        return NULL;
    }
    if (call->agreed.rehearsing) {
        failure_set(call->failure, KMCP_E_DENIED,
                    agreed_take(&call->agreed, call->arena, rq->route->method, path, rq->body)
                        ? "this is a rehearsal, nothing was sent"
                        : "out of memory, or no OpenSSL");
        return NULL;
    }
    if (!agreed_pass(&call->agreed, call->arena, rq->route->method, path, rq->body)) {
        failure_set(
            call->failure, KMCP_E_DENIED,
            "%s %s is not the request that was agreed to, or was sent already; nothing was sent. Look "
            "again, then ask again",
            rq->route->method, path);
        return NULL;
    }
    forget(cl, tags);
    looked_end(cl, call);
    reply = client_send(cl, call, rq, path, body, NULL);
    forget(cl, tags);
    return reply;
}

/* A GET that may be served from the cache, or from a flight that somebody else leads. */
static struct cache_reply *shared(struct client *cl, struct client_call *call, const struct kmcp_request *rq,
                                  const char *path)
{
    const char *tags = route_tags(call->arena, rq->route->tags, rq);
    int64_t ttl = client_ttl(cl, rq->route);

    if (call->planning || call->tool != KMCP_READ)
        return looked_fetch(cl, call, rq, path); /* what is acted on is looked at as it is now */
    for (;;) {
        struct cache_reply *reply = NULL;
        uint64_t ticket = 0;
        enum cache_found found;

        if (early_take(cl, call, path, &reply))
            return reply;
        found = cache_begin(cl->cache, path, tags, clock_ms(), ttl, &reply, &ticket);
        if (found == CACHE_HIT)
            return reply;
        if (found == CACHE_LEAD) {
            reply = client_send(cl, call, rq, path, NULL, NULL);
            cache_finish(cl->cache, ticket, reply, clock_ms(),
                         call->passing ? 0 : client_kept(cl, rq->route, reply));
            return reply;
        }
        early_land(cl, call);
        reply = cache_join(cl->cache, ticket, call->deadline_ms - clock_ms(), call->cancelled);
        if (reply)
            return reply;
        if (call->cancelled && __atomic_load_n(call->cancelled, __ATOMIC_ACQUIRE)) {
            failure_set(call->failure, KMCP_E_CANCELLED, "the call was cancelled");
            return NULL;
        }
        if (clock_ms() >= call->deadline_ms) {
            failure_set(call->failure, KMCP_E_TIMEOUT, "no answer from the API in time; try again");
            return NULL;
        }
    }
}

struct cache_reply *client_fetch(struct client *cl, struct client_call *call, const struct kmcp_request *rq)
{
    char *path;

    if (rq->route->secrets) /* the host that only reads, and hides nobody, has not begun yet */
        wipe_begin();
    if (client_check(call, rq) != KMCP_OK || !(path = route_expand(call->arena, rq, call->failure)))
        return NULL;
    if (rq->route->safety == KMCP_READ && strcmp(rq->route->method, "GET") == 0)
        return shared(cl, call, rq, path);
    return act(cl, call, rq, path);
}

static bool is_act(const struct kmcp_route *r)
{
    return r->safety == KMCP_WRITE || r->safety == KMCP_DESTROY;
}

/* An act that was answered with 2xx and something the API does not say (section 1.10): a proxy, a sign-in
 * page. */
static kmcp_rc doubt(struct client_call *call, int status)
{
    call->act_unknown = true;
    return failure_set(
        call->failure, KMCP_E_TIMEOUT,
        "the outcome of %s is unknown: the answer (HTTP %d) is none that the API gives. Do not send it "
        "again; get_device_commands and get_device_activity show whether the device received it",
        call->act_line, status);
}

/* The JSON of the LEN bytes at TEXT, of its rows (TOP: of itself) only FIELDS. */
static kmcp_json *parse(struct arena *a, const char *text, size_t len, const char *fields, bool top,
                        struct json_error *error)
{
    kmcp_json *value = NULL;
    struct buf some;

    if (!fields)
        return json_parse(a, text, len, JSON_NUL_REPLACED, error);
    buf_init(&some, a->ceiling);
    if (json_project(&some, text, len, fields, top, error))
        value = json_parse(a, some.data, some.len, JSON_NUL_REPLACED, error);
    buf_free(&some);
    return value;
}

kmcp_rc client_parse(struct client_call *call, struct arena *a, const struct kmcp_request *rq,
                     const struct cache_reply *reply, const char *fields, bool top, kmcp_json **body)
{
    struct json_error error;
    size_t len = reply->len, start = 0;

    *body = NULL;
    while (start < len && strchr(" \t\r\n", reply->body[start]) && reply->body[start])
        start++;
    if (start == len) /* success with nothing to say: all actions (api section 1.10) */
        return is_act(rq->route) && !answer_is_fit(rq->route, reply->status, NULL)
                   ? doubt(call, reply->status)
                   : KMCP_OK;
    *body = parse(a, reply->body + start, len - start, fields, top, &error);
    if (*body && is_act(rq->route) && (call->act_not_json || !answer_is_fit(rq->route, reply->status, *body)))
        return doubt(call, reply->status);
    if (*body)
        return KMCP_OK;
    if (strcmp(error.what, "out of memory") == 0)
        return failure_set(
            call->failure, KMCP_E_NOMEM,
            "the API's answer needs more memory than [limits] call_bytes allows; ask for less");
    if (rq->route->safety != KMCP_READ && rq->route->safety != KMCP_REVEAL)
        return doubt(call, reply->status);
    return failure_set(
        call->failure, KMCP_E_UPSTREAM,
        "the API's answer to %s %s is not JSON (%s at byte %zu); a proxy or a sign-in page may stand "
        "between, check subdomain and region",
        rq->route->method, rq->route->path, error.what, error.offset + start);
}

kmcp_rc client_mask(struct client_call *call, struct arena *a, const struct kmcp_route *route,
                    kmcp_json *body)
{
    bool ok = true;

    if (!call->planning && route->safety != KMCP_READ && call->keep_secret)
        ok = mask_swap(a, body, route->secrets, call->keep_secret, call->keep_arg);
    else if (call->tool != KMCP_REVEAL || call->planning)
        ok = mask_apply(a, body, route->secrets, MASK_SECRET, NULL);
    if (call->planning)
        ok = ok && mask_collect(body, route->pii, &call->seen);
    else if (call->redact)
        ok = ok && mask_apply(a, body, route->pii, MASK_PERSON, &call->seen);
    return ok ? KMCP_OK
              : failure_set(call->failure, KMCP_E_NOMEM,
                            "the call needs more memory than [limits] call_bytes allows");
}

kmcp_rc client_http(struct client *cl, struct client_call *call, const struct kmcp_request *rq,
                    struct kmcp_reply *out)
{
    struct cache_reply *reply = client_fetch(cl, call, rq);
    kmcp_json *body = NULL;
    kmcp_rc rc;

    if (!reply)
        return call->failure->rc;
    out->status = reply->status;
    out->total = reply->total;
    out->as_of_ms = reply->as_of_ms;
    rc = client_parse(call, call->arena, rq, reply, is_act(rq->route) ? NULL : rq->fields, true, &body);
    cache_reply_drop(cl->cache, reply);
    if (rc == KMCP_OK)
        rc = client_mask(call, call->arena, rq->route, body);
    out->body = rc == KMCP_OK ? body : NULL;
    return rc;
}
