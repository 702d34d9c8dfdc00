/* lists.c - what hangs on one device and is asked for like any list: apps, activity, commands.  See
 * kmcp-devices.md.  SPDX-License-Identifier: Apache-2.0 */

#include "devices.h"

/* get_device_apps: names differ between platforms. */

static const struct kmcp_column app_columns[] = {
    TEXT("name", "app_name|display_name|name", NULL, KMCP_COLUMN_SHOWN),
    { "version", "version|version_name|app_version", NULL, KMCP_COLUMN_VERSION, KMCP_COLUMN_SHOWN },
    TEXT("bundle_id", "bundle_id|package_name|product_code", NULL, 0),
    TEXT("source", "source|application_source|publisher", NULL, 0),
};

/* A question about what hangs on one device. REQUEST: the route and the plugin's own conditions; QUESTION:
 * what else is the list's own. */
static kmcp_rc ask_device(kmcp_ctx *ctx, const kmcp_json *args, struct kmcp_request request,
                          struct kmcp_query question)
{
    struct kmcp_param path[] = { { "device_id", NULL } };
    kmcp_rc rc = device_id_of(ctx, args, &path[0].value);

    if (rc != KMCP_OK)
        return rc;
    request.struct_size = sizeof request;
    request.path = path;
    request.n_path = 1;
    question.struct_size = sizeof question;
    question.request = &request;
    question.limit = ctx->host->opt_int(ctx, "default_limit");
    return ctx->host->query(ctx, &question, args);
}

kmcp_rc get_device_apps_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const struct kmcp_request request = { .route = &device_routes[GET_APPS] };
    const struct kmcp_query question = { KMCP_COLUMNS(app_columns), .what = "apps" };

    return ask_device(ctx, args, request, question);
}

/* get_device_activity, get_device_commands: newest first, which the API does not promise. */

#define ERROR_IN(chain) chain ".0.us_english_description|" chain ".0.localized_description"
/* api section 1.10: 1 waits, 2 was sent, 3 and 4 are ends, 5 will be tried again */
#define STATUS_WORDS "status:pending=1 status:sent=2 status:done=3 status:failed=4 status:not_now=5"

static const struct kmcp_column activity_columns[] = {
    { "time", "created_at", NULL, KMCP_COLUMN_DATE, KMCP_COLUMN_SHOWN },
    TEXT("type", "action_type", NULL, KMCP_COLUMN_SHOWN),
    TEXT("request", "details.request_type|details.command_type", NULL, KMCP_COLUMN_SHOWN), /* of a command */
    TEXT("status", "details.status", NULL, KMCP_COLUMN_SHOWN),
    TEXT("error", ERROR_IN("details.error_chain"), NULL, KMCP_COLUMN_SHOWN),
    TEXT("details", "details", NULL, KMCP_COLUMN_SHOWN),
};

static const struct kmcp_column command_columns[] = {
    { "requested", "date_requested", NULL, KMCP_COLUMN_DATE, KMCP_COLUMN_SHOWN },
    TEXT("type", "request_type|command_type", NULL, KMCP_COLUMN_SHOWN),
    TEXT("status", "status", NULL, KMCP_COLUMN_SHOWN),
    { "completed", "date_completed", NULL, KMCP_COLUMN_DATE, KMCP_COLUMN_SHOWN },
    TEXT("error", ERROR_IN("error_chain"), NULL, KMCP_COLUMN_SHOWN),
};

static const kmcp_json *sorted_by(kmcp_ctx *ctx, const kmcp_json *args, const char *sort)
{
    kmcp_json *copy = ctx->host->json_copy(ctx, args);

    return copy && kmcp_set_str(ctx, copy, "sort", sort) == KMCP_OK ? copy : NULL;
}

kmcp_rc get_device_activity_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const struct kmcp_request request = { .route = &device_routes[GET_ACTIVITY] };
    const struct kmcp_query question = { KMCP_COLUMNS(activity_columns), .what = "events",
                                         .words = STATUS_WORDS };

    args = sorted_by(ctx, args, "-time");
    return args ? ask_device(ctx, args, request, question) : KMCP_E_NOMEM;
}

/* The API refuses a queue that is not there as it refuses anything else. Only then is it worth a request to
 * know why. */
static kmcp_rc say_no_queue(kmcp_ctx *ctx, const kmcp_json *args)
{
    struct kmcp_device d;
    kmcp_rc rc = device_named_by(ctx, args, &d);

    if (rc != KMCP_OK)
        return rc;
    return kmcp_fail(ctx, KMCP_E_CONFLICT,
                     kmcp_device_has_queue(&d)
                         ? "the API refused to show the device's commands; get_device_activity shows those "
                           "that were carried out"
                         : "Android and Windows devices have no command queue; get_device_activity shows a "
                           "command once it was carried out");
}

kmcp_rc get_device_commands_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const struct kmcp_where where[] = { { "request_type|command_type",
                                          kmcp_get_str(ctx, args, "request_type"), KMCP_WHERE_CONTAINS, 0 } };
    const struct kmcp_request request = { .route = &device_routes[GET_COMMANDS],
                                          .where = where,
                                          .n_where = 1 };
    const struct kmcp_query question = { KMCP_COLUMNS(command_columns), .what = "commands",
                                         .words = STATUS_WORDS };

    kmcp_rc rc;

    args = sorted_by(ctx, args, "-requested");
    if (!args)
        return KMCP_E_NOMEM;
    rc = ask_device(ctx, args, request, question);
    return rc == KMCP_E_CONFLICT ? say_no_queue(ctx, args) : rc;
}
