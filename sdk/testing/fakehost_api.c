/* fakehost_api.c - the API behind the fake host: what may be asked, the scripted answers, lists.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fakehost_inner.h"

static int class_allows(kmcp_safety tool, kmcp_safety route)
{
    return route == KMCP_READ || route == tool || (tool == KMCP_DESTROY && route == KMCP_WRITE);
}

static const char *param(const struct kmcp_param *params, size_t n, const char *name, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strncmp(params[i].name, name, len) == 0 && !params[i].name[len])
            return params[i].value;
    return NULL;
}

/* The path with its parameters filled in, or NULL with the failure set. */
static char *fill(kmcp_ctx *ctx, const struct kmcp_request *rq)
{
    char *out = fake_alloc(ctx, 2048);
    size_t n = 0;

    for (const char *p = rq->route->path; *p; p++) {
        const char *close = *p == '{' ? strchr(p, '}') : NULL;
        const char *value = close ? param(rq->path, rq->n_path, p + 1, (size_t)(close - p - 1)) : NULL;

        if (!close) {
            out[n++] = *p;
            continue;
        }
        if (!value || !*value || strlen(value) > 128 || strpbrk(value, "/\\?#%\n") || strstr(value, "..")) {
            fake_fail(ctx, KMCP_E_ARG, "\"%.*s\" cannot stand in a path; nothing was sent",
                      (int)(close - p - 1), p + 1);
            return NULL;
        }
        n += (size_t)snprintf(out + n, 2048 - n, "%s", value);
        p = close;
    }
    return out;
}

static void record(kmcp_ctx *ctx, const struct kmcp_request *rq, const char *path)
{
    struct fakehost *h = of(ctx);
    char *line = fake_alloc(ctx, 8192);
    int n = snprintf(line, 8192, "%s %s", rq->route->method, path), first = 1;

    for (size_t i = 0; i < rq->n_query; i++)
        if (rq->query[i].value) {
            n += snprintf(line + n, 8192 - (size_t)n, "%s%s=%s", first ? "?" : "&", rq->query[i].name,
                          rq->query[i].value);
            first = 0;
        }
    if (rq->body)
        snprintf(line + n, 8192 - (size_t)n, " %s", fake_json_text(ctx, rq->body));
    if (h->n_requests < FAKEHOST_MAX)
        h->requests[h->n_requests++] = line;
}

static struct fakehost_answer *find_answer(struct fakehost *h, const char *method, const char *path)
{
    struct fakehost_answer *last = NULL;

    for (int i = 0; i < h->n_answers; i++) {
        struct fakehost_answer *a = &h->answers[i];

        if (strcmp(a->method, method) == 0 && strcmp(a->path, path) == 0) {
            last = a;
            if (!a->used)
                break;
        }
    }
    if (last)
        last->used = 1;
    return last;
}

static int named(const char *fields, const char *key)
{
    size_t n = strlen(key);

    for (const char *at = fields ? strstr(fields, key) : NULL; at; at = strstr(at + 1, key))
        if ((at == fields || at[-1] == ' ' || at[-1] == '.') && (!at[n] || at[n] == ' '))
            return 1;
    return 0;
}

static void cover(cJSON *value)
{
    if (cJSON_IsString(value) && *value->valuestring)
        cJSON_SetValuestring(value, "[secret]");
    for (cJSON *child = value->child; child; child = child->next)
        cover(child);
}

static void mask(cJSON *value, const char *fields)
{
    for (cJSON *child = value ? value->child : NULL; child; child = child->next)
        if (child->string && named(fields, child->string))
            cover(child);
        else
            mask(child, fields);
}

/* The checks and the scripted answer of one request; NULL with the failure set. */
static struct fakehost_answer *perform(kmcp_ctx *ctx, const struct kmcp_request *rq)
{
    struct fakehost *h = of(ctx);
    struct fakehost_answer *a;
    char *path;

