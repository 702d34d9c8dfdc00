/* route.c - declared routes: whether one may be declared so, and its path on the wire.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "route.h"

const char *route_class_name(kmcp_safety safety)
{
    static const char *const names[] = { "UNSET", "READ", "REVEAL", "WRITE", "DESTROY" };

    return safety <= KMCP_DESTROY ? names[safety] : "unknown";
}

bool route_allowed(kmcp_safety tool, kmcp_safety route)
{
    switch (route) {
    case KMCP_READ:
        return tool >= KMCP_READ && tool <= KMCP_DESTROY;
    case KMCP_REVEAL:
        return tool == KMCP_REVEAL;
    case KMCP_WRITE:
        return tool == KMCP_WRITE || tool == KMCP_DESTROY;
    case KMCP_DESTROY:
        return tool == KMCP_DESTROY;
    default:
        return false;
    }
}

/* ---- declaration ---- */

static bool known_method(const char *method)
{
    static const char *const methods[] = { "GET", "POST", "PATCH", "PUT", "DELETE" };

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(method, methods[i]) == 0)
            return true;
    return false;
}

/* Is NAME (LEN bytes) a parameter of the path TEMPLATE? */
static bool has_param(const char *path, const char *name, size_t len)
{
    for (const char *p = strchr(path, '{'); p; p = strchr(p + 1, '{'))
        if (strncmp(p + 1, name, len) == 0 && p[1 + len] == '}')
            return true;
    return false;
}

static bool path_well_formed(const char *path)
{
    if (strncmp(path, "/api/", 5) != 0 || strstr(path, "//") || strstr(path, "..") || strpbrk(path, "?#%\\ "))
        return false;
    for (const char *p = path; *p; p++) {
        if (*p == '{') {
            const char *close = strchr(p, '}');
            char name[33];

            if (p[-1] != '/' || !close || (close[1] && close[1] != '/') || close - p - 1 > 32)
                return false;
            memcpy(name, p + 1, (size_t)(close - p - 1));
            name[close - p - 1] = '\0';
            if (!text_is_name(name, 32))
                return false;
            p = close;
        } else if (*p == '}' || (unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7F) {
            return false;
        }
    }
    return true;
}

/* "KEY" or "PARENT.KEY", single spaces between. */
static bool fields_well_formed(const char *fields)
{
    bool in_word = false, dot = false;

    for (; *fields; fields++) {
        if (*fields == ' ') {
            if (!in_word)
                return false;
            in_word = dot = false;
        } else if (*fields == '.') {
            if (!in_word || dot)
                return false;
            dot = true;
        } else if ((unsigned char)*fields <= 0x20) {
            return false;
        } else {
            in_word = true;
        }
    }
    return in_word;
}

static bool tags_well_formed(const char *tags, const char *path)
{
    for (const char *p = strchr(tags, '{'); p; p = strchr(p + 1, '{')) {
        const char *close = strchr(p, '}');

        if (!close || !has_param(path, p + 1, (size_t)(close - p - 1)))
            return false;
    }
    return *tags && *tags != ' ' && !strstr(tags, "  ") && tags[strlen(tags) - 1] != ' ';
}

const char *route_fault(struct arena *a, const struct kmcp_route *r)
{
    const char *at, *what = NULL;

    if (!r->method || !r->path)
        return "a route without method or path";
    at = arena_format(a, "route %.10s %.120s", r->method, r->path);
    if (!known_method(r->method))
        what = "has an unknown method; GET, POST, PATCH, PUT and DELETE are known";
    else if (!path_well_formed(r->path))
        what = "must be a path under /api/ with whole parts in braces, without query or dots";
    else if (r->safety == KMCP_SAFETY_UNSET)
        what = "has no safety class; declare READ, REVEAL, WRITE or DESTROY";
    else if (r->safety > KMCP_DESTROY)
        what = "has an unknown safety class";
    else if (r->safety == KMCP_READ && strcmp(r->method, "GET") != 0 && !(r->flags & KMCP_ROUTE_QUERY))
        what = "is declared READ but is not a GET; if it only reads, say so on purpose with KMCP_ROUTE_QUERY";
    else if ((r->flags & KMCP_ROUTE_RETRY) && r->safety != KMCP_READ)
        what = "may not be retried: only READ routes may";
    else if (r->flags & 0xFFFF & ~(KMCP_ROUTE_RETRY | KMCP_ROUTE_QUERY))
        what = "carries a flag this host does not know; it must understand it";
    else if (r->reserved)
        what = "has a reserved field that is not 0";
    else if (!r->permission || !*r->permission)
        what = "names no token permission";
    else if (r->paging > KMCP_PAGES_AFTER)
        what = "has an unknown paging style";
    else if ((r->pii && !fields_well_formed(r->pii)) || (r->secrets && !fields_well_formed(r->secrets)))
        what = "has malformed pii or secrets; use KEY or PARENT.KEY with single spaces";
    else if ((r->tags && !tags_well_formed(r->tags, r->path)) ||
             (r->invalidates && !tags_well_formed(r->invalidates, r->path)))
        what = "has malformed tags, or tags with a parameter that is not in its path";
    else if (r->cache &&
             (!text_is_name(r->cache, 32) || strcmp(r->method, "GET") != 0 || r->safety != KMCP_READ))
        what = "cannot be cached: only READ GET routes can, under a plain lower-case name";
    return what ? arena_format(a, "%s %s", at ? at : "a route", what) : NULL;
}

/* ---- expansion ---- */

static bool unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("-._~", c);
}

