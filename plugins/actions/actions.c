/* actions - lock, restart, shut down, erase and delete devices.  See kmcp-actions.md.
 * SPDX-License-Identifier: Apache-2.0 */

#include <kmcp/fleet.h>
#include "actions_schema.h"

/* What we may call. */

enum {
    GET_DEVICE,
    LIST_DEVICES,
    GET_BLUEPRINT,
    GET_COMMANDS,
    GET_ACTIVITY,
    LOCK,
    RESTART,
    SHUTDOWN,
    ERASE,
    DELETE_RECORD
};

/* An act changes what every view of the device shows, and the lists it stands in. */
#define TOUCHES "devices device:{device_id} blueprints prism compliance"

#define ACT(act_method, act_path, act_permission, act_safety, act_secrets)                                   \
    {                                                                                                        \
        .method = act_method, .path = "/api/v1/devices/{device_id}" act_path, .permission = act_permission,  \
        .secrets = act_secrets, .invalidates = TOUCHES, .safety = act_safety                                 \
    }

static const struct kmcp_route routes[] = {
    [GET_DEVICE] = KMCP_ROUTE_GET_DEVICE,
    [LIST_DEVICES] = KMCP_ROUTE_LIST_DEVICES,
    [GET_BLUEPRINT] = { .method = "GET",
                        .path = "/api/v1/blueprints/{blueprint_id}",
                        .permission = "Get Blueprint",
                        .secrets = "enrollment_code",
                        .safety = KMCP_READ,
                        .flags = KMCP_ROUTE_RETRY },
    [GET_COMMANDS] = { .method = "GET",
                       .path = "/api/v1/devices/{device_id}/commands",
                       .permission = "Get Device Commands",
                       .pii = "user user_name username metadata",
                       .row_id = "uuid",
                       .safety = KMCP_READ,
                       .flags = KMCP_ROUTE_RETRY,
                       .paging = KMCP_PAGES_OFFSET },
    [GET_ACTIVITY] = { .method = "GET",
                       .path = "/api/v1/devices/{device_id}/activity",
                       .permission = "Device Activity",
                       .pii = "computer.name user user_name username details.from details.to",
                       .safety = KMCP_READ,
                       .flags = KMCP_ROUTE_RETRY,
                       .paging = KMCP_PAGES_OFFSET },
    [LOCK] = ACT("POST", "/action/lock", "Lock Device", KMCP_WRITE, "PIN unlock_pin pin"),
    [RESTART] = ACT("POST", "/action/restart", "Restart Device", KMCP_WRITE, NULL),
    [SHUTDOWN] = ACT("POST", "/action/shutdown", "Shutdown device", KMCP_WRITE, NULL),
    [ERASE] = ACT("POST", "/action/erase", "Erase Device", KMCP_DESTROY, "PIN unlock_pin pin"),
    [DELETE_RECORD] = ACT("DELETE", "", "Delete Device", KMCP_DESTROY, NULL),
};

/* How we are configured. */

static const struct kmcp_option options[] = {
    { "lock_message", "string", "", "Shown on a locked screen when the caller gives no message." },
};

/* Helpers. */

static kmcp_rc find(kmcp_ctx *ctx, const kmcp_json *args, struct kmcp_device *d)
{
    return kmcp_device_find(ctx, &routes[GET_DEVICE], &routes[LIST_DEVICES],
                            kmcp_get_str(ctx, args, "device_id"), d);
}

/* api section 1.11: which platform knows which command. One this list does not know is left to the API. */
static int platform_allows(const char *platform, const char *allowed)
{
    static const char *const known[] = { "Mac", "iPhone", "iPad", "AppleTV", "Windows", "Android" };
    size_t i, n = platform ? strlen(platform) : 0;

    for (i = 0; platform && i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], platform) == 0) {
            const char *at = strstr(allowed, platform);

            return at && (at[n] == ' ' || !at[n]);
        }
    return 1;
}

/* Case makes no difference in a serial number that a person types. */
static int same_serial(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        char x = *a >= 'a' && *a <= 'z' ? (char)(*a - 32) : *a,
             y = *b >= 'a' && *b <= 'z' ? (char)(*b - 32) : *b;

        if (x != y)
            return 0;
    }
    return *a == *b;
}

