/* devices - the fleet's devices: lists, records, state, apps, history.  See kmcp-devices.md.
 * SPDX-License-Identifier: Apache-2.0 */

#include "devices.h"
#include "devices_schema.h"

/* What we may call. */

const struct kmcp_route device_routes[N_ROUTES] = {
    [GET_DEVICE] = KMCP_ROUTE_GET_DEVICE,
    [LIST_DEVICES] = KMCP_ROUTE_LIST_DEVICES,
    [GET_DETAILS] = { .method = "GET",
                      .path = "/api/v1/devices/{device_id}/details",
                      .permission = "Device details",
                      .pii =
                          "device_name serial_number smbios_serial_number asset_tag last_user assigned_user "
                          "mdm_enabled_user "
                          "enabled_by "
                          "disabled_by lock_screen_message lock_screen_phone_number lock_screen_footnote "
                          "last_location udid hardware_overview.uuid network imei meid subscriptions "
                          "username "
                          "users.name regular_users system_users device_assigned_by wifi_mac_address iccid",
                      .cache = "devices",
                      .tags = "devices device:{device_id}",
                      .safety = KMCP_READ,
                      .flags = KMCP_ROUTE_RETRY,
                      .ttl_s = 300 },
    [GET_STATUS] = { .method = "GET",
                     .path = "/api/v1/devices/{device_id}/status",
                     .permission = "Device Status",
                     .pii = "log last_audit_log control_log computer.name",
                     .cache = "compliance",
                     .tags = "compliance device:{device_id}",
                     .safety = KMCP_READ,
                     .flags = KMCP_ROUTE_RETRY,
                     .ttl_s = 120 },
    [GET_APPS] = { .method = "GET",
                   .path = "/api/v1/devices/{device_id}/apps",
                   .permission = "Application list",
                   .pii = "path installed_path",
                   .cache = "devices",
                   .tags = "devices device:{device_id}",
                   .safety = KMCP_READ,
                   .flags = KMCP_ROUTE_RETRY,
                   .ttl_s = 300 },
    /* Activity and commands tell what became of an act: never from the cache. */
    [GET_ACTIVITY] = { .method = "GET",
                       .path = "/api/v1/devices/{device_id}/activity",
                       .permission = "Device Activity",
                       .pii = "computer.name user user_name username details.from details.to",
                       .safety = KMCP_READ,
                       .flags = KMCP_ROUTE_RETRY,
                       .paging = KMCP_PAGES_OFFSET },
    [GET_COMMANDS] = { .method = "GET",
                       .path = "/api/v1/devices/{device_id}/commands",
                       .permission = "Get Device Commands",
                       .pii = "user user_name username metadata",
                       .row_id = "uuid",
                       .safety = KMCP_READ,
                       .flags = KMCP_ROUTE_RETRY,
                       .paging = KMCP_PAGES_OFFSET },
};

/* How we are configured. */

static const struct kmcp_option options[] = {
    { "default_limit", "int", "50", "Rows of a list when the caller asks for no number (1 to 1000)." },
    { "compliance_devices", "int", "6000",
      "Devices that one compliance summary may cover: it asks the API once for each." },
};

/* Helpers. */

kmcp_rc device_named_by(kmcp_ctx *ctx, const kmcp_json *args, struct kmcp_device *d)
{
    return kmcp_device_look_up(ctx, &device_routes[GET_DEVICE], &device_routes[LIST_DEVICES],
                               kmcp_get_str(ctx, args, "device_id"), d);
}

/* The argument "device_id" as the API writes UUIDs, or NULL if it is none. */
static const char *uuid_of(kmcp_ctx *ctx, const kmcp_json *args)
{
    const char *given = kmcp_get_str(ctx, args, "device_id");
    char *id = given && kmcp_is_uuid(given) ? ctx->host->format(ctx, "%s", given) : NULL;

    for (char *p = id; p && *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'F' ? *p - 'A' + 'a' : *p);
    return id;
}

kmcp_rc device_id_of(kmcp_ctx *ctx, const kmcp_json *args, const char **id)
{
    struct kmcp_device d;
    kmcp_rc rc;

    if ((*id = uuid_of(ctx, args)))
        return KMCP_OK;
    if ((rc = device_named_by(ctx, args, &d)) == KMCP_OK)
        *id = d.id;
    return rc;
}

/* Adds the scalar members of OBJECT to OUT and, as "key: value" lines, to the text; unset ones are left out.
 */
