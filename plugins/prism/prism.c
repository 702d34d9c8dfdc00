/* prism - inventory as it was last collected, for the whole fleet at once.  See kmcp-prism.md.
 * SPDX-License-Identifier: Apache-2.0 */

#include <kmcp/fleet.h>
#include "categories.h"
#include "prism_schema.h"

static int has_column(const struct category *c, const char *name)
{
    for (uint32_t i = 0; i < c->n_columns; i++)
        if (strcmp(c->columns[i].name, name) == 0)
            return 1;
    return 0;
}

/* ARGS in the terms of the columns: which category is asked about is no condition (apps have a column of that
 * name), "name" is the device's where a row has no name of its own, and a blueprint that is not named by its
 * id is by its name. NULL at the memory ceiling. */
static const kmcp_json *in_columns(kmcp_ctx *ctx, const struct category *c, const kmcp_json *args)
{
    const struct kmcp_host *h = ctx->host;
    const char *name = has_column(c, "name") ? NULL : kmcp_get_str(ctx, args, "name"),
               *blueprint = kmcp_get_str(ctx, args, "blueprint_id");
    const kmcp_json *given = h->json_get(args, "where");
    kmcp_json *copy = h->json_copy(ctx, args), *where;

    if (!copy || kmcp_set_str(ctx, copy, "category", "") != KMCP_OK ||
        (name && kmcp_set_str(ctx, copy, "device_name", name) != KMCP_OK))
        return NULL;
    if (!blueprint || kmcp_is_uuid(blueprint))
        return copy;
    where = given ? h->json_copy(ctx, given) : h->json_new(ctx, "[]");
    if (!where ||
        h->json_append(ctx, where, h->json_new_str(ctx, h->format(ctx, "blueprint = %s", blueprint))) !=
            KMCP_OK ||
        h->json_set(ctx, copy, "where", where) != KMCP_OK ||
        kmcp_set_str(ctx, copy, "blueprint_id", "") != KMCP_OK)
        return NULL;
    return copy;
}

static kmcp_rc ask(kmcp_ctx *ctx, size_t which, const kmcp_json *args)
{
    const struct category *c = &categories[which];
    const struct kmcp_request request = { .struct_size = sizeof request, .route = &prism_routes[which] };
    const struct kmcp_query question = {
        .struct_size = sizeof question,
        .flags = KMCP_QUERY_FILTER,
        .request = &request,
        .columns = c->columns,
        .n_columns = c->n_columns,
        .column_size = sizeof *c->columns,
        .what = c->what,
        .limit = 50,
        .words = "platform:Mac=Mac platform:iPhone=iPhone platform:iPad=iPad platform:AppleTV=tvOS",
    };

    args = in_columns(ctx, c, args);
    return args ? ctx->host->query(ctx, &question, args) : KMCP_E_NOMEM;
}

static kmcp_rc query_prism_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const char *wanted = kmcp_get_str(ctx, args, "category");

    for (size_t i = 0; i < N_CATEGORIES; i++)
        if (wanted && strcmp(categories[i].name, wanted) == 0)
            return ask(ctx, i, args);
    return kmcp_fail(ctx, KMCP_E_ARG, "prism has no category \"%s\"", wanted ? wanted : "");
}

/* Contents. */

static const struct kmcp_tool tools[] = {
    { .name = "query_prism",
      .title = "Query Prism",
      .description = "Daily inventory of all devices: rows, counts, groups of one category. fields=all shows "
                     "its columns: "
                     "device_name serial_number user_email platform blueprint; device_information: "
                     "os_version model_name; "
                     "filevault: status key_escrowed; apps: name version bundle_id; installed_profiles: "
                     "profile_display_name; local_users: username type; transparency_database: service "
                     "application status.",
      .input_schema = query_prism_schema,
      .output_schema = table_schema,
      .safety = KMCP_READ,
      .run = query_prism_run },
};

KMCP_PLUGIN(prism, "1.0.0", .needs_minor = 3, .summary = "Fleet-wide inventory from Prism",
            .threading = KMCP_PARALLEL, KMCP_ROUTES(prism_routes), KMCP_TOOLS(tools));
