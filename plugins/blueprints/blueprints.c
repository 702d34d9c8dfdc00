/* blueprints - what devices are configured with.  See kmcp-blueprints.md.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <kmcp/fleet.h>
#include "blueprints_schema.h"

/* What we may call. An enrolment code lets people enrol: a secret, in both shapes. */

enum { GET_BLUEPRINT, LIST_BLUEPRINTS, LIST_ITEMS };

static const struct kmcp_route routes[] = {
    [GET_BLUEPRINT] = { .method = "GET",
                        .path = "/api/v1/blueprints/{blueprint_id}",
                        .permission = "Get Blueprint",
                        .secrets = "enrollment_code",
                        .cache = "blueprints",
                        .tags = "blueprints",
                        .safety = KMCP_READ,
                        .flags = KMCP_ROUTE_RETRY,
                        .ttl_s = 1800 },
    [LIST_BLUEPRINTS] = { .method = "GET",
                          .path = "/api/v1/blueprints",
                          .permission = "List Blueprints",
                          .secrets = "enrollment_code",
                          .cache = "blueprints",
                          .tags = "blueprints",
                          .row_id = "id",
                          .safety = KMCP_READ,
                          .flags = KMCP_ROUTE_RETRY,
                          .ttl_s = 1800,
                          .paging = KMCP_PAGES_OFFSET },
    [LIST_ITEMS] = { .method = "GET",
                     .path = "/api/v1/blueprints/{blueprint_id}/list-library-items",
                     .permission = "List Library Items",
                     .cache = "blueprints",
                     .tags = "blueprints",
                     .row_id = "id",
                     .safety = KMCP_READ,
                     .flags = KMCP_ROUTE_RETRY,
                     .ttl_s = 1800,
                     .paging = KMCP_PAGES_OFFSET },
};

/* Helpers. */

/* "yes", "no" or nothing: nested in the real shape, flat in the older one. */
static const char *enrolment(kmcp_ctx *ctx, const kmcp_json *row)
{
    int active = kmcp_get_bool(ctx, ctx->host->json_get(row, "enrollment_code"), "is_active", -1);

    if (active < 0)
        active = kmcp_get_bool(ctx, row, "enrollment_code_is_active", -1);
    return active < 0 ? NULL : active ? "yes" : "no";
}

static const char *number(kmcp_ctx *ctx, const kmcp_json *row, const char *key)
{
    int64_t n = kmcp_get_int(ctx, row, key, -1);

    return n < 0 ? NULL : ctx->host->format(ctx, "%lld", (long long)n);
}

/* list_blueprints */

static kmcp_rc list_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    struct kmcp_table *t = arg;
    const kmcp_json *row;

    for (row = ctx->host->json_at(rows, 0); row; row = ctx->host->json_next(row)) {
        const char *cells[] = { kmcp_get_str(ctx, row, "name"), kmcp_get_str(ctx, row, "type"),
                                number(ctx, row, "computers_count"), enrolment(ctx, row),
                                kmcp_get_str(ctx, row, "id") };
        kmcp_rc rc;

        if (kmcp_table_wants(t) && (rc = kmcp_table_add(ctx, t, cells)) != KMCP_OK)
            return rc;
    }
    return KMCP_OK;
}

static kmcp_rc list_blueprints_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    static const char *const columns[] = { "name", "type", "devices", "enrollment_active", "id" };
    const char *name = kmcp_get_str(ctx, args, "name");
    const struct kmcp_param query[] = { { "name", name } };
    const struct kmcp_where where[] = { { "name", name, KMCP_WHERE_CONTAINS, 0 } };
    struct kmcp_table table = { .columns = columns, .n_columns = sizeof columns / sizeof *columns };
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage };
    const struct kmcp_request request = {
        .struct_size = sizeof request,
        .route = &routes[LIST_BLUEPRINTS],
        .query = query,
        .n_query = 1,
        .where = where,
        .n_where = 1,
    };
    kmcp_rc rc;

    table.limit = kmcp_get_int(ctx, args, "limit", 100);
    table.offset = kmcp_get_int(ctx, args, "offset", 0);
    rc = ctx->host->sweep(ctx, &request, list_page, &table, &coverage);
    return rc == KMCP_OK ? kmcp_table_result(ctx, &table, "blueprints", &coverage) : rc;
}