static void show_fields(kmcp_ctx *ctx, const kmcp_json *object, kmcp_json *out, const char *indent)
{
    const struct kmcp_host *h = ctx->host;
    const kmcp_json *member;

    for (member = h->json_at(object, 0); member; member = h->json_next(member)) {
        uint32_t kind = h->json_kind(member);
        const char *text = h->json_str(member);

        if (kind == KMCP_JSON_NULL || (text && !*text))
            continue;
        if (kind == KMCP_JSON_OBJECT || kind == KMCP_JSON_ARRAY) {
            if (h->json_len(member) == 0)
                continue;
            text = h->json_text(ctx, member);
        }
        if (out)
            h->json_set(ctx, out, h->json_key(member), member);
        kmcp_text(ctx, "%s%s: %s\n", indent, h->json_key(member),
                  kmcp_cell(ctx, text ? text : h->json_text(ctx, member)));
    }
}

/* What callers may ask about in the list of devices. */

static const struct kmcp_column device_columns[] = {
    TEXT("name", "device_name", "device_name", KMCP_COLUMN_SHOWN),
    TEXT("serial_number", "serial_number", "serial_number", KMCP_COLUMN_SHOWN),
    TEXT("platform", "platform", "platform", KMCP_COLUMN_SHOWN | KMCP_COLUMN_EXACT),
    { "os_version", "os_version", "os_version", KMCP_COLUMN_VERSION, KMCP_COLUMN_SHOWN },
    TEXT("user_email", "user.email|user_email", "user_email", KMCP_COLUMN_SHOWN),
    TEXT("user_name", "user.name|user_name", "user_name", 0),
    { "last_check_in", "last_check_in", NULL, KMCP_COLUMN_DATE, KMCP_COLUMN_SHOWN },
    TEXT("model", "model", "model", 0),
    TEXT("asset_tag", "asset_tag", "asset_tag", 0),
    TEXT("blueprint", "blueprint_name", NULL, 0),
    TEXT("blueprint_id", "blueprint_id", "blueprint_id", KMCP_COLUMN_EXACT),
    { "tag", "tags", "tag_name", KMCP_COLUMN_LIST, KMCP_COLUMN_EXACT },
    { "mdm_enabled", "mdm_enabled", NULL, KMCP_COLUMN_BOOL, 0 },
    { "agent_installed", "agent_installed", NULL, KMCP_COLUMN_BOOL, 0 },
    { "agent_version", "agent_version", NULL, KMCP_COLUMN_VERSION, 0 },
    { "is_missing", "is_missing", NULL, KMCP_COLUMN_BOOL, 0 },
    { "is_removed", "is_removed", NULL, KMCP_COLUMN_BOOL, 0 },
    TEXT("lost_mode_status", "lost_mode_status", NULL, 0),
    TEXT("build", "supplemental_build_version", NULL, 0),
    { "first_enrollment", "first_enrollment", NULL, KMCP_COLUMN_DATE, 0 },
    { "last_enrollment", "last_enrollment", NULL, KMCP_COLUMN_DATE, 0 },
    TEXT("device_id", "device_id", NULL, KMCP_COLUMN_SHOWN),
};

/* ARGS with the one condition TEXT more, and without the argument NAME. */
static const kmcp_json *with_condition(kmcp_ctx *ctx, const kmcp_json *args, const char *name,
                                       const char *text)
{
    const struct kmcp_host *h = ctx->host;
    const kmcp_json *given = h->json_get(args, "where");
    kmcp_json *copy = h->json_copy(ctx, args),
              *where = given ? h->json_copy(ctx, given) : h->json_new(ctx, "[]");

    if (!copy || !where || h->json_append(ctx, where, h->json_new_str(ctx, text)) != KMCP_OK ||
        h->json_set(ctx, copy, "where", where) != KMCP_OK || kmcp_set_str(ctx, copy, name, "") != KMCP_OK)
        return NULL;
    return copy;
}

/* The one question about devices, with what is no column: whose it is, and FileVault, which the API's own
 * filter alone knows. */