/* The plan of every act: the real device, whether it can be done to it, and one sentence with all a person
 * needs: first what nobody can forge, last what its user may have written. */
static kmcp_rc plan_act(kmcp_ctx *ctx, const kmcp_json *args, const char *verb, const char *allowed,
                        const char *effect)
{
    const char *repeated = kmcp_get_str(ctx, args, "serial_number");
    struct kmcp_device d;
    kmcp_rc rc;

    if ((rc = find(ctx, args, &d)) != KMCP_OK)
        return rc;
    if (!platform_allows(d.platform, allowed))
        return kmcp_fail(ctx, KMCP_E_CONFLICT,
                         "a device of the platform %s cannot be told to %s; nothing was sent", d.platform,
                         verb);
    if (ctx->host->json_get(args, "serial_number") &&
        !(repeated && d.serial && same_serial(repeated, d.serial)))
        return kmcp_fail(
            ctx, KMCP_E_ARG,
            "\"serial_number\" is not that of device %s; check that this is the device the person means",
            d.id);
    if ((rc = kmcp_device_subject(ctx, &d, &routes[GET_BLUEPRINT])) != KMCP_OK)
        return rc;
    return kmcp_say(ctx, "%c%s the %s? %s It is %s.", verb[0] - 32, verb + 1, kmcp_device_kind(ctx, &d),
                    effect, kmcp_device_words(ctx, &d));
}

/* Sends ROUTE for the device and says what an accepted command means, and what it does not. */
static kmcp_rc run_act(kmcp_ctx *ctx, const kmcp_json *args, const struct kmcp_route *route,
                       const kmcp_json *body, const char *action, int queued)
{
    const struct kmcp_host *h = ctx->host;
    kmcp_json *out = h->json_new(ctx, "{}");
    struct kmcp_reply reply = { 0 };
    struct kmcp_device d;
    const char *pin;
    int is_handle;
    kmcp_rc rc;

    if ((rc = find(ctx, args, &d)) != KMCP_OK ||
        (rc = kmcp_call(ctx, route, "device_id", d.id, body, &reply)) != KMCP_OK)
        return rc;
    pin = kmcp_get_str(ctx, reply.body, "PIN");
    if (!pin)
        pin = kmcp_get_str(ctx, reply.body, "unlock_pin");
    if (!pin)
        pin = kmcp_get_str(ctx, reply.body, "pin");
    is_handle = pin && kmcp_is_handle(pin);
    if (!out || kmcp_set_bool(ctx, out, "accepted", 1) != KMCP_OK ||
        kmcp_set_str(ctx, out, "action", action) != KMCP_OK ||
        kmcp_set_str(ctx, out, "device_id", d.id) != KMCP_OK ||
        kmcp_set_bool(ctx, out, "pin_set", pin != NULL) != KMCP_OK ||
        (is_handle && kmcp_set_str(ctx, out, "unlock_pin", pin) != KMCP_OK))
        return KMCP_E_NOMEM;
    if (queued)
        kmcp_text(ctx, "%s queued for %s, see %s.", action, d.id,
                  kmcp_device_has_queue(&d) ? "get_device_commands" : "get_device_activity");
    else
        kmcp_text(ctx, "%s done: the record of device %s is gone from Kandji and the device is unenrolled.",
                  action, d.id);
    if (pin && !is_handle) /* of a handle the host says how a person gets at it */
        kmcp_text(ctx, " An unlock PIN was set; it is not shown here. An administrator reads it in the web "
                       "console on the device's page.");
    return h->result_json(ctx, out);
}

/* What became of an act whose answer was lost: a command of its kind in the device's queue (api section 1.10)
 * that was asked for when it was sent. One whose date cannot be read, or is a little earlier, or is later
 * than anything that was sent then, may or may not be it. */
#define EARLIER_MS 5000
#define LATER_MS   900000

struct trace {
    const char *request_type;
    int64_t since_ms;
    const char *found; /* when it was requested */
    int unclear;
};

