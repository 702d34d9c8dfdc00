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

/* list_blueprints: nested members are of the real shape, flat ones of the older. */

static const struct kmcp_column columns[] = {
    { "name", "name", "name", KMCP_COLUMN_TEXT, KMCP_COLUMN_SHOWN },
    { "type", "type", NULL, KMCP_COLUMN_TEXT, KMCP_COLUMN_SHOWN },
    { "devices", "computers_count", NULL, KMCP_COLUMN_NUMBER, KMCP_COLUMN_SHOWN },
    { "missing_devices", "missing_computers_count", NULL, KMCP_COLUMN_NUMBER, 0 },
    { "alerts", "alerts_count", NULL, KMCP_COLUMN_NUMBER, 0 },
    { "enrollment_active", "enrollment_code.is_active|enrollment_code_is_active", NULL, KMCP_COLUMN_BOOL,
      KMCP_COLUMN_SHOWN },
    { "description", "description", NULL, KMCP_COLUMN_TEXT, 0 },
    { "icon", "icon", NULL, KMCP_COLUMN_TEXT, 0 },
    { "color", "color", NULL, KMCP_COLUMN_TEXT, 0 },
    { "id", "id", "id", KMCP_COLUMN_TEXT, KMCP_COLUMN_SHOWN | KMCP_COLUMN_EXACT },
};

static kmcp_rc list_blueprints_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const struct kmcp_request request = { .struct_size = sizeof request, .route = &routes[LIST_BLUEPRINTS] };
    const struct kmcp_query question = {
        .struct_size = sizeof question,
        .request = &request,
        KMCP_COLUMNS(columns),
        .what = "blueprints",
        .limit = 100,
    };

    return ctx->host->query(ctx, &question, args);
}

/* get_blueprint: by id or exact name, with its library items, which the API keeps elsewhere. */

#define CANDIDATES 8

struct named {
    const char *id, *candidates;
    int n;
};

static kmcp_rc named_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    const struct kmcp_host *h = ctx->host;
    struct named *named = arg;
    const kmcp_json *row;

    for (row = h->json_at(rows, 0); row; row = h->json_next(row)) {
        const char *id = kmcp_get_str(ctx, row, "id");
        int64_t devices = kmcp_get_int(ctx, row, "computers_count", -1);

        named->id = id ? h->format(ctx, "%s", id) : NULL;
        if (named->n++ == CANDIDATES)
            named->candidates = h->format(ctx, "%s; ...", named->candidates);
        if (named->n > CANDIDATES)
            continue;
        named->candidates = h->format(ctx, "%s%s%s", named->n > 1 ? named->candidates : "",
                                      named->n > 1 ? "; " : "", id ? id : "?");
        if (named->candidates && devices >= 0)
            named->candidates = h->format(ctx, "%s (%lld devices)", named->candidates, (long long)devices);
        if (!named->candidates)
            return KMCP_E_NOMEM;
    }
    return KMCP_OK;
}

/* The id of the blueprint that WANTED names: found in the whole list, a page or two that are kept anyway,
 * since the API's own search by name knows no Ü in ü. */
static kmcp_rc find_id(kmcp_ctx *ctx, const char *wanted, const char **id)
{
    const struct kmcp_where where[] = { { "name", wanted, KMCP_WHERE_EQUALS, 0 } };
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage };
    const struct kmcp_request request = {
        .struct_size = sizeof request,
        .route = &routes[LIST_BLUEPRINTS],
        .where = where,
        .n_where = 1,
        .fields = "id name computers_count",
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
        return kmcp_fail(ctx, KMCP_E_CONFLICT, "%d blueprints are named \"%s\"; use the id of one: %s",
                         named.n, wanted, named.candidates);
    if (!coverage.complete) /* of one name, perhaps, but not known to be */
        return kmcp_fail(
            ctx, KMCP_E_UPSTREAM,
            "not all blueprints could be read (%s), so \"%s\" is not known to be one; try again, or use "
            "its id",
            coverage.reason ? coverage.reason : "unknown", wanted);
    return named.id ? KMCP_OK
                    : kmcp_fail(ctx, KMCP_E_NOTFOUND,
                                "blueprint \"%s\" not found; list_blueprints shows names and ids", wanted);
}

struct items {
    kmcp_json *rows; /* [name, id] or [name, type, id] */
    int typed;       /* the older shape tells types */
};

static kmcp_rc items_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    const struct kmcp_host *h = ctx->host;
    struct items *items = arg;
    const kmcp_json *row;

    for (row = h->json_at(rows, 0); row; row = h->json_next(row)) {
        const char *cells[] = { kmcp_get_str(ctx, row, "name"), kmcp_get_str(ctx, row, "type"),
                                kmcp_get_str(ctx, row, "id") };
        kmcp_json *item = h->json_new(ctx, "[]");

        for (int i = 0; item && i < 3; i++)
            if ((i != 1 || items->typed) &&
                h->json_append(ctx, item, h->json_new_str(ctx, cells[i] ? cells[i] : "")) != KMCP_OK)
                return KMCP_E_NOMEM;
        if (!item || h->json_append(ctx, items->rows, item) != KMCP_OK)
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
    items->rows = ctx->host->json_new(ctx, "[]");
    items->typed = ctx->host->json_kind(inside) == KMCP_JSON_ARRAY;
    if (!items->rows)
        return KMCP_E_NOMEM;
    return items->typed ? items_page(ctx, inside, items)
                        : ctx->host->sweep(ctx, &request, items_page, items, coverage);
}

