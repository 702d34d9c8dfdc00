/* fakehost.c - a host for a plugin's tests.  SPDX-License-Identifier: Apache-2.0 */

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fakehost.h"

static const struct kmcp_host table;

static struct fakehost *of(kmcp_ctx *ctx)
{
    return (struct fakehost *)ctx;
}

static void *keep(struct fakehost *h, void *block)
{
    if (h->n_blocks == h->cap_blocks) {
        h->cap_blocks = h->cap_blocks ? 2 * h->cap_blocks : 256;
        h->blocks = realloc(h->blocks, (size_t)h->cap_blocks * sizeof *h->blocks);
        if (!h->blocks)
            abort();
    }
    h->blocks[h->n_blocks++] = block;
    return block;
}

static char *vformat(struct fakehost *h, const char *fmt, va_list args)
{
    va_list again;
    char *text;
    int n;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    text = calloc(1, (size_t)n + 1);
    if (!text)
        abort();
    vsnprintf(text, (size_t)n + 1, fmt, args);
    return keep(h, text);
}

/* JSON nodes made in a call: detached ones are freed with it. A plain leak list would free twice what was put
 * into another, so nodes are copied when they are put somewhere. */
struct node {
    cJSON *value;
    struct node *next;
};
static struct node *nodes; /* one test at a time */

static cJSON *own(cJSON *value)
{
    struct node *n = malloc(sizeof *n);

    if (!n || !value)
        abort();
    n->value = value;
    n->next = nodes;
    nodes = n;
    return value;
}

static void forget(struct fakehost *h)
{
    for (int i = 0; i < h->n_blocks; i++)
        free(h->blocks[i]);
    free(h->blocks);
    h->blocks = NULL;
    h->n_blocks = h->cap_blocks = h->n_requests = h->n_subjects = 0;
    h->n_facts = h->n_contents = h->n_asked = h->n_values = h->n_events = 0;
    while (nodes) {
        struct node *n = nodes;

        nodes = n->next;
        cJSON_Delete(n->value);
        free(n);
    }
    h->sentence = h->text = h->result = h->failure = h->question = NULL;
    h->failure_rc = KMCP_OK;
}

/* ---- memory, diagnostics, options ---- */

static void *host_alloc(kmcp_ctx *ctx, size_t size)
{
    return keep(of(ctx), calloc(1, size ? size : 1));
}

static char *host_format(kmcp_ctx *ctx, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = vformat(of(ctx), fmt, args);
    va_end(args);
    return text;
}

static void host_log(kmcp_ctx *ctx, uint32_t level, const char *fmt, ...)
{
    (void)ctx;
    (void)level;
    (void)fmt;
}

static kmcp_rc host_fail(kmcp_ctx *ctx, kmcp_rc rc, const char *fmt, ...)
{
    struct fakehost *h = of(ctx);
    va_list args;

    va_start(args, fmt);
    if (!h->failure) {
        h->failure = vformat(h, fmt, args);
        h->failure_rc = rc;
    }
    va_end(args);
    return rc;
}

static const char *option(kmcp_ctx *ctx, const char *key)
{
    const struct fakehost *h = of(ctx);

    for (int i = 0; i < h->n_options; i++)
        if (strcmp(h->options[i][0], key) == 0)
            return h->options[i][1];
    for (uint32_t i = 0; i < h->plugin->n_options; i++)
        if (strcmp(h->plugin->options[i].key, key) == 0)
            return h->plugin->options[i].dflt;
    return NULL;
}

static int64_t host_opt_int(kmcp_ctx *ctx, const char *key)
{
    return option(ctx, key) ? strtoll(option(ctx, key), NULL, 10) : 0;
}

static int host_opt_bool(kmcp_ctx *ctx, const char *key)
{
    return option(ctx, key) && strcmp(option(ctx, key), "yes") == 0;
}

static void *host_state(kmcp_ctx *ctx)
{
    return of(ctx)->state;
}

/* ---- JSON ---- */

static const cJSON *in(const kmcp_json *value)
{
    return (const cJSON *)value;
}