/* A row is a command, or an event about one or something else. */
static kmcp_rc trace_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    struct trace *trace = arg;
    const kmcp_json *row;

    for (row = ctx->host->json_at(rows, 0); row; row = ctx->host->json_next(row)) {
        const kmcp_json *details = ctx->host->json_get(row, "details"), *command = details ? details : row;
        const char *type = kmcp_get_str(ctx, command, "request_type"),
                   *when = kmcp_get_str(ctx, command, "date_requested");
        int64_t at = kmcp_time_ms(when);

        if (!type)
            type = kmcp_get_str(ctx, command, "command_type");
        if ((type && strcmp(type, trace->request_type) != 0) || (!type && details) ||
            (at >= 0 && at < trace->since_ms - EARLIER_MS))
            continue;
        if (!type || at < trace->since_ms || at > trace->since_ms + LATER_MS)
            trace->unclear = 1;
        else if (!(trace->found = ctx->host->format(ctx, "%s", when)))
            return KMCP_E_NOMEM;
    }
    return KMCP_OK;
}

/* The answer that was lost, as far as it is known. */
static kmcp_rc happened(kmcp_ctx *ctx, const char *action, const char *device_id, int pin_set)
{
    kmcp_json *out = ctx->host->json_new(ctx, "{}");

    if (!out || kmcp_set_bool(ctx, out, "accepted", 1) != KMCP_OK ||
        kmcp_set_str(ctx, out, "action", action) != KMCP_OK ||
        kmcp_set_str(ctx, out, "device_id", device_id) != KMCP_OK ||
        kmcp_set_bool(ctx, out, "pin_set", pin_set) != KMCP_OK || ctx->host->result_json(ctx, out) != KMCP_OK)
        return KMCP_E_NOMEM;
    return KMCP_HAPPENED;
}

/* COMPLETE: the API said how many rows there are, and sent them. */
static kmcp_rc look_in(kmcp_ctx *ctx, const struct kmcp_route *route, const char *device_id,
                       struct trace *trace, int *complete)
{
    const struct kmcp_param path[1] = { { "device_id", device_id } };
    const struct kmcp_request request = {
        .struct_size = sizeof request, .route = route, .path = path, .n_path = 1
    };
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage };
    kmcp_rc rc = ctx->host->sweep(ctx, &request, trace_page, trace, &coverage);

    *complete = rc == KMCP_OK && coverage.complete && coverage.total >= 0;
    return rc;
}

static kmcp_rc cannot_tell(kmcp_ctx *ctx, const struct trace *trace)
{
    if (trace->unclear)
        return kmcp_fail(ctx, KMCP_E_CONFLICT,
                         "the device's queue holds a %s that may or may not be this one",
                         trace->request_type);
    return kmcp_fail(ctx, KMCP_E_UPSTREAM,
                     "the device's commands could not all be read, and its activity shows no %s since",
                     trace->request_type);
}

/* The queue tells both ways. Where it is refused (devices that are not Apple's have none) or cannot be read
 * whole, the activity still shows what the device carried out; that it shows nothing says nothing. */
static kmcp_rc resolve_command(kmcp_ctx *ctx, const kmcp_json *args, const char *action,
                               const char *request_type, int64_t since_ms)
{
    struct trace trace = { request_type, since_ms, NULL, 0 };
    const char *where = "queue holds";
    struct kmcp_device d;
    int complete, locks_mac;
    kmcp_rc rc;

    if ((rc = find(ctx, args, &d)) != KMCP_OK)
        return rc;
    locks_mac = strcmp(action, "lock") == 0 && d.platform && strcmp(d.platform, "Mac") == 0;
    rc = look_in(ctx, &routes[GET_COMMANDS], d.id, &trace, &complete);
    if (!trace.found && !trace.unclear && complete)
        return KMCP_NOT_SEEN;
    if (!trace.found && rc == KMCP_E_CANCELLED)
        return rc;
    if (!trace.found && !trace.unclear) {
        where = "activity shows";
        rc = look_in(ctx, &routes[GET_ACTIVITY], d.id, &trace, &complete);
    }
    if (!trace.found)
        return rc != KMCP_OK ? rc : cannot_tell(ctx, &trace);
    kmcp_text(ctx, "the device's %s a %s of %s", where, request_type, trace.found);
    if (locks_mac)
        kmcp_text(ctx, ". The unlock PIN was in the answer that was lost: get_device_secret with secret "
                       "unlock_pin, or the web console, has it");
    return happened(ctx, action, d.id, locks_mac || ctx->host->json_get(args, "pin"));
}