/* get_blueprint: by id or exact name, with its library items, which the API keeps elsewhere. */

struct named {
    const char *id;
    int n;
};

static kmcp_rc named_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    struct named *named = arg;
    const kmcp_json *row;

    for (row = ctx->host->json_at(rows, 0); row; row = ctx->host->json_next(row)) {
        const char *id = kmcp_get_str(ctx, row, "id");

        named->n++;
        named->id = id ? ctx->host->format(ctx, "%s", id) : NULL;
    }
    return KMCP_OK;
}

/* The id of the blueprint that WANTED names. */
static kmcp_rc find_id(kmcp_ctx *ctx, const char *wanted, const char **id)
{
    const struct kmcp_param query[] = { { "name", wanted } };
    const struct kmcp_where where[] = { { "name", wanted, KMCP_WHERE_EQUALS, 0 } };
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage };
    const struct kmcp_request request = {
        .struct_size = sizeof request,
        .route = &routes[LIST_BLUEPRINTS],
        .query = query,
        .n_query = 1,
        .where = where,
        .n_where = 1,
    };
    struct named named = { 0 };
    kmcp_rc rc;

    *id = wanted;
    if (kmcp_is_uuid(wanted))
        return KMCP_OK;
    if ((rc = ctx->host->sweep(ctx, &request, named_page, &named, &coverage)) != KMCP_OK)
        return rc;
    *id = named.id;
    if (named.n > 1)
        return kmcp_fail(ctx, KMCP_E_CONFLICT,
                         "%d blueprints are named \"%s\"; use the id of one (list_blueprints)", named.n,
                         wanted);
    return named.id ? KMCP_OK
                    : kmcp_fail(ctx, KMCP_E_NOTFOUND,
                                "blueprint \"%s\" not found; list_blueprints shows names and ids", wanted);
}

struct items {
    kmcp_json *list;
};

static kmcp_rc items_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    struct items *items = arg;
    const struct kmcp_host *h = ctx->host;
    const kmcp_json *row;

    for (row = h->json_at(rows, 0); row; row = h->json_next(row)) {
        const char *type = kmcp_get_str(ctx, row, "type"), *name = kmcp_get_str(ctx, row, "name");
        kmcp_json *item = h->json_new(ctx, "{}");

        if (!item || kmcp_set_str(ctx, item, "name", name ? name : "?") != KMCP_OK ||
            (type && kmcp_set_str(ctx, item, "type", type) != KMCP_OK) ||
            kmcp_set_str(ctx, item, "id", kmcp_get_str(ctx, row, "id")) != KMCP_OK ||
            h->json_append(ctx, items->list, item) != KMCP_OK)
            return KMCP_E_NOMEM;
    }
    return KMCP_OK;
}

static kmcp_rc get_items(kmcp_ctx *ctx, const kmcp_json *blueprint, const char *id, struct items *items,
                         struct kmcp_coverage *coverage)
{
    const kmcp_json *inside = ctx->host->json_get(blueprint, "library_items");
    const struct kmcp_param path[] = { { "blueprint_id", id } };
    const struct kmcp_request request = {
        .struct_size = sizeof request,
        .route = &routes[LIST_ITEMS],
        .path = path,
        .n_path = 1,
    };

    coverage->struct_size = sizeof *coverage;
    coverage->complete = 1;
    if (ctx->host->json_kind(inside) == KMCP_JSON_ARRAY)
        return items_page(ctx, inside, items);
    return ctx->host->sweep(ctx, &request, items_page, items, coverage);
}