static uint32_t host_json_kind(const kmcp_json *value)
{
    if (!value)
        return KMCP_JSON_NONE;
    if (cJSON_IsBool(in(value)))
        return KMCP_JSON_BOOL;
    if (cJSON_IsNumber(in(value)))
        return KMCP_JSON_NUMBER;
    if (cJSON_IsString(in(value)))
        return KMCP_JSON_STRING;
    if (cJSON_IsArray(in(value)))
        return KMCP_JSON_ARRAY;
    return cJSON_IsObject(in(value)) ? KMCP_JSON_OBJECT : KMCP_JSON_NULL;
}

static const kmcp_json *host_json_get(const kmcp_json *value, const char *key)
{
    return cJSON_IsObject(in(value)) ? (const kmcp_json *)cJSON_GetObjectItemCaseSensitive(in(value), key)
                                     : NULL;
}

static const kmcp_json *host_json_at(const kmcp_json *value, size_t i)
{
    return value ? (const kmcp_json *)cJSON_GetArrayItem(in(value), (int)i) : NULL;
}

static const kmcp_json *host_json_next(const kmcp_json *value)
{
    return value ? (const kmcp_json *)in(value)->next : NULL;
}

static const char *host_json_key(const kmcp_json *value)
{
    return value ? in(value)->string : NULL;
}

static size_t host_json_len(const kmcp_json *value)
{
    return value && (cJSON_IsArray(in(value)) || cJSON_IsObject(in(value)))
               ? (size_t)cJSON_GetArraySize(in(value))
               : 0;
}

static const char *host_json_str(const kmcp_json *value)
{
    return cJSON_IsString(in(value)) ? in(value)->valuestring : NULL;
}

static int host_json_num(const kmcp_json *value, double *out)
{
    if (!cJSON_IsNumber(in(value)))
        return 0;
    *out = in(value)->valuedouble;
    return 1;
}

static int host_json_int(const kmcp_json *value, int64_t *out)
{
    double d;

    if (!host_json_num(value, &d) || d != (double)(int64_t)d)
        return 0;
    *out = (int64_t)d;
    return 1;
}

static int host_json_bool(const kmcp_json *value, int *out)
{
    if (!cJSON_IsBool(in(value)))
        return 0;
    *out = cJSON_IsTrue(in(value));
    return 1;
}

static kmcp_json *host_json_new(kmcp_ctx *ctx, const char *text)
{
    cJSON *value = cJSON_Parse(text);

    if (!value)
        host_fail(ctx, KMCP_E_BUG, "not JSON: %s", text);
    return value ? (kmcp_json *)own(value) : NULL;
}