/* Copies argument FROM to member TO of BODY when the caller gave it. */
static void pass(kmcp_ctx *ctx, const kmcp_json *args, const char *from, kmcp_json *body, const char *to)
{
    const kmcp_json *value = ctx->host->json_get(args, from);

    if (value)
        ctx->host->json_set(ctx, body, to, value);
}

/* lock_device */

static kmcp_rc lock_device_plan(kmcp_ctx *ctx, const kmcp_json *args)
{
    return plan_act(ctx, args, "lock", "Mac iPhone iPad Android",
                    "Its user is locked out until it is unlocked; a Mac then needs the PIN that is set now.");
}

static kmcp_rc lock_device_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const char *configured = ctx->host->opt_str(ctx, "lock_message");
    kmcp_json *body = ctx->host->json_new(ctx, "{}");

    if (!body)
        return KMCP_E_NOMEM;
    pass(ctx, args, "message", body, "Message");
    pass(ctx, args, "phone_number", body, "PhoneNumber");
    if (!ctx->host->json_get(args, "message") && configured && *configured)
        kmcp_set_str(ctx, body, "Message", configured);
    return run_act(ctx, args, &routes[LOCK], body, "lock", 1);
}

static kmcp_rc lock_device_resolve(kmcp_ctx *ctx, const kmcp_json *args, int64_t since_ms)
{
    return resolve_command(ctx, args, "lock", "DeviceLock", since_ms);
}

/* restart_device */

static kmcp_rc restart_device_plan(kmcp_ctx *ctx, const kmcp_json *args)
{
    return plan_act(ctx, args, "restart", "Mac iPhone iPad AppleTV", "Work that is not saved may be lost.");
}

static kmcp_rc restart_device_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    kmcp_json *body = ctx->host->json_new(ctx, "{}");

    if (!body)
        return KMCP_E_NOMEM;
    pass(ctx, args, "rebuild_kernel_cache", body, "RebuildKernelCache");
    pass(ctx, args, "notify_user", body, "NotifyUser");
    return run_act(ctx, args, &routes[RESTART], ctx->host->json_len(body) ? body : NULL, "restart", 1);
}

static kmcp_rc restart_device_resolve(kmcp_ctx *ctx, const kmcp_json *args, int64_t since_ms)
{
    return resolve_command(ctx, args, "restart", "RestartDevice", since_ms);
}

/* shutdown_device */

static kmcp_rc shutdown_device_plan(kmcp_ctx *ctx, const kmcp_json *args)
{
    return plan_act(ctx, args, "shut down", "Mac iPhone iPad",
                    "Work that is not saved may be lost, and somebody has to switch it on again by hand.");
}

static kmcp_rc shutdown_device_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    return run_act(ctx, args, &routes[SHUTDOWN], NULL, "shutdown", 1);
}

static kmcp_rc shutdown_device_resolve(kmcp_ctx *ctx, const kmcp_json *args, int64_t since_ms)
{
    return resolve_command(ctx, args, "shutdown", "ShutDownDevice", since_ms);
}

/* erase_device */

static kmcp_rc erase_device_plan(kmcp_ctx *ctx, const kmcp_json *args)
{
    return plan_act(ctx, args, "erase", "Mac iPhone iPad AppleTV Windows Android",
                    "Everything on it is lost. This cannot be undone.");
}

static kmcp_rc erase_device_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    kmcp_json *body = ctx->host->json_new(ctx, "{}");

    if (!body)
        return KMCP_E_NOMEM;
    pass(ctx, args, "pin", body, "PIN");
    pass(ctx, args, "preserve_data_plan", body, "PreserveDataPlan");
    pass(ctx, args, "disallow_proximity_setup", body, "DisallowProximitySetup");
    return run_act(ctx, args, &routes[ERASE], ctx->host->json_len(body) ? body : NULL, "erase", 1);
}