    h->failure = NULL; /* what went wrong before is dealt with, or the plugin would not go on */
    h->failure_rc = KMCP_OK;
    if (rq->route < h->plugin->routes || rq->route >= h->plugin->routes + h->plugin->n_routes) {
        fake_fail(ctx, KMCP_E_BUG, "not one of the plugin's routes");
        return NULL;
    }
    if (((h->planning || h->resolving) && rq->route->safety != KMCP_READ) ||
        !class_allows(h->tool ? h->tool->safety : KMCP_READ, rq->route->safety)) {
        fake_fail(ctx, KMCP_E_DENIED, "%s may not use %s %s; nothing was sent",
                  h->planning ? "a plan"
                  : h->tool   ? h->tool->name
                              : "what reads",
                  rq->route->method, rq->route->path);
        return NULL;
    }
    if (!(path = fill(ctx, rq)))
        return NULL;
    record(ctx, rq, path);
    a = find_answer(h, rq->route->method, path);
    if (!a) {
        fake_fail(ctx, KMCP_E_BUG, "the test has no answer to %s %s", rq->route->method, path);
        return NULL;
    }
    if (a->status >= 300) {
        fake_fail(ctx,
                  a->status == 404                       ? KMCP_E_NOTFOUND
                  : a->status == 401 || a->status == 403 ? KMCP_E_DENIED
                  : a->status == 400                     ? KMCP_E_CONFLICT
                                                         : KMCP_E_UPSTREAM,
                  "HTTP %d: %s", a->status, a->body);
        return NULL;
    }
    return a;
}

/* A hint: the answer is given to http(). A request that may not be sent fails the call all the same. */
void fake_ahead(kmcp_ctx *ctx, const struct kmcp_request *rq)
{
    struct fakehost *h = of(ctx);

    if (rq->route < h->plugin->routes || rq->route >= h->plugin->routes + h->plugin->n_routes)
        fake_fail(ctx, KMCP_E_BUG, "not one of the plugin's routes");
    else if (rq->route->safety != KMCP_READ || strcmp(rq->route->method, "GET") != 0)
        fake_fail(ctx, KMCP_E_BUG, "ahead() is for READ routes");
}

kmcp_rc fake_http(kmcp_ctx *ctx, const struct kmcp_request *rq, struct kmcp_reply *reply)
{
    struct fakehost *h = of(ctx);
    struct fakehost_answer *a = perform(ctx, rq);
    cJSON *body;

    if (!a)
        return h->failure_rc;
    body = *a->body ? fake_node(cJSON_Parse(a->body)) : NULL;
    if (body && (!h->tool || h->tool->safety != KMCP_REVEAL || h->planning))
        mask(body, rq->route->secrets);
    reply->status = a->status;
    reply->body = (const kmcp_json *)body;
    reply->total = -1;
    reply->as_of_ms = 1790000000000;
    return KMCP_OK;
}

const cJSON *fake_pick(const cJSON *row, const char *field)
{
    while (*field) {
        size_t len = strcspn(field, "|"), part;
        const cJSON *value = row;
        char key[64];

        for (size_t at = 0; value && at < len; at += part + 1) {
            part = strcspn(field + at, ".|");
            snprintf(key, sizeof key, "%.*s", (int)part, field + at);
            value = !cJSON_IsArray(value) ? cJSON_GetObjectItemCaseSensitive(value, key)
                    : key[strspn(key, "0123456789")] != '\0'
                        ? NULL
                        : cJSON_GetArrayItem(value, (int)strtol(key, NULL, 10));
        }
        if (value)
            return value;
        field += len + (field[len] == '|');
    }
    return NULL;
}

static int contains(const char *text, const char *part)
{
    size_t n = strlen(part);

    for (; *text; text++)
        if (strncasecmp(text, part, n) == 0)
            return 1;
    return !n;
}

int fake_meets(const cJSON *row, const struct kmcp_where *w)
{
    const cJSON *value = w->value ? fake_pick(row, w->field) : NULL, *item;

    if (!w->value)
        return 1;
    if (w->op == KMCP_WHERE_HAS) {
        cJSON_ArrayForEach(item, value) if (cJSON_IsString(item) &&
                                            strcasecmp(item->valuestring, w->value) == 0) return 1;
        return 0;
    }
    if (!cJSON_IsString(value))
        return 0;
    return w->op == KMCP_WHERE_CONTAINS ? contains(value->valuestring, w->value)
                                        : strcasecmp(value->valuestring, w->value) == 0;
}

static const cJSON *find_rows(const cJSON *body)
{
    const cJSON *member;

    if (cJSON_IsArray(body))
        return body;
    cJSON_ArrayForEach(member, body) if (cJSON_IsArray(member)) return member;
    cJSON_ArrayForEach(member, body)
    {
        const cJSON *rows = cJSON_GetObjectItemCaseSensitive(member, "results");

        if (cJSON_IsArray(rows))
            return rows;
    }
    return NULL;
}