static void encode(struct buf *out, const char *text)
{
    for (; *text; text++)
        if (unreserved((unsigned char)*text))
            buf_putc(out, *text);
        else
            buf_printf(out, "%%%02X", (unsigned char)*text);
}

static const char *part_fault(const char *part)
{
    if (!part || !*part)
        return "is empty";
    if (strlen(part) > ROUTE_PART_MAX)
        return "is over 128 bytes";
    for (const char *p = part; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            return "holds a control character";
    if (!text_is_utf8(part, strlen(part)))
        return "is not valid UTF-8 or holds a NUL";
    if (strpbrk(part, "/\\?#%"))
        return "holds one of / \\ ? # %";
    if (strcmp(part, ".") == 0 || strstr(part, ".."))
        return "holds a dot segment";
    return NULL;
}

static const char *find_param(const struct kmcp_param *params, size_t n, const char *name, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strncmp(params[i].name, name, len) == 0 && !params[i].name[len])
            return params[i].value;
    return NULL;
}

static bool expand_path(struct buf *out, const struct kmcp_request *rq, struct failure *f)
{
    const char *p = rq->route->path;

    for (size_t i = 0; i < rq->n_path; i++)
        if (!has_param(p, rq->path[i].name, strlen(rq->path[i].name))) {
            failure_set(f, KMCP_E_BUG,
                        "the route %s has no parameter \"%.32s\"; this is a fault of the plugin", p,
                        rq->path[i].name);
            return false;
        }
    while (*p) {
        const char *close, *value, *fault;

        if (*p != '{') {
            buf_putc(out, *p++);
            continue;
        }
        close = strchr(p, '}');
        value = find_param(rq->path, rq->n_path, p + 1, (size_t)(close - p - 1));
        fault = part_fault(value);
        if (fault) {
            failure_set(f, KMCP_E_ARG, "\"%.*s\" %s; nothing was sent", (int)(close - p - 1), p + 1, fault);
            return false;
        }
        encode(out, value);
        p = close + 1;
    }
    return true;
}

static int by_param(const void *a, const void *b)
{
    return strcmp((*(const struct kmcp_param *const *)a)->name, (*(const struct kmcp_param *const *)b)->name);
}

char *route_expand(struct arena *a, const struct kmcp_request *rq, struct failure *f)
{
    const struct kmcp_param **sorted = arena_alloc(a, (rq->n_query + 1) * sizeof *sorted);
    char *made = NULL, separator = '?';
    struct buf out;
    size_t n = 0;

    buf_init(&out, ROUTE_MAX);
    if (sorted && expand_path(&out, rq, f)) {
        for (size_t i = 0; i < rq->n_query; i++)
            if (rq->query[i].value)
                sorted[n++] = &rq->query[i];
        if (n)
            qsort(sorted, n, sizeof *sorted, by_param);
        for (size_t i = 0; i < n; i++) {
            buf_putc(&out, separator);
            encode(&out, sorted[i]->name);
            buf_putc(&out, '=');
            encode(&out, sorted[i]->value);
            separator = '&';
        }
        made = out.failed ? NULL : arena_strdup(a, out.data);
    }
    if (out.failed)
        failure_set(f, KMCP_E_ARG, "the request is longer than servers take (%d bytes); ask for less at once",
                    ROUTE_MAX);
    else if (!made)
        failure_set(f, KMCP_E_NOMEM, "the request is too large");
    buf_free(&out);
    return made;
}

char *route_tags(struct arena *a, const char *template_text, const struct kmcp_request *rq)
{
    struct buf out;
    char *made;

    if (!template_text)
        return NULL;
    buf_init(&out, 64 * 1024);
    for (const char *p = template_text; *p; p++) {
        const char *close = *p == '{' ? strchr(p, '}') : NULL;
        const char *value = close ? find_param(rq->path, rq->n_path, p + 1, (size_t)(close - p - 1)) : NULL;

        if (value)
            encode(&out, value);
        else
            buf_putc(&out, *p);
        p = close ? close : p;
    }
    made = out.failed ? NULL : arena_strdup(a, out.data);
    buf_free(&out);
    return made;
}