static kmcp_rc ask_devices(kmcp_ctx *ctx, const kmcp_json *args, const char *sections)
{
    const char *user = kmcp_get_str(ctx, args, "user"), *mail = user && strchr(user, '@') ? user : NULL;
    const char *platform = kmcp_get_str(ctx, args, "platform"),
               *blueprint = kmcp_get_str(ctx, args, "blueprint_id");
    int vault = kmcp_get_bool(ctx, args, "filevault_enabled", -1);
    const struct kmcp_param query[] = {
        { "user", mail ? NULL : user },
        { "user_email", mail },
        { "filevault_enabled", vault < 0 ? NULL
                               : vault   ? "true"
                                         : "false" },
    };
    const struct kmcp_where where[] = {
        { "user.name|user_name", mail ? NULL : user, KMCP_WHERE_CONTAINS, 0 },
        { "user.email|user_email", mail, KMCP_WHERE_CONTAINS, 0 },
        { "platform", vault < 0 ? NULL : "Mac", KMCP_WHERE_EQUALS, 0 },
    };
    const struct kmcp_request request = {
        .struct_size = sizeof request,
        .route = &device_routes[LIST_DEVICES],
        .query = query,
        .n_query = sizeof query / sizeof *query,
        .where = where,
        .n_where = sizeof where / sizeof *where,
    };
    const struct kmcp_query question = {
        .struct_size = sizeof question,
        .flags = KMCP_QUERY_PUSHED,
        .request = &request,
        KMCP_COLUMNS(device_columns),
        .what = "devices",
        .sections = sections,
        .limit = ctx->host->opt_int(ctx, "default_limit"),
    };

    if (vault >= 0 && platform && strcmp(platform, "Mac") != 0)
        return kmcp_fail(ctx, KMCP_E_ARG,
                         "FileVault is for Macs only; leave \"platform\" out or make it \"Mac\"");
    if (blueprint && !kmcp_is_uuid(blueprint)) /* its name */
        args = with_condition(ctx, args, "blueprint_id", ctx->host->format(ctx, "blueprint = %s", blueprint));
    return args ? ctx->host->query(ctx, &question, args) : KMCP_E_NOMEM;
}

static kmcp_rc list_devices_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    return ask_devices(ctx, args, NULL);
}

/* summarize_fleet: one pass over the list, and beside it two counts for FileVault. */

/* How many Macs have FileVault ON, or -1: a server that does not know the filter sends others as well. AHEAD:
 * only sends the request. */
static int64_t count_filevault(kmcp_ctx *ctx, const kmcp_json *args, const char *on, int ahead)
{
    const struct kmcp_param query[] = { { "filevault_enabled", on },
                                        { "blueprint_id", kmcp_get_str(ctx, args, "blueprint_id") },
                                        { "limit", "1" } };
    const struct kmcp_request request = {
        .struct_size = sizeof request,
        .route = &device_routes[LIST_DEVICES],
        .query = query,
        .n_query = sizeof query / sizeof *query,
    };
    struct kmcp_reply reply = { .struct_size = sizeof reply };
    const char *platform;

    if (ahead)
        ctx->host->ahead(ctx, &request);
    if (ahead || ctx->host->http(ctx, &request, &reply) != KMCP_OK)
        return -1;
    platform = kmcp_get_str(ctx, ctx->host->json_at(reply.body, 0), "platform");
    return !platform || strcmp(platform, "Mac") == 0 ? reply.total : -1;
}

static kmcp_rc summarize_fleet_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const char *platform = kmcp_get_str(ctx, args, "platform"),
               *blueprint = kmcp_get_str(ctx, args, "blueprint_id");
    int counts = (!platform || strcmp(platform, "Mac") == 0) && (!blueprint || kmcp_is_uuid(blueprint)) &&
                 !ctx->host->json_get(args, "where"); /* the API's own count cannot follow other conditions */
    int64_t on, off;
    kmcp_rc rc;

    if (counts) {
        count_filevault(ctx, args, "true", 1);
        count_filevault(ctx, args, "false", 1);
    }
    rc = ask_devices(ctx, args, "platform platform,os_version last_check_in:age agent_version blueprint");
    if (rc != KMCP_OK || !counts)
        return rc;
    on = count_filevault(ctx, args, "true", 0);
    off = count_filevault(ctx, args, "false", 0);
    return kmcp_text(ctx,
                     on < 0 || off < 0 ? "\n\nfilevault: unknown (the API did not count it)"
                                       : "\n\nfilevault\tcount\non\t%lld\noff\t%lld",
                     (long long)on, (long long)off);
}

/* get_device: the record, with the two enrolment facts that only the details hold. Records of one service are
 * alike: once one lacked the facts, the details are asked for beside the next.
 */