/* The blueprint in one line, its items in a table. */
static void write_text(kmcp_ctx *ctx, const kmcp_json *out, const struct items *items,
                       const struct kmcp_coverage *coverage)
{
    const struct kmcp_host *h = ctx->host;
    const char *type = kmcp_get_str(ctx, out, "type"), *description = kmcp_get_str(ctx, out, "description");
    int64_t devices = kmcp_get_int(ctx, out, "devices", -1);
    int active = kmcp_get_bool(ctx, out, "enrollment_active", -1);
    const kmcp_json *item, *cell;

    kmcp_text(ctx, "%s (%s)", kmcp_cell(ctx, kmcp_get_str(ctx, out, "name")), kmcp_get_str(ctx, out, "id"));
    if (type)
        kmcp_text(ctx, ", %s", kmcp_cell(ctx, type));
    if (devices >= 0)
        kmcp_text(ctx, ", %lld devices", (long long)devices);
    if (active >= 0)
        kmcp_text(ctx, ", enrollment %s", active ? "active" : "closed");
    if (description)
        kmcp_text(ctx, ": %s", kmcp_cell(ctx, description));
    kmcp_text(ctx, "\n%zu library items%s%s", h->json_len(items->rows),
              coverage->complete ? "" : " (INCOMPLETE): ", coverage->complete ? "" : coverage->reason);
    if (h->json_len(items->rows))
        kmcp_text(ctx, items->typed ? "\nname\ttype\tid" : "\nname\tid");
    for (item = h->json_at(items->rows, 0); item; item = h->json_next(item)) {
        kmcp_text(ctx, "\n");
        for (cell = h->json_at(item, 0); cell; cell = h->json_next(cell))
            kmcp_text(ctx, "%s%s", cell == h->json_at(item, 0) ? "" : "\t",
                      kmcp_cell(ctx, h->json_str(cell)));
    }
}

static kmcp_rc get_blueprint_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const struct kmcp_host *h = ctx->host;
    kmcp_json *out = h->json_new(ctx, "{}");
    struct kmcp_coverage coverage = { 0 };
    struct kmcp_reply reply = { 0 };
    struct items items;
    const char *id;
    int active;
    kmcp_rc rc;

    if (!out)
        return KMCP_E_NOMEM;
    if ((rc = find_id(ctx, kmcp_get_str(ctx, args, "blueprint_id"), &id)) != KMCP_OK ||
        (rc = kmcp_call(ctx, &routes[GET_BLUEPRINT], "blueprint_id", id, NULL, &reply)) != KMCP_OK ||
        (rc = get_items(ctx, reply.body, id, &items, &coverage)) != KMCP_OK)
        return rc;
    active = kmcp_get_bool(ctx, h->json_get(reply.body, "enrollment_code"), "is_active",
                           kmcp_get_bool(ctx, reply.body, "enrollment_code_is_active", -1));
    kmcp_set_str(ctx, out, "id", id);
    kmcp_set_str(ctx, out, "name", kmcp_get_str(ctx, reply.body, "name"));
    if (kmcp_get_str(ctx, reply.body, "description"))
        kmcp_set_str(ctx, out, "description", kmcp_get_str(ctx, reply.body, "description"));
    if (kmcp_get_str(ctx, reply.body, "type"))
        kmcp_set_str(ctx, out, "type", kmcp_get_str(ctx, reply.body, "type"));
    if (kmcp_get_int(ctx, reply.body, "computers_count", -1) >= 0)
        kmcp_set_int(ctx, out, "devices", kmcp_get_int(ctx, reply.body, "computers_count", 0));
    if (active >= 0)
        kmcp_set_bool(ctx, out, "enrollment_active", active);
    kmcp_set_bool(ctx, out, "complete", (int)coverage.complete);
    write_text(ctx, out, &items, &coverage);
    h->json_set(ctx, out, "columns",
                h->json_new(ctx, items.typed ? "[\"name\",\"type\",\"id\"]" : "[\"name\",\"id\"]"));
    if ((rc = h->json_set(ctx, out, "library_items", items.rows)) != KMCP_OK)
        return rc;
    return h->result_json(ctx, out);
}

/* Contents. */

static const struct kmcp_tool tools[] = {
    { .name = "list_blueprints",
      .title = "List blueprints",
      .description = "Blueprints: name type devices enrollment_active description id.",
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

KMCP_PLUGIN(blueprints, "1.0.0", .needs_minor = 3, .summary = "Blueprints and their library items",
            .threading = KMCP_PARALLEL, KMCP_ROUTES(routes), KMCP_TOOLS(tools));