/* What an envelope says there is: "count" or "total", of itself or one member; -1: nothing. */
static int64_t total_of(const cJSON *body)
{
    const cJSON *member, *total = cJSON_GetObjectItemCaseSensitive(body, "count");

    if (!total)
        total = cJSON_GetObjectItemCaseSensitive(body, "total");
    cJSON_ArrayForEach(member, body) if (!total && cJSON_IsObject(member))
        total = cJSON_GetObjectItemCaseSensitive(member, "count");
    return cJSON_IsNumber(total) ? (int64_t)total->valuedouble : -1;
}

/* One page for each answer the test scripted for the path, until one is empty or there is no fresh one. */
kmcp_rc fake_sweep(kmcp_ctx *ctx, const struct kmcp_request *rq, kmcp_page_fn page, void *arg,
                   struct kmcp_coverage *coverage)
{
    struct fakehost *h = of(ctx);
    kmcp_rc rc = KMCP_OK;
    int pages = 0;

    coverage->complete = 0;
    coverage->seen = 0;
    coverage->total = -1;
    coverage->reason = NULL;
    coverage->as_of_ms = 1790000000000;
    for (;;) {
        struct fakehost_answer *a = perform(ctx, rq);
        const cJSON *rows, *row;
        cJSON *kept;
        int more = 0;

        if (!a && pages) {
            coverage->reason = h->failure;
            h->failure = NULL;
            return KMCP_OK;
        }
        if (!a)
            return h->failure_rc;
        rows = find_rows(fake_node(cJSON_Parse(a->body)));
        if (!rows)
            return fake_fail(ctx, KMCP_E_UPSTREAM, "no list in %s", a->body);
        coverage->total = total_of(fake_node(cJSON_Parse(a->body)));
        kept = fake_node(cJSON_CreateArray());
        cJSON_ArrayForEach(row, rows)
        {
            int good = 1;

            for (size_t i = 0; i < rq->n_where; i++)
                good = good && fake_meets(row, &rq->where[i]);
            if (good)
                cJSON_AddItemToArray(kept, cJSON_Duplicate(row, 1));
        }
        mask(kept, rq->route->secrets);
        coverage->seen += cJSON_GetArraySize(kept);
        if (cJSON_GetArraySize(kept))
            rc = page(ctx, (const kmcp_json *)kept, arg);
        if (rc != KMCP_OK)
            return rc == KMCP_SWEEP_STOP ? KMCP_OK : rc;
        pages++;
        for (int i = 0; i < h->n_answers; i++)
            more |= strcmp(h->answers[i].path, a->path) == 0 && !h->answers[i].used;
        if (!more || !cJSON_GetArraySize(rows))
            break;
    }
    coverage->complete = 1;
    return KMCP_OK;
}

/* One request after the other; what is not there is a NULL body, what fails in another way is left out. */
kmcp_rc fake_each(kmcp_ctx *ctx, const struct kmcp_request *rq, const char *param, const char *const *values,
                  size_t n, kmcp_each_fn fn, void *arg, struct kmcp_coverage *coverage)
{
    struct fakehost *h = of(ctx);
    kmcp_rc rc = KMCP_OK;

    coverage->complete = 1;
    coverage->seen = 0;
    coverage->total = (int64_t)n;
    coverage->as_of_ms = 1790000000000;
    for (size_t i = 0; i < n && rc == KMCP_OK; i++) {
        const struct kmcp_param path[1] = { { param, values[i] } };
        struct kmcp_request one = *rq;
        struct kmcp_reply reply = { .struct_size = sizeof reply };

        one.path = path;
        one.n_path = 1;
        if (fake_http(ctx, &one, &reply) != KMCP_OK) {
            int absent = h->failure_rc == KMCP_E_NOTFOUND || h->failure_rc == KMCP_E_CONFLICT;

            coverage->reason = absent ? coverage->reason : h->failure;
            coverage->complete = coverage->complete && absent;
            h->failure = NULL;
            h->failure_rc = KMCP_OK;
            if (!absent)
                continue;
        }
        coverage->seen++;
        rc = fn(ctx, i, reply.body, arg);
    }
    return rc == KMCP_SWEEP_STOP ? KMCP_OK : rc;
}