struct devices {
    int lacks_enrolment; /* __atomic */
};

static int says_true(kmcp_ctx *ctx, const kmcp_json *object, const char *key)
{
    const char *text = kmcp_get_str(ctx, object, key); /* the details write "True" and "False" */

    return text ? strcmp(text, "True") == 0 || strcmp(text, "true") == 0
                : kmcp_get_bool(ctx, object, key, -1);
}

static void add_enrolment(kmcp_ctx *ctx, const struct kmcp_device *d, kmcp_json *out)
{
    const struct kmcp_host *h = ctx->host;
    struct kmcp_reply reply = { 0 };
    int supervised = -1, enrolled = -1;

    if (h->json_get(d->record, "is_supervised") || h->json_get(d->record, "is_dep_enrolled"))
        return;
    __atomic_store_n(&((struct devices *)h->state(ctx))->lacks_enrolment, 1, __ATOMIC_RELAXED);
    if (kmcp_get_fields(ctx, &device_routes[GET_DETAILS], "device_id", d->id,
                        "mdm automated_device_enrollment", &reply) != KMCP_OK)
        return; /* the token may lack that permission; the record stands without */
    supervised = says_true(ctx, h->json_get(reply.body, "mdm"), "supervised");
    enrolled = says_true(ctx, h->json_get(reply.body, "automated_device_enrollment"), "auto_enrolled");
    if (supervised >= 0)
        kmcp_set_bool(ctx, out, "is_supervised", supervised);
    if (enrolled >= 0)
        kmcp_set_bool(ctx, out, "is_dep_enrolled", enrolled);
}

static kmcp_rc get_device_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const struct kmcp_host *h = ctx->host;
    kmcp_json *out = h->json_new(ctx, "{}");
    const char *id = uuid_of(ctx, args);
    const struct devices *devices = h->state(ctx);
    const kmcp_json *member;
    struct kmcp_device d;
    kmcp_rc rc;

    if (id && __atomic_load_n(&devices->lacks_enrolment, __ATOMIC_RELAXED))
        kmcp_ahead(ctx, &device_routes[GET_DETAILS], "device_id", id);
    if ((rc = device_named_by(ctx, args, &d)) != KMCP_OK)
        return rc;
    if (!out)
        return KMCP_E_NOMEM;
    for (member = h->json_at(d.record, 0); member; member = h->json_next(member))
        if (strcmp(h->json_key(member), "user") != 0)
            h->json_set(ctx, out, h->json_key(member), member);
    if (d.user_name)
        kmcp_set_str(ctx, out, "user_name", d.user_name);
    if (d.user_email)
        kmcp_set_str(ctx, out, "user_email", d.user_email);
    add_enrolment(ctx, &d, out);
    show_fields(ctx, out, NULL, "");
    return h->result_json(ctx, out);
}

/* get_device_details: everything known, section by section. */

static kmcp_rc no_section(kmcp_ctx *ctx, const char *wanted, const kmcp_json *details)
{
    const char *there = "";
    const kmcp_json *section;

    for (section = ctx->host->json_at(details, 0); section; section = ctx->host->json_next(section))
        if (ctx->host->json_len(section))
            there = ctx->host->format(ctx, "%s%s%s", there, *there ? ", " : "", ctx->host->json_key(section));
    return kmcp_fail(ctx, KMCP_E_NOTFOUND, "this device has no section \"%s\"; it has: %s", wanted, there);
}

