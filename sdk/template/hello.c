/* hello - a plugin to start from: counts devices.  Copy the folder, rename, replace. */

#include <kmcp/fleet.h>
#include "hello_schema.h"

/* What we may call. */

enum { LIST_DEVICES };

static const struct kmcp_route routes[] = {
    [LIST_DEVICES] = KMCP_ROUTE_LIST_DEVICES,
};

/* How we are configured. */

static const struct kmcp_option options[] = {
    { "greeting", "string", "Hello", "How an answer begins." },
};

/* count_devices: the host fetches page after page and hands us the rows. */

static kmcp_rc count_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    int64_t *n = arg;

    *n += (int64_t)ctx->host->json_len(rows);
    return KMCP_OK;
}

static kmcp_rc count_devices_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const char *platform = kmcp_get_str(ctx, args, "platform");
    const struct kmcp_param query[] = { { "platform", platform } };
    const struct kmcp_where where[] = { { "platform", platform, KMCP_WHERE_EQUALS, 0 } };
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage };
    const struct kmcp_request request = {
        .struct_size = sizeof request,
        .route = &routes[LIST_DEVICES],
        .query = query,
        .n_query = 1,
        .where = where,
        .n_where = 1,
    };
    int64_t n = 0;
    kmcp_rc rc = ctx->host->sweep(ctx, &request, count_page, &n, &coverage);

    if (rc != KMCP_OK)
        return rc; /* the host has said what went wrong */
    return kmcp_text(ctx, "%s: %lld %s%s", ctx->host->opt_str(ctx, "greeting"), (long long)n,
                     platform ? platform : "devices",
                     coverage.complete ? "" : " so far; not all could be read");
}

/* Contents. */

static const struct kmcp_tool tools[] = {
    { .name = "count_devices",
      .title = "Count devices",
      .description = "How many devices there are, in all or of one platform.",
      .input_schema = count_devices_schema,
      .safety = KMCP_READ,
      .run = count_devices_run },
};

KMCP_PLUGIN(hello, "1.0.0", .summary = "Counts devices", .threading = KMCP_PARALLEL, KMCP_OPTIONS(options),
            KMCP_ROUTES(routes), KMCP_TOOLS(tools));
