/* prism - inventory as it was last collected, for the whole fleet at once.  See kmcp-prism.md.
 * SPDX-License-Identifier: Apache-2.0 */

#include <kmcp/fleet.h>
#include "prism_schema.h"

/* What we may call. */

enum { DEVICE_INFORMATION };

static const struct kmcp_route routes[] = {
    [DEVICE_INFORMATION] = { .method = "GET",
                             .path = "/api/v1/prism/device_information",
                             .permission = "Prism: device_information",
                             .pii = "device__name serial_number device__user_name device__user_email "
                                    "device__user_id "
                                    "asset_tag host_name local_hostname " KMCP_DEVICE_PII,
                             .cache = "compliance",
                             .tags = "prism",
                             .row_id = "device_id",
                             .safety = KMCP_READ,
                             .flags = KMCP_ROUTE_RETRY,
                             .ttl_s = 120,
                             .paging = KMCP_PAGES_CURSOR },
};

/* Helpers. */

static const char *either(kmcp_ctx *ctx, const kmcp_json *row, const char *a, const char *b)
{
    const char *text = kmcp_get_str(ctx, row, a);

    return text ? text : kmcp_get_str(ctx, row, b);
}

/* get_prism_device_information: filters under the API's names and the older ones, and checked on the rows. */

static kmcp_rc information_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    struct kmcp_table *t = arg;
    const kmcp_json *row;

    for (row = ctx->host->json_at(rows, 0); row; row = ctx->host->json_next(row)) {
        const char *seen = kmcp_get_str(ctx, row, "last_checkin");
        const char *cells[] = { either(ctx, row, "device__name", "device_name"),
                                kmcp_get_str(ctx, row, "serial_number"),
                                either(ctx, row, "device__family", "platform"),
                                either(ctx, row, "os_version", "display_os_version"),
                                either(ctx, row, "model_name", "model"),
                                either(ctx, row, "device__user_email", "user_email"),
                                kmcp_get_str(ctx, row, "blueprint_name"),
                                kmcp_get_str(ctx, row, "agent_version"),
                                seen ? seen : kmcp_get_str(ctx, row, "last_check_in"),
                                kmcp_get_str(ctx, row, "device_id") };
        kmcp_rc rc;

        if (kmcp_table_wants(t) && (rc = kmcp_table_add(ctx, t, cells)) != KMCP_OK)
            return rc;
    }
    return KMCP_OK;
}

static kmcp_rc get_prism_device_information_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    static const char *const columns[] = { "name", "serial",    "platform",      "os",           "model",
                                           "user", "blueprint", "agent_version", "last_checkin", "id" };
    const char *platform = kmcp_get_str(ctx, args, "platform"),
               *blueprint = kmcp_get_str(ctx, args, "blueprint_id");
    const char *family = platform && strcmp(platform, "AppleTV") == 0 ? "tvOS"
                                                                      : platform; /* Prism's name for it */
    const struct kmcp_param query[] = {
        { "blueprint_ids", blueprint },
        { "device_families", family },
        { "blueprint_id", blueprint },
        { "platform", platform },
    };
    const struct kmcp_where where[] = {
        { "blueprint_id", blueprint, KMCP_WHERE_EQUALS, 0 },
        { "device__family", family, KMCP_WHERE_EQUALS, 0 },
        { "device__name|device_name", kmcp_get_str(ctx, args, "name"), KMCP_WHERE_CONTAINS, 0 },
        { "serial_number", kmcp_get_str(ctx, args, "serial_number"), KMCP_WHERE_CONTAINS, 0 },
        { "device__user_email|user_email", kmcp_get_str(ctx, args, "user_email"), KMCP_WHERE_CONTAINS, 0 },
        { "os_version|display_os_version", kmcp_get_str(ctx, args, "os_version"), KMCP_WHERE_CONTAINS, 0 },
    };
    struct kmcp_table table = { .columns = columns, .n_columns = sizeof columns / sizeof *columns };
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage };
    const struct kmcp_request request = {
        .struct_size = sizeof request,
        .route = &routes[DEVICE_INFORMATION],
        .query = query,
        .n_query = sizeof query / sizeof *query,
        .where = where,
        .n_where = sizeof where / sizeof *where,
    };
    kmcp_rc rc;

    table.limit = kmcp_get_int(ctx, args, "limit", 50);
    table.offset = kmcp_get_int(ctx, args, "offset", 0);
    rc = ctx->host->sweep(ctx, &request, information_page, &table, &coverage);
    return rc == KMCP_OK ? kmcp_table_result(ctx, &table, "devices in Prism", &coverage) : rc;
}

/* Contents. */

static const struct kmcp_tool tools[] = {
    { .name = "get_prism_device_information",
      .title = "Get Prism device information",
      .description = "The fleet's inventory as last collected (daily): OS, model, agent, check-in.",
      .input_schema = get_prism_device_information_schema,
      .output_schema = table_schema,
      .safety = KMCP_READ,
      .run = get_prism_device_information_run },
};

KMCP_PLUGIN(prism, "1.0.0", .summary = "Fleet-wide inventory from Prism", .threading = KMCP_PARALLEL,
            KMCP_ROUTES(routes), KMCP_TOOLS(tools));