static kmcp_rc erase_device_resolve(kmcp_ctx *ctx, const kmcp_json *args, int64_t since_ms)
{
    return resolve_command(ctx, args, "erase", "EraseDevice", since_ms);
}

/* delete_device */

static kmcp_rc delete_device_plan(kmcp_ctx *ctx, const kmcp_json *args)
{
    return plan_act(ctx, args, "delete the record of", "Mac iPhone iPad AppleTV Windows Android",
                    "It is unenrolled: management, its profiles and its history in Kandji are lost; what is "
                    "on the device "
                    "stays. This cannot be undone.");
}

static kmcp_rc delete_device_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    return run_act(ctx, args, &routes[DELETE_RECORD], NULL, "delete", 0);
}

struct search {
    const char *id; /* what to look for; NULL: any row may be it */
    int found;
};

static kmcp_rc search_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    struct search *search = arg;
    const kmcp_json *row;

    for (row = ctx->host->json_at(rows, 0); row; row = ctx->host->json_next(row)) {
        const char *id = kmcp_get_str(ctx, row, "device_id");

        if (!search->id || !id || strcasecmp(id, search->id) == 0)
            search->found = 1;
    }
    return KMCP_OK;
}

/* A record that was deleted is not there. That one thing says so is no proof: whatever stands between may
 * answer 404 to all. So the list has to say it too, whole and with the number of its rows. */
static kmcp_rc delete_device_resolve(kmcp_ctx *ctx, const kmcp_json *args, int64_t since_ms)
{
    const char *id = kmcp_get_str(ctx, args, "device_id");
    const struct kmcp_param query[1] = { { "serial_number", kmcp_get_str(ctx, args, "serial_number") } };
    const struct kmcp_request request = {
        .struct_size = sizeof request, .route = &routes[LIST_DEVICES], .query = query, .n_query = 1
    };
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage };
    struct search search = { id && kmcp_is_uuid(id) ? id : NULL, 0 };
    struct kmcp_device d;
    kmcp_rc rc = find(ctx, args, &d);

    (void)since_ms;
    if (rc != KMCP_E_NOTFOUND)
        return rc == KMCP_OK ? KMCP_NOT_SEEN : rc;
    if ((rc = ctx->host->sweep(ctx, &request, search_page, &search, &coverage)) != KMCP_OK)
        return rc;
    if (search.found || !coverage.complete || coverage.total < 0)
        return kmcp_fail(
            ctx, KMCP_E_UPSTREAM,
            "the device's record is not found, but the list of devices does not show that it is gone");
    kmcp_text(ctx, "the device's record is gone");
    return happened(ctx, "delete", id, 0);
}

/* Contents. */

#define ACT_TOOL(tool_name, tool_title, tool_text, tool_safety)                                              \
    {                                                                                                        \
        .name = #tool_name, .title = tool_title, .description = tool_text,                                   \
        .input_schema = tool_name##_schema, .output_schema = accepted_schema, .safety = tool_safety,         \
        .flags = KMCP_TOOL_CONFIRM | KMCP_TOOL_REHEARSE, .plan = tool_name##_plan, .run = tool_name##_run,   \
        .resolve = tool_name##_resolve                                                                       \
    }

static const struct kmcp_tool tools[] = {
    ACT_TOOL(lock_device, "Lock device", "Lock one device's screen. Queued; asks the person first.",
             KMCP_WRITE),
    ACT_TOOL(restart_device, "Restart device", "Restart one device. Queued; asks the person first.",
             KMCP_WRITE),
    ACT_TOOL(shutdown_device, "Shut down device", "Shut one device down. Queued; asks the person first.",
             KMCP_WRITE),
    ACT_TOOL(erase_device, "Erase device",
             "Erase everything on one device. Cannot be undone; asks the person first.", KMCP_DESTROY),
    ACT_TOOL(delete_device, "Delete device record",
             "Delete one device's record and unenroll it, without erasing it. Cannot be undone. The person "
             "is asked first.",
             KMCP_DESTROY),
};

KMCP_PLUGIN(actions, "1.0.0", .summary = "Lock, restart, shut down, erase and delete devices",
            .threading = KMCP_PARALLEL, KMCP_OPTIONS(options), KMCP_ROUTES(routes), KMCP_TOOLS(tools));
