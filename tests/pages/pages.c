/* pages - walks lists of every paging style (api section 1.5) and says what it saw: a fixture for
 * tests/e2e/test_pages.py. SPDX-License-Identifier: Apache-2.0 */

#include <kmcp/helpers.h>
#include "pages_schema.h"

enum {
    DEVICES,
    BLUEPRINTS,
    ACTIVITY,
    SCRIPTS,
    USERS,
    AUDIT,
    PRISM,
    VULNERABILITIES,
    DETECTIONS,
    HOSTILE,
    DEVICE
};

#define LIST(name, place, style, size, id)                                                                   \
    [name] = { .method = "GET",                                                                              \
               .path = "/api/v1/" place,                                                                     \
               .permission = "Test",                                                                         \
               .row_id = id,                                                                                 \
               .safety = KMCP_READ,                                                                          \
               .flags = KMCP_ROUTE_RETRY,                                                                    \
               .paging = style,                                                                              \
               .limit = size }

static const struct kmcp_route routes[] = {
    LIST(DEVICES, "devices", KMCP_PAGES_OFFSET, 0, "device_id"),
    LIST(BLUEPRINTS, "blueprints", KMCP_PAGES_OFFSET, 5, "id"),
    LIST(ACTIVITY, "devices/{device_id}/activity", KMCP_PAGES_OFFSET, 5, NULL),
    LIST(SCRIPTS, "library/custom-scripts", KMCP_PAGES_NUMBER, 300, "id"),
    LIST(USERS, "users", KMCP_PAGES_NEXT, 300, "id"),
    LIST(AUDIT, "audit/events", KMCP_PAGES_NEXT, 20, "id"),
    LIST(PRISM, "prism/device_information", KMCP_PAGES_CURSOR, 100, "device_id"),
    LIST(VULNERABILITIES, "vulnerability-management/vulnerabilities", KMCP_PAGES_SIZE, 50, "cve_id"),
    LIST(DETECTIONS, "vulnerability-management/detections", KMCP_PAGES_AFTER, 300, NULL),
    LIST(HOSTILE, "tags", KMCP_PAGES_OFFSET, 2, NULL),
    LIST(DEVICE, "devices/{device_id}", KMCP_PAGES_NONE, 0, NULL),
};

struct walk {
    int64_t rows, pages, most_members, stop_after;
    kmcp_json *first; /* the first member of each row */
};

static kmcp_rc page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    const struct kmcp_host *h = ctx->host;
    struct walk *w = arg;
    const kmcp_json *row;

    w->pages++;
    for (row = h->json_at(rows, 0); row; row = h->json_next(row)) {
        int64_t members = (int64_t)h->json_len(row);

        w->rows++;
        w->most_members = members > w->most_members ? members : w->most_members;
        if (h->json_append(ctx, w->first, h->json_at(row, 0)) != KMCP_OK)
            return KMCP_E_NOMEM;
    }
    return w->stop_after && w->rows >= w->stop_after ? KMCP_SWEEP_STOP : KMCP_OK;
}

static kmcp_rc say(kmcp_ctx *ctx, const struct walk *w, const struct kmcp_coverage *coverage)
{
    const struct kmcp_host *h = ctx->host;
    kmcp_json *out = h->json_new(ctx, "{}");

    if (!out)
        return KMCP_E_NOMEM;
    kmcp_set_int(ctx, out, "rows", w->rows);
    kmcp_set_int(ctx, out, "pages", w->pages);
    kmcp_set_int(ctx, out, "most_members", w->most_members);
    kmcp_set_int(ctx, out, "total", coverage->total);
    kmcp_set_bool(ctx, out, "complete", (int)coverage->complete);
    kmcp_set_str(ctx, out, "reason", coverage->reason);
    kmcp_set_str(ctx, out, "next", coverage->next);
    h->json_set(ctx, out, "first", w->first);
    return h->result_json(ctx, out);
}

static kmcp_rc walk_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    static const char *const names[] = {
        "devices", "blueprints", "activity",        "scripts",    "users",
        "audit",   "prism",      "vulnerabilities", "detections", "hostile"
    };
    const char *list = kmcp_get_str(ctx, args, "list"), *id = kmcp_get_str(ctx, args, "device_id");
    const struct kmcp_param path[] = { { "device_id", id } };
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage };
    struct kmcp_request request = { .struct_size = sizeof request,
                                    .path = path,
                                    .n_path = id ? 1 : 0,
                                    .fields = kmcp_get_str(ctx, args, "fields"),
                                    .from = kmcp_get_str(ctx, args, "from") };
    struct walk w = { .stop_after = kmcp_get_int(ctx, args, "stop_after", 0),
                      .first = ctx->host->json_new(ctx, "[]") };
    kmcp_rc rc;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], list) == 0)
            request.route = &routes[i];
    rc = ctx->host->sweep(ctx, &request, page, &w, &coverage);
    return rc == KMCP_OK ? say(ctx, &w, &coverage) : rc;
}

static kmcp_rc one(kmcp_ctx *ctx, size_t i, const kmcp_json *body, void *arg)
{
    struct walk *w = arg;

    (void)i;
    w->rows++;
    return ctx->host->json_append(
        ctx, w->first, body ? ctx->host->json_get(body, "device_id") : ctx->host->json_new(ctx, "null"));
}

static kmcp_rc each_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const kmcp_json *ids = ctx->host->json_get(args, "ids"), *id;
    const struct kmcp_request request = { .struct_size = sizeof request,
                                          .route = &routes[DEVICE],
                                          .fields = "device_id" };
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage };
    struct walk w = { .first = ctx->host->json_new(ctx, "[]") };
    size_t n = 0;
    const char **values = ctx->host->alloc(ctx, (ctx->host->json_len(ids) + 1) * sizeof *values);
    kmcp_rc rc;

    if (!values || !w.first)
        return KMCP_E_NOMEM;
    for (id = ctx->host->json_at(ids, 0); id; id = ctx->host->json_next(id))
        values[n++] = ctx->host->json_str(id);
    rc = ctx->host->each(ctx, &request, "device_id", values, n, one, &w, &coverage);
    return rc == KMCP_OK ? say(ctx, &w, &coverage) : rc;
}

static const struct kmcp_tool tools[] = {
    { .name = "walk_list",
      .title = "Walk a list",
      .description = "Reads a list to its end.",
      .input_schema = walk_schema,
      .output_schema = out_schema,
      .safety = KMCP_READ,
      .run = walk_run },
    { .name = "get_each",
      .title = "Get each",
      .description = "Reads many records.",
      .input_schema = each_schema,
      .output_schema = out_schema,
      .safety = KMCP_READ,
      .run = each_run },
};

KMCP_PLUGIN(pages, "1.0.0", .needs_minor = 3, .summary = "Walks lists", .threading = KMCP_PARALLEL,
            KMCP_ROUTES(routes), KMCP_TOOLS(tools));