static kmcp_rc get_device_details_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const struct kmcp_host *h = ctx->host;
    const char *wanted = kmcp_get_str(ctx, args, "section");
    kmcp_json *out = h->json_new(ctx, "{}");
    struct kmcp_reply reply = { 0 };
    const kmcp_json *section;
    const char *id;
    kmcp_rc rc;

    if ((rc = device_id_of(ctx, args, &id)) != KMCP_OK ||
        (rc = kmcp_call(ctx, &device_routes[GET_DETAILS], "device_id", id, NULL, &reply)) != KMCP_OK)
        return rc;
    if (!out || kmcp_set_str(ctx, out, "device_id", id) != KMCP_OK)
        return KMCP_E_NOMEM;
    if (h->json_kind(reply.body) != KMCP_JSON_OBJECT)
        return kmcp_fail(ctx, KMCP_E_UPSTREAM, "the API's details of device \"%s\" are no object", id);
    if (wanted && h->json_len(h->json_get(reply.body, wanted)) == 0)
        return no_section(ctx, wanted, reply.body);
    kmcp_text(ctx, "device_id: %s\n", id);
    for (section = h->json_at(reply.body, 0); section; section = h->json_next(section)) {
        const char *key = h->json_key(section);
        uint32_t kind = h->json_kind(section);
        kmcp_json *kept = h->json_new(ctx, "{}");

        if ((wanted && strcmp(wanted, key) != 0) || h->json_len(section) == 0)
            continue;
        if (kind == KMCP_JSON_ARRAY && !wanted) { /* long lists only when asked for */
            kmcp_text(ctx, "%s: %zu entries (section \"%s\" shows them)\n", key, h->json_len(section), key);
            kmcp_set_int(ctx, out, h->format(ctx, "%s_count", key), (int64_t)h->json_len(section));
        } else if (kind == KMCP_JSON_OBJECT && !(strcmp(key, "users") == 0 && !wanted)) {
            kmcp_text(ctx, "%s:\n", key);
            show_fields(ctx, section, kept, "  ");
            h->json_set(ctx, out, key, kept);
        } else if (wanted) {
            kmcp_text(ctx, "%s: %s\n", key, h->json_text(ctx, section));
            h->json_set(ctx, out, key, section);
        }
    }
    return h->result_json(ctx, out);
}

/* Contents. */

#define READ_TOOL(tool_name, tool_title, tool_text, out, bits)                                               \
    {                                                                                                        \
        .name = #tool_name, .title = tool_title, .description = tool_text,                                   \
        .input_schema = tool_name##_schema, .output_schema = out, .safety = KMCP_READ, .flags = bits,        \
        .run = tool_name##_run                                                                               \
    }

static const struct kmcp_tool tools[] = {
    READ_TOOL(list_devices, "List devices",
              "Devices by any condition: rows, exact counts, groups. Columns: name serial_number platform "
              "os_version "
              "user_email user_name last_check_in model asset_tag blueprint blueprint_id tag mdm_enabled "
              "agent_installed "
              "agent_version is_missing is_removed lost_mode_status build first_enrollment last_enrollment "
              "device_id.",
              table_schema, 0),
    READ_TOOL(summarize_fleet, "Summarize fleet",
              "Counts by platform, OS version, check-in age, agent version, blueprint, FileVault.", NULL, 0),
    READ_TOOL(get_compliance_summary, "Get compliance summary",
              "How many devices have failing parameters or library items, by platform, and what fails most. "
              "One request "
              "a device.",
              NULL, KMCP_TOOL_TASK),
    READ_TOOL(get_device, "Get device",
              "One device's record: name, user, OS, blueprint, check-in, enrolment.", object_schema, 0),
    READ_TOOL(get_device_details, "Get device details",
              "Hardware, MDM, FileVault, network, volumes, users, profiles of one device.", object_schema, 0),
    READ_TOOL(get_device_status, "Get device status",
              "Library items and parameters of one device by state, and what is failing.", status_schema, 0),
    READ_TOOL(get_device_apps, "Get device apps",
              "Apps installed on one device. Columns: name version bundle_id source.", table_schema, 0),
    READ_TOOL(get_device_activity, "Get device activity",
              "One device's history, newest first. Columns: time type request status error.", table_schema,
              0),
    READ_TOOL(
        get_device_commands, "Get device commands",
        "MDM commands of one device, newest first: was a DeviceLock carried out? Columns: requested type "
        "status completed error.",
        table_schema, 0),
};

static kmcp_rc open_devices(kmcp_ctx *ctx, void **state)
{
    int64_t limit = ctx->host->opt_int(ctx, "default_limit");

    if (ctx->host->opt_int(ctx, "compliance_devices") < 1)
        return kmcp_fail(ctx, KMCP_E_ARG, "\"compliance_devices\" must be at least 1");
    if (limit < 1 || limit > 1000)
        return kmcp_fail(ctx, KMCP_E_ARG, "\"default_limit\" must be from 1 to 1000");
    *state = calloc(1, sizeof(struct devices));
    return *state ? KMCP_OK : KMCP_E_NOMEM;
}

KMCP_PLUGIN(devices, "1.0.0", .needs_minor = 3,
            .summary = "The fleet's devices: lists, records, state, apps, history",
            .threading = KMCP_PARALLEL, .open = open_devices, .close = free, KMCP_OPTIONS(options),
            KMCP_ROUTES(device_routes), KMCP_TOOLS(tools));