static kmcp_json *host_json_new_str(kmcp_ctx *ctx, const char *text)
{
    (void)ctx;
    return (kmcp_json *)own(text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

static kmcp_json *host_json_new_num(kmcp_ctx *ctx, double value)
{
    (void)ctx;
    return (kmcp_json *)own(cJSON_CreateNumber(value));
}

static kmcp_json *host_json_new_int(kmcp_ctx *ctx, int64_t value)
{
    return host_json_new_num(ctx, (double)value);
}

static kmcp_json *host_json_new_bool(kmcp_ctx *ctx, int value)
{
    (void)ctx;
    return (kmcp_json *)own(cJSON_CreateBool(value));
}

static kmcp_json *host_json_copy(kmcp_ctx *ctx, const kmcp_json *value)
{
    (void)ctx;
    return (kmcp_json *)own(cJSON_Duplicate(in(value), 1));
}

static kmcp_rc host_json_set(kmcp_ctx *ctx, kmcp_json *object, const char *key, const kmcp_json *value)
{
    (void)ctx;
    if (!value || !cJSON_IsObject(in(object)))
        return KMCP_E_NOMEM;
    cJSON_DeleteItemFromObjectCaseSensitive((cJSON *)object, key);
    return cJSON_AddItemToObject((cJSON *)object, key, cJSON_Duplicate(in(value), 1)) ? KMCP_OK
                                                                                      : KMCP_E_NOMEM;
}

static kmcp_rc host_json_append(kmcp_ctx *ctx, kmcp_json *array, const kmcp_json *value)
{
    (void)ctx;
    if (!value || !cJSON_IsArray(in(array)))
        return KMCP_E_NOMEM;
    return cJSON_AddItemToArray((cJSON *)array, cJSON_Duplicate(in(value), 1)) ? KMCP_OK : KMCP_E_NOMEM;
}

static const char *host_json_text(kmcp_ctx *ctx, const kmcp_json *value)
{
    return keep(of(ctx), cJSON_PrintUnformatted(in(value)));
}

/* ---- the network ---- */

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
    char *out = host_alloc(ctx, 2048);
    size_t n = 0;

    for (const char *p = rq->route->path; *p; p++) {
        const char *close = *p == '{' ? strchr(p, '}') : NULL;
        const char *value = close ? param(rq->path, rq->n_path, p + 1, (size_t)(close - p - 1)) : NULL;

        if (!close) {
            out[n++] = *p;
            continue;
        }
        if (!value || !*value || strlen(value) > 128 || strpbrk(value, "/\\?#%\n") || strstr(value, "..")) {
            host_fail(ctx, KMCP_E_ARG, "\"%.*s\" cannot stand in a path; nothing was sent",
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
    char *line = host_alloc(ctx, 8192);
    int n = snprintf(line, 8192, "%s %s", rq->route->method, path), first = 1;

    for (size_t i = 0; i < rq->n_query; i++)
        if (rq->query[i].value) {
            n += snprintf(line + n, 8192 - (size_t)n, "%s%s=%s", first ? "?" : "&", rq->query[i].name,
                          rq->query[i].value);
            first = 0;
        }
    if (rq->body)
        snprintf(line + n, 8192 - (size_t)n, " %s", host_json_text(ctx, rq->body));
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

    if (rq->route < h->plugin->routes || rq->route >= h->plugin->routes + h->plugin->n_routes) {
        host_fail(ctx, KMCP_E_BUG, "not one of the plugin's routes");
        return NULL;
    }
    if (((h->planning || h->resolving) && rq->route->safety != KMCP_READ) ||
        !class_allows(h->tool ? h->tool->safety : KMCP_READ, rq->route->safety)) {
        host_fail(ctx, KMCP_E_DENIED, "%s may not use %s %s; nothing was sent",
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
        host_fail(ctx, KMCP_E_BUG, "the test has no answer to %s %s", rq->route->method, path);
        return NULL;
    }
    if (a->status >= 300) {
        host_fail(ctx,
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
static void host_ahead(kmcp_ctx *ctx, const struct kmcp_request *rq)
{
    struct fakehost *h = of(ctx);

    if (rq->route < h->plugin->routes || rq->route >= h->plugin->routes + h->plugin->n_routes)
        host_fail(ctx, KMCP_E_BUG, "not one of the plugin's routes");
    else if (rq->route->safety != KMCP_READ || strcmp(rq->route->method, "GET") != 0)
        host_fail(ctx, KMCP_E_BUG, "ahead() is for READ routes");
}

static kmcp_rc host_http(kmcp_ctx *ctx, const struct kmcp_request *rq, struct kmcp_reply *reply)
{
    struct fakehost *h = of(ctx);
    struct fakehost_answer *a = perform(ctx, rq);
    cJSON *body;

    if (!a)
        return h->failure_rc;
    body = *a->body ? own(cJSON_Parse(a->body)) : NULL;
    if (body && (!h->tool || h->tool->safety != KMCP_REVEAL || h->planning))
        mask(body, rq->route->secrets);
    reply->status = a->status;
    reply->body = (const kmcp_json *)body;
    reply->total = -1;
    reply->as_of_ms = 1790000000000;
    return KMCP_OK;
}

static const cJSON *pick(const cJSON *row, const char *field)
{
    while (*field) {
        size_t len = strcspn(field, "|");
        const char *dot = memchr(field, '.', len);
        char parent[64] = "", key[64];
        const cJSON *value;

        if (dot)
            snprintf(parent, sizeof parent, "%.*s", (int)(dot - field), field);
        snprintf(key, sizeof key, "%.*s", (int)(field + len - (dot ? dot + 1 : field)),
                 dot ? dot + 1 : field);
        value = cJSON_GetObjectItemCaseSensitive(dot ? cJSON_GetObjectItemCaseSensitive(row, parent) : row,
                                                 key);
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

static int meets(const cJSON *row, const struct kmcp_where *w)
{
    const cJSON *value = w->value ? pick(row, w->field) : NULL, *item;

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
static kmcp_rc host_sweep(kmcp_ctx *ctx, const struct kmcp_request *rq, kmcp_page_fn page, void *arg,
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
        rows = find_rows(own(cJSON_Parse(a->body)));
        if (!rows)
            return host_fail(ctx, KMCP_E_UPSTREAM, "no list in %s", a->body);
        coverage->total = total_of(own(cJSON_Parse(a->body)));
        kept = own(cJSON_CreateArray());
        cJSON_ArrayForEach(row, rows)
        {
            int good = 1;

            for (size_t i = 0; i < rq->n_where; i++)
                good = good && meets(row, &rq->where[i]);
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

/* One request after the other; a failure of one value is a NULL body. */
static kmcp_rc host_each(kmcp_ctx *ctx, const struct kmcp_request *rq, const char *param,
                         const char *const *values, size_t n, kmcp_each_fn fn, void *arg,
                         struct kmcp_coverage *coverage)
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
        if (host_http(ctx, &one, &reply) != KMCP_OK) {
            h->failure = NULL;
            h->failure_rc = KMCP_OK;
        }
        coverage->seen++;
        rc = fn(ctx, i, reply.body, arg);
    }
    return rc == KMCP_SWEEP_STOP ? KMCP_OK : rc;
}

/* ---- questions ---- */

static kmcp_rc host_result_text(kmcp_ctx *ctx, const char *fmt, ...) KMCP_PRINTF(2, 3);

struct fake_question {
    const struct kmcp_query *query;
    const cJSON *args;
    cJSON *rows;
};

static const struct kmcp_column *column(const struct kmcp_query *q, size_t i)
{
    return (const struct kmcp_column *)(const void *)((const char *)q->columns + i * q->column_size);
}

/* The arguments that are named as a column is: equal for one that is EXACT, else contained. */
static int answers(const struct fake_question *q, const cJSON *row)
{
    for (size_t i = 0; i < q->query->n_columns; i++) {
        const struct kmcp_column *c = column(q->query, i);
        const cJSON *arg = cJSON_GetObjectItemCaseSensitive(q->args, c->name);
        const struct kmcp_where where = { c->field,
                                          cJSON_IsString(arg) && *arg->valuestring ? arg->valuestring : NULL,
                                          c->type == KMCP_COLUMN_LIST    ? KMCP_WHERE_HAS
                                          : c->flags & KMCP_COLUMN_EXACT ? KMCP_WHERE_EQUALS
                                                                         : KMCP_WHERE_CONTAINS,
                                          0 };

        if (!meets(row, &where))
            return 0;
    }
    return 1;
}

static kmcp_rc question_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    struct fake_question *q = arg;
    const cJSON *row, *cell;

    cJSON_ArrayForEach(row, (const cJSON *)rows)
    {
        cJSON *cells = cJSON_CreateArray();

        for (size_t i = 0; i < q->query->n_columns; i++) {
            if (!(column(q->query, i)->flags & KMCP_COLUMN_SHOWN))
                continue;
            cell = pick(row, column(q->query, i)->field);
            cJSON_AddItemToArray(cells, cJSON_IsString(cell) ? cJSON_CreateString(cell->valuestring)
                                        : cell
                                            ? cJSON_CreateString(keep(of(ctx), cJSON_PrintUnformatted(cell)))
                                            : cJSON_CreateString(""));
        }
        if (answers(q, row))
            cJSON_AddItemToArray(q->rows, cells);
        else
            cJSON_Delete(cells);
    }
    return KMCP_OK;
}

/* Shows all rows that the plugin's own conditions and the arguments named as columns let through, with the
 * columns that are shown unasked. What else may be asked (where, sort, group_by, ...) is the real host's, and
 * not judged here. */
static kmcp_rc host_query(kmcp_ctx *ctx, const struct kmcp_query *query, const kmcp_json *args)
{
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage };
    struct fake_question q = { query, (const cJSON *)args, own(cJSON_CreateArray()) };
    struct fakehost *h = of(ctx);
    const cJSON *row, *cell;
    kmcp_rc rc;

    h->question = keep(h, cJSON_PrintUnformatted((const cJSON *)args));
    if ((rc = host_sweep(ctx, query->request, question_page, &q, &coverage)) != KMCP_OK)
        return rc;
    host_result_text(ctx, "%d %s%s", cJSON_GetArraySize(q.rows), query->what,
                     coverage.complete ? "" : " (INCOMPLETE)");
    cJSON_ArrayForEach(row, q.rows)
    {
        host_result_text(ctx, "\n");
        cJSON_ArrayForEach(cell, row)
            host_result_text(ctx, "%s%s", cell == row->child ? "" : "\t", cell->valuestring);
    }
    return KMCP_OK;
}

/* ---- plan and result ---- */

static kmcp_rc host_subject(kmcp_ctx *ctx, const char *kind, const char *id, const char *label)
{
    struct fakehost *h = of(ctx);

    if (!h->planning || h->n_subjects == FAKEHOST_MAX)
        return host_fail(ctx, KMCP_E_BUG, "a subject outside plan()");
    h->subjects[h->n_subjects++] = host_format(ctx, "%s %s %s", kind, id, label);
    return KMCP_OK;
}

static kmcp_rc host_fact(kmcp_ctx *ctx, const char *name, const char *value)
{
    struct fakehost *h = of(ctx);

    if (!h->planning || !h->n_subjects || h->n_facts == FAKEHOST_MAX)
        return host_fail(ctx, KMCP_E_BUG, "a fact outside plan(), or about nothing");
    h->facts[h->n_facts++] = value && *value ? host_format(ctx, "%s %s", name, value)
                                             : host_format(ctx, "%s", name);
    return KMCP_OK;
}

static int host_wants(kmcp_ctx *ctx, const char *name)
{
    const char *wanted = of(ctx)->wanted;

    return wanted && strcmp(wanted, name) == 0;
}

static kmcp_rc host_say(kmcp_ctx *ctx, const char *fmt, ...)
{
    struct fakehost *h = of(ctx);
    va_list args;

    if (!h->planning || h->sentence)
        return host_fail(ctx, KMCP_E_BUG, "said twice, or outside plan()");
    va_start(args, fmt);
    h->sentence = vformat(h, fmt, args);
    va_end(args);
    return KMCP_OK;
}

static void host_progress(kmcp_ctx *ctx, double done, double total, const char *message)
{
    (void)ctx;
    (void)done;
    (void)total;
    (void)message;
}

static int host_cancelled(kmcp_ctx *ctx)
{
    return of(ctx)->cancelled;
}

static kmcp_rc host_result_text(kmcp_ctx *ctx, const char *fmt, ...)
{
    struct fakehost *h = of(ctx);
    va_list args;
    char *more;

    if (h->planning)
        return host_fail(ctx, KMCP_E_BUG, "a result in plan()");
    va_start(args, fmt);
    more = vformat(h, fmt, args);
    va_end(args);
    h->text = h->text ? host_format(ctx, "%s%s", h->text, more) : more;
    return KMCP_OK;
}

static kmcp_rc host_result_json(kmcp_ctx *ctx, const kmcp_json *value)
{
    struct fakehost *h = of(ctx);

    if (h->planning || !value)
        return host_fail(ctx, KMCP_E_BUG, "no result, or one in plan()");
    h->result = keep(h, cJSON_PrintUnformatted(in(value)));
    return KMCP_OK;
}

/* ---- since 1.1 ---- */

static kmcp_rc note(kmcp_ctx *ctx, char **list, int *n, char *text)
{
    if (*n == FAKEHOST_MAX)
        return host_fail(ctx, KMCP_E_NOMEM, "more than the fake host notes");
    list[(*n)++] = text;
    return KMCP_OK;
}

static kmcp_rc host_content(kmcp_ctx *ctx, const struct kmcp_content *c)
{
    static const char *const kinds[] = { "text", "image", "audio", "resource", "link" };
    struct fakehost *h = of(ctx);
    const char *role = h->prompting ? (c->role ? c->role : "user") : "";
    char *text;

    if (h->planning || !c->struct_size || c->kind > KMCP_CONTENT_LINK)
        return host_fail(ctx, KMCP_E_BUG, "content in plan(), without struct_size, or of an unknown kind");
    if (c->kind == KMCP_CONTENT_TEXT)
        text = host_format(ctx, "%s%stext %s", role, *role ? " " : "", c->text);
    else if (c->data)
        text = host_format(ctx, "%s%s%s %s %zu", role, *role ? " " : "", kinds[c->kind],
                           c->mime_type ? c->mime_type : "-", c->len);
    else
        text = host_format(ctx, "%s%s%s %s %s", role, *role ? " " : "", kinds[c->kind], c->uri ? c->uri : "-",
                           c->kind == KMCP_CONTENT_LINK ? c->name : c->text);
    return note(ctx, h->contents, &h->n_contents, text);
}

static kmcp_rc host_result_meta(kmcp_ctx *ctx, const char *key, const kmcp_json *value)
{
    struct fakehost *h = of(ctx);

    return note(ctx, h->events, &h->n_events,
                host_format(ctx, "meta %s %s", key, host_json_text(ctx, value)));
}

static kmcp_rc host_suggest(kmcp_ctx *ctx, const char *value)
{
    struct fakehost *h = of(ctx);

    return note(ctx, h->values, &h->n_values, host_format(ctx, "%s", value));
}

static kmcp_rc host_ask(kmcp_ctx *ctx, const struct kmcp_ask *q, const kmcp_json **answer)
{
    static const uint32_t needs[] = { KMCP_CAN_FORM, KMCP_CAN_URL, KMCP_CAN_SAMPLE, KMCP_CAN_ROOTS };
    struct fakehost *h = of(ctx);

    *answer = NULL;
    if (!q->struct_size || q->kind > KMCP_ASK_ROOTS || !q->key)
        return host_fail(ctx, KMCP_E_BUG, "a malformed question");
    for (int i = 0; i < h->n_replies; i++)
        if (strcmp(h->replies[i][0], q->key) == 0) {
            *answer = host_json_new(ctx, h->replies[i][1]);
            return KMCP_OK;
        }
    if (!h->planning && h->tool && h->tool->safety != KMCP_READ)
        return host_fail(ctx, KMCP_E_BUG, "asked in the run() of a tool that acts");
    if (!(h->can & needs[q->kind]))
        return host_fail(ctx, KMCP_E_DENIED, "the client does not offer what \"%s\" needs", q->key);
    note(ctx, h->asked, &h->n_asked, host_format(ctx, "%s", q->key));
    return KMCP_AGAIN;
}

static kmcp_rc host_keep(kmcp_ctx *ctx, const char *key, const kmcp_json *value)
{
    struct fakehost *h = of(ctx);
    kmcp_json *all = host_json_new(ctx, h->kept ? h->kept : "{}");

    if (host_json_set(ctx, all, key, value) != KMCP_OK)
        return KMCP_E_NOMEM;
    free(h->kept);
    h->kept = cJSON_PrintUnformatted(in(all));
    return KMCP_OK;
}

static const kmcp_json *host_kept(kmcp_ctx *ctx, const char *key)
{
    struct fakehost *h = of(ctx);

    return h->kept ? host_json_get(host_json_new(ctx, h->kept), key) : NULL;
}

static uint32_t host_client_can(kmcp_ctx *ctx)
{
    return of(ctx)->can;
}

static void host_tell(kmcp_ctx *ctx, uint32_t level, const char *fmt, ...)
{
    struct fakehost *h = of(ctx);
    va_list args;

    va_start(args, fmt);
    note(ctx, h->events, &h->n_events,
         host_format(ctx, "tell %u %s", (unsigned)level, vformat(h, fmt, args)));
    va_end(args);
}

static kmcp_rc host_wait(kmcp_ctx *ctx, uint32_t ms) /* no time passes in a test */
{
    struct fakehost *h = of(ctx);

    note(ctx, h->events, &h->n_events, host_format(ctx, "wait %u", (unsigned)ms));
    return h->cancelled ? host_fail(ctx, KMCP_E_CANCELLED, "the call was cancelled") : KMCP_OK;
}

static void host_let_go(kmcp_ctx *ctx, uint32_t retry_ms)
{
    struct fakehost *h = of(ctx);

    note(ctx, h->events, &h->n_events, host_format(ctx, "let_go %u", (unsigned)retry_ms));
}

static kmcp_rc host_show(kmcp_ctx *ctx, uint32_t list, const char *name, int shown)
{
    struct fakehost *h = of(ctx);

    if (!(h->plugin->features & KMCP_FEATURE_SHOW))
        return host_fail(ctx, KMCP_E_BUG, "show() without KMCP_FEATURE_SHOW");
    return note(ctx, h->events, &h->n_events,
                host_format(ctx, "%s %u %s", shown ? "show" : "hide", (unsigned)list, name));
}

static kmcp_rc host_updated(kmcp_ctx *ctx, const char *uri)
{
    struct fakehost *h = of(ctx);

    return note(ctx, h->events, &h->n_events, host_format(ctx, "updated %s", uri));
}

static const struct kmcp_host table = {
    .struct_size = sizeof table,
    .abi_major = KMCP_ABI_MAJOR,
    .abi_minor = KMCP_ABI_MINOR,
    .version = "fake",
    .alloc = host_alloc,
    .format = host_format,
    .log = host_log,
    .fail = host_fail,
    .opt_str = option,
    .opt_int = host_opt_int,
    .opt_bool = host_opt_bool,
    .state = host_state,
    .json_kind = host_json_kind,
    .json_get = host_json_get,
    .json_at = host_json_at,
    .json_next = host_json_next,
    .json_key = host_json_key,
    .json_len = host_json_len,
    .json_str = host_json_str,
    .json_int = host_json_int,
    .json_num = host_json_num,
    .json_bool = host_json_bool,
    .json_new = host_json_new,
    .json_new_str = host_json_new_str,
    .json_new_int = host_json_new_int,
    .json_new_num = host_json_new_num,
    .json_new_bool = host_json_new_bool,
    .json_copy = host_json_copy,
    .json_set = host_json_set,
    .json_append = host_json_append,
    .json_text = host_json_text,
    .http = host_http,
    .sweep = host_sweep,
    .subject = host_subject,
    .say = host_say,
    .progress = host_progress,
    .cancelled = host_cancelled,
    .result_text = host_result_text,
    .result_json = host_result_json,
    .content = host_content,
    .result_meta = host_result_meta,
    .suggest = host_suggest,
    .ask = host_ask,
    .keep = host_keep,
    .kept = host_kept,
    .client_can = host_client_can,
    .tell = host_tell,
    .wait = host_wait,
    .let_go = host_let_go,
    .show = host_show,
    .updated = host_updated,
    .fact = host_fact,
    .wants = host_wants,
    .each = host_each,
    .query = host_query,
    .ahead = host_ahead,
};

/* ---- for the test ---- */

void fakehost_init(struct fakehost *h, const struct kmcp_plugin *plugin)
{
    memset(h, 0, sizeof *h);
    h->ctx.host = &table;
    h->plugin = plugin;
    h->can = KMCP_CAN_FORM | KMCP_CAN_URL | KMCP_CAN_SAMPLE | KMCP_CAN_SAMPLE_TOOLS | KMCP_CAN_ROOTS |
             KMCP_CAN_TASKS;
}

void fakehost_free(struct fakehost *h)
{
    forget(h);
    free(h->kept);
    h->kept = NULL;
    for (int i = 0; i < h->n_answers; i++) {
        free(h->answers[i].method);
        free(h->answers[i].path);
        free(h->answers[i].body);
    }
    h->n_answers = 0;
}

static char *copy(const char *text)
{
    char *made = malloc(strlen(text) + 1);

    if (!made)
        abort();
    memcpy(made, text, strlen(text) + 1);
    return made;
}

void fakehost_answer(struct fakehost *h, const char *method, const char *path, int status, const char *body)
{
    if (h->n_answers == FAKEHOST_MAX)
        abort();
    h->answers[h->n_answers++] = (struct fakehost_answer){ copy(method), copy(path), copy(body), status, 0 };
}

void fakehost_option(struct fakehost *h, const char *key, const char *value)
{
    if (h->n_options == FAKEHOST_MAX)
        abort();
    h->options[h->n_options][0] = key;
    h->options[h->n_options++][1] = value;
}

static void choose(struct fakehost *h, const char *tool, int planning)
{
    forget(h);
    h->tool = NULL;
    for (uint32_t i = 0; i < h->plugin->n_tools; i++)
        if (strcmp(h->plugin->tools[i].name, tool) == 0)
            h->tool = &h->plugin->tools[i];
    if (!h->tool || (planning && !h->tool->plan))
        abort(); /* the test names no such tool, or one without a plan */
    h->planning = planning;
    h->resolving = 0;
}

static kmcp_rc call(struct fakehost *h, const char *tool, const char *args, int planning)
{
    kmcp_json *value;

    choose(h, tool, planning);
    value = host_json_new(&h->ctx, args);
    return (planning ? h->tool->plan : h->tool->run)(&h->ctx, value);
}

kmcp_rc fakehost_plan(struct fakehost *h, const char *tool, const char *args)
{
    return call(h, tool, args, 1);
}

kmcp_rc fakehost_run(struct fakehost *h, const char *tool, const char *args)
{
    return call(h, tool, args, 0);
}

kmcp_rc fakehost_resolve(struct fakehost *h, const char *tool, const char *args, int64_t since_ms)
{
    choose(h, tool, 0);
    if (!h->tool->resolve)
        abort(); /* it has none */
    h->resolving = 1;
    return h->tool->resolve(&h->ctx, host_json_new(&h->ctx, args), since_ms);
}

void fakehost_reply(struct fakehost *h, const char *key, const char *json)
{
    if (h->n_replies == FAKEHOST_MAX)
        abort();
    h->replies[h->n_replies][0] = key;
    h->replies[h->n_replies++][1] = json;
}

kmcp_rc fakehost_get(struct fakehost *h, const char *prompt, const char *args)
{
    kmcp_rc rc = KMCP_E_NOTFOUND;

    forget(h);
    h->tool = NULL;
    h->planning = 0;
    h->prompting = 1;
    for (uint32_t i = 0; i < h->plugin->n_prompts; i++)
        if (strcmp(h->plugin->prompts[i].name, prompt) == 0)
            rc = h->plugin->prompts[i].get(&h->ctx, host_json_new(&h->ctx, args));
    h->prompting = 0;
    return rc;
}

kmcp_rc fakehost_read(struct fakehost *h, const char *declared, const char *uri, const char *vars)
{
    forget(h);
    h->tool = NULL;
    h->planning = 0;
    for (uint32_t i = 0; i < h->plugin->n_resources; i++)
        if (strcmp(h->plugin->resources[i].uri, declared) == 0)
            return h->plugin->resources[i].read(&h->ctx, uri, host_json_new(&h->ctx, vars));
    return KMCP_E_NOTFOUND;
}

kmcp_rc fakehost_complete(struct fakehost *h, const char *name, const char *argument, const char *value)
{
    forget(h);
    h->tool = NULL;
    h->planning = 0;
    for (uint32_t i = 0; i < h->plugin->n_prompts; i++)
        if (strcmp(h->plugin->prompts[i].name, name) == 0 && h->plugin->prompts[i].complete)
            return h->plugin->prompts[i].complete(&h->ctx, argument, value, NULL);
    for (uint32_t i = 0; i < h->plugin->n_resources; i++)
        if (strcmp(h->plugin->resources[i].uri, name) == 0 && h->plugin->resources[i].complete)
            return h->plugin->resources[i].complete(&h->ctx, argument, value, NULL);
    return KMCP_E_NOTFOUND;
}

int fakehost_sent(const struct fakehost *h, const char *text)
{
    for (int i = 0; i < h->n_requests; i++)
        if (strncmp(h->requests[i], text, strlen(text)) == 0)
            return 1;
    return 0;
}