static kmcp_rc get_blueprint_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const struct kmcp_host *h = ctx->host;
    struct items items = { h->json_new(ctx, "[]") };
    kmcp_json *out = h->json_new(ctx, "{}");
    struct kmcp_coverage coverage = { 0 };
    struct kmcp_reply reply = { 0 };
    const kmcp_json *item;
    const char *id, *active;
    kmcp_rc rc;

    if (!items.list || !out)
        return KMCP_E_NOMEM;
    if ((rc = find_id(ctx, kmcp_get_str(ctx, args, "blueprint_id"), &id)) != KMCP_OK ||
        (rc = kmcp_call(ctx, &routes[GET_BLUEPRINT], "blueprint_id", id, NULL, &reply)) != KMCP_OK ||
        (rc = get_items(ctx, reply.body, id, &items, &coverage)) != KMCP_OK)
        return rc;
    active = enrolment(ctx, reply.body);
    kmcp_set_str(ctx, out, "id", id);
    kmcp_set_str(ctx, out, "name", kmcp_get_str(ctx, reply.body, "name"));
    if (kmcp_get_str(ctx, reply.body, "description"))
        kmcp_set_str(ctx, out, "description", kmcp_get_str(ctx, reply.body, "description"));
    if (kmcp_get_str(ctx, reply.body, "type"))
        kmcp_set_str(ctx, out, "type", kmcp_get_str(ctx, reply.body, "type"));
    if (kmcp_get_int(ctx, reply.body, "computers_count", -1) >= 0)
        kmcp_set_int(ctx, out, "devices", kmcp_get_int(ctx, reply.body, "computers_count", 0));
    if (active)
        kmcp_set_bool(ctx, out, "enrollment_active", *active == 'y');
    kmcp_set_bool(ctx, out, "complete", (int)coverage.complete);
    kmcp_text(ctx, "%s (%s)%s%s%s%s\n", kmcp_cell(ctx, kmcp_get_str(ctx, reply.body, "name")), id,
              active ? ", enrollment " : "", active ? (*active == 'y' ? "active" : "closed") : "",
              kmcp_get_str(ctx, reply.body, "description") ? ": " : "",
              kmcp_cell(ctx, kmcp_get_str(ctx, reply.body, "description")));
    kmcp_text(ctx, "%zu library items%s%s\n", h->json_len(items.list),
              coverage.complete ? "" : " (INCOMPLETE): ", coverage.complete ? "" : coverage.reason);
    for (item = h->json_at(items.list, 0); item; item = h->json_next(item))
        kmcp_text(ctx, "%s%s%s\t%s\n", kmcp_cell(ctx, kmcp_get_str(ctx, item, "name")),
                  kmcp_get_str(ctx, item, "type") ? "\t" : "",
                  kmcp_cell(ctx, kmcp_get_str(ctx, item, "type")),
                  kmcp_cell(ctx, kmcp_get_str(ctx, item, "id")));
    if ((rc = h->json_set(ctx, out, "library_items", items.list)) != KMCP_OK)
        return rc;
    return h->result_json(ctx, out);
}

/* Contents. */

static const struct kmcp_tool tools[] = {
    { .name = "list_blueprints",
      .title = "List blueprints",
      .description = "Blueprints with their number of devices and whether enrollment is open.",
      .input_schema = list_blueprints_schema,
      .output_schema = table_schema,
      .safety = KMCP_READ,
      .run = list_blueprints_run },
    { .name = "get_blueprint",
      .title = "Get blueprint",
      .description = "One blueprint and all library items assigned to it.",
      .input_schema = get_blueprint_schema,
      .output_schema = blueprint_schema,
      .safety = KMCP_READ,
      .run = get_blueprint_run },
};

KMCP_PLUGIN(blueprints, "1.0.0", .summary = "Blueprints and their library items", .threading = KMCP_PARALLEL,
            KMCP_ROUTES(routes), KMCP_TOOLS(tools));
