/* devices - the fleet's devices: lists, records, state, apps, history.  See kmcp-devices.md.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <kmcp/fleet.h>
#include "devices_schema.h"

/* What we may call. */

enum { GET_DEVICE, LIST_DEVICES, GET_DETAILS, GET_STATUS, GET_APPS, GET_ACTIVITY, GET_COMMANDS };

static const struct kmcp_route routes[] = {
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
};

/* Helpers. */

static kmcp_rc find(kmcp_ctx *ctx, const kmcp_json *args, struct kmcp_device *d)
{
    return kmcp_device_find(ctx, &routes[GET_DEVICE], &routes[LIST_DEVICES],
                            kmcp_get_str(ctx, args, "device_id"), d);
}

static struct kmcp_table table_for(kmcp_ctx *ctx, const kmcp_json *args, const char *const *columns, size_t n)
{
    int64_t limit = ctx->host->opt_int(ctx, "default_limit");
    struct kmcp_table t = { .columns = columns, .n_columns = n };

    t.limit = kmcp_get_int(ctx, args, "limit", limit);
    t.offset = kmcp_get_int(ctx, args, "offset", 0);
    return t;
}

/* All rows of ROUTE under a device, handed to PAGE. */
static kmcp_rc sweep_device(kmcp_ctx *ctx, const struct kmcp_route *route, const char *id,
                            const struct kmcp_where *where, size_t n_where, kmcp_page_fn page, void *arg,
                            struct kmcp_coverage *coverage)
{
    const struct kmcp_param path[] = { { "device_id", id } };
    const struct kmcp_request request = {
        .struct_size = sizeof request,
        .route = route,
        .path = path,
        .n_path = 1,
        .where = where,
        .n_where = n_where,
    };

    coverage->struct_size = sizeof *coverage;
    return ctx->host->sweep(ctx, &request, page, arg, coverage);
}

/* "2026-11-24T10:00Z" of any of the API's ISO-like forms: minutes are enough in a table. */
static const char *minutes(kmcp_ctx *ctx, const char *time)
{
    if (!time || strlen(time) < 16)
        return time;
    return ctx->host->format(ctx, "%.10sT%.5sZ", time, time + 11);
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

/* list_devices: filters go to the API, which may not know them all, and are checked on the rows that come
 * back. */

struct list_args {
    struct kmcp_table *table;
};

static kmcp_rc list_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    struct list_args *list = arg;
    const kmcp_json *row;

    for (row = ctx->host->json_at(rows, 0); row; row = ctx->host->json_next(row)) {
        struct kmcp_device d;
        kmcp_rc rc;

        if (!kmcp_table_wants(list->table))
            continue;
        kmcp_device_read(ctx, row, &d);
        const char *cells[] = { d.name, d.serial,     d.platform,
                                d.os,   d.user_email, minutes(ctx, d.last_check_in),
                                d.id };

        if ((rc = kmcp_table_add(ctx, list->table, cells)) != KMCP_OK)
            return rc;
    }
    return KMCP_OK;
}

static kmcp_rc list_devices_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    static const char *const columns[] = {
        "name", "serial", "platform", "os", "user", "last_check_in", "id"
    };
    struct kmcp_table table = table_for(ctx, args, columns, sizeof columns / sizeof *columns);
    struct kmcp_coverage coverage = { .struct_size = sizeof coverage };
    struct list_args list = { &table };
    const char *user = kmcp_get_str(ctx, args, "user"), *mail = user && strchr(user, '@') ? user : NULL;
    const char *name = kmcp_get_str(ctx, args, "name"), *serial = kmcp_get_str(ctx, args, "serial_number");
    const char *platform = kmcp_get_str(ctx, args, "platform"), *os = kmcp_get_str(ctx, args, "os_version");
    const char *blueprint = kmcp_get_str(ctx, args, "blueprint_id"), *tag = kmcp_get_str(ctx, args, "tag");
    const char *model = kmcp_get_str(ctx, args, "model"), *asset = kmcp_get_str(ctx, args, "asset_tag");
    int vault = kmcp_get_bool(ctx, args, "filevault_enabled", -1);
    const struct kmcp_param query[] = {
        { "device_name", name },
        { "serial_number", serial },
        { "platform", platform },
        { "os_version", os },
        { "blueprint_id", blueprint },
        { "tag_name", tag },
        { "model", model },
        { "asset_tag", asset },
        { "user", mail ? NULL : user },
        { "user_email", mail },
        { "filevault_enabled", vault < 0 ? NULL
                               : vault   ? "true"
                                         : "false" },
    };
    const struct kmcp_where where[] = {
        { "device_name", name, KMCP_WHERE_CONTAINS, 0 },
        { "serial_number", serial, KMCP_WHERE_CONTAINS, 0 },
        { "platform", vault < 0 ? platform : "Mac", KMCP_WHERE_EQUALS, 0 },
        { "os_version", os, KMCP_WHERE_CONTAINS, 0 },
        { "blueprint_id", blueprint, KMCP_WHERE_EQUALS, 0 },
        { "tags", tag, KMCP_WHERE_HAS, 0 },
        { "model", model, KMCP_WHERE_CONTAINS, 0 },
        { "asset_tag", asset, KMCP_WHERE_CONTAINS, 0 },
        { "user.name|user_name", mail ? NULL : user, KMCP_WHERE_CONTAINS, 0 },
        { "user.email|user_email", mail, KMCP_WHERE_CONTAINS, 0 },
    };
    const struct kmcp_request request = {
        .struct_size = sizeof request,
        .route = &routes[LIST_DEVICES],
        .query = query,
        .n_query = sizeof query / sizeof *query,
        .where = where,
        .n_where = sizeof where / sizeof *where,
    };
    kmcp_rc rc;

    if (vault >= 0 && platform && strcmp(platform, "Mac") != 0)
        return kmcp_fail(ctx, KMCP_E_ARG,
                         "FileVault is for Macs only; leave \"platform\" out or make it \"Mac\"");
    rc = ctx->host->sweep(ctx, &request, list_page, &list, &coverage);
    return rc == KMCP_OK ? kmcp_table_result(ctx, &table, "devices", &coverage) : rc;
}

/* get_device: the record, with the two enrolment facts that only the details hold. */

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
    if (kmcp_call(ctx, &routes[GET_DETAILS], "device_id", d->id, NULL, &reply) != KMCP_OK)
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
    const kmcp_json *member;
    struct kmcp_device d;
    kmcp_rc rc;

    if ((rc = find(ctx, args, &d)) != KMCP_OK)
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

static kmcp_rc get_device_details_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const struct kmcp_host *h = ctx->host;
    const char *wanted = kmcp_get_str(ctx, args, "section");
    kmcp_json *out = h->json_new(ctx, "{}");
    struct kmcp_reply reply = { 0 };
    const kmcp_json *section;
    struct kmcp_device d;
    kmcp_rc rc;

    if ((rc = find(ctx, args, &d)) != KMCP_OK ||
        (rc = kmcp_call(ctx, &routes[GET_DETAILS], "device_id", d.id, NULL, &reply)) != KMCP_OK)
        return rc;
    if (!out || kmcp_set_str(ctx, out, "device_id", d.id) != KMCP_OK)
        return KMCP_E_NOMEM;
    if (wanted && h->json_len(h->json_get(reply.body, wanted)) == 0)
        return kmcp_fail(ctx, KMCP_E_NOTFOUND, "this device has no \"%s\" section (its platform is %s)",
                         wanted, d.platform ? d.platform : "device");
    kmcp_text(ctx, "device_id: %s\n", d.id);
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

/* get_device_status: what is applied and what failed. States that do not apply to a device are no failure. */

enum { GOOD, WAITING, FAILED, WARNED, NOT_APPLICABLE, OTHER, N_STATES };

static const char *const state_names[N_STATES] = { "good",    "waiting",        "failed",
                                                   "warning", "not_applicable", "other" };

static int state_of(const char *status)
{
    static const struct {
        const char *status;
        int state;
    } known[] = { { "PASS", GOOD },
                  { "success", GOOD },
                  { "AVAILABLE", GOOD },
                  { "REMEDIATED", GOOD },
                  { "PENDING", WAITING },
                  { "pending", WAITING },
                  { "CACHED", WAITING },
                  { "DOWNLOADING", WAITING },
                  { "INSTALLING", WAITING },
                  { "CHANGE_PENDING", WAITING },
                  { "ERROR", FAILED },
                  { "failed", FAILED },
                  { "WARNING", WARNED },
                  { "EXCLUDED", NOT_APPLICABLE },
                  { "INCOMPATIBLE", NOT_APPLICABLE } };
    size_t i;

    for (i = 0; status && i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].status, status) == 0)
            return known[i].state;
    return OTHER;
}

/* Counts LIST per state into OUT as KEY, and adds what failed to FAILING. */
static kmcp_rc count_states(kmcp_ctx *ctx, const kmcp_json *list, const char *key, kmcp_json *out,
                            kmcp_json *failing)
{
    const struct kmcp_host *h = ctx->host;
    kmcp_json *counts = h->json_new(ctx, "{}");
    int64_t n[N_STATES] = { 0 };
    const kmcp_json *item;
    int i;

    for (item = h->json_at(list, 0); item; item = h->json_next(item)) {
        const char *status = kmcp_get_str(ctx, item, "status"), *name = kmcp_get_str(ctx, item, "name");
        int state = state_of(status);
        kmcp_json *row;

        n[state]++;
        if (state != FAILED && state != WARNED)
            continue;
        row = h->json_new(ctx, "{}");
        if (!row || kmcp_set_str(ctx, row, "name", name ? name : "?") != KMCP_OK ||
            kmcp_set_str(ctx, row, "status", status) != KMCP_OK ||
            kmcp_set_str(ctx, row, "kind", *key == 'p' ? "parameter" : kmcp_get_str(ctx, item, "type")) !=
                KMCP_OK ||
            h->json_append(ctx, failing, row) != KMCP_OK)
            return KMCP_E_NOMEM;
    }
    kmcp_text(ctx, "%s: %zu", key, h->json_len(list));
    for (i = 0; i < N_STATES; i++)
        if (n[i]) {
            kmcp_text(ctx, ", %lld %s", (long long)n[i], state_names[i]);
            kmcp_set_int(ctx, counts, state_names[i], n[i]);
        }
    kmcp_text(ctx, "\n");
    return h->json_set(ctx, out, key, counts);
}

static kmcp_rc get_device_status_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    const struct kmcp_host *h = ctx->host;
    kmcp_json *out = h->json_new(ctx, "{}"), *failing = h->json_new(ctx, "[]");
    struct kmcp_reply reply = { 0 };
    const kmcp_json *item;
    struct kmcp_device d;
    kmcp_rc rc;

    if ((rc = find(ctx, args, &d)) != KMCP_OK ||
        (rc = kmcp_call(ctx, &routes[GET_STATUS], "device_id", d.id, NULL, &reply)) != KMCP_OK)
        return rc;
    if (!out || !failing || kmcp_set_str(ctx, out, "device_id", d.id) != KMCP_OK)
        return KMCP_E_NOMEM;
    kmcp_text(ctx, "device_id: %s\n", d.id);
    if ((rc = count_states(ctx, h->json_get(reply.body, "library_items"), "library_items", out, failing)) !=
            KMCP_OK ||
        (rc = count_states(ctx, h->json_get(reply.body, "parameters"), "parameters", out, failing)) !=
            KMCP_OK)
        return rc;
    for (item = h->json_at(failing, 0); item; item = h->json_next(item))
        kmcp_text(ctx, "%s\t%s\t%s\n", kmcp_get_str(ctx, item, "status"),
                  kmcp_cell(ctx, kmcp_get_str(ctx, item, "kind")),
                  kmcp_cell(ctx, kmcp_get_str(ctx, item, "name")));
    if ((rc = h->json_set(ctx, out, "failing", failing)) != KMCP_OK ||
        (rc = kmcp_set_str(ctx, out, "as_of", kmcp_iso(ctx, reply.as_of_ms))) != KMCP_OK)
        return rc;
    return h->result_json(ctx, out);
}

/* get_device_apps: names differ between platforms. */

static const char *first_of(kmcp_ctx *ctx, const kmcp_json *row, const char *a, const char *b, const char *c)
{
    const char *text = kmcp_get_str(ctx, row, a);

    if (!text)
        text = kmcp_get_str(ctx, row, b);
    return text ? text : kmcp_get_str(ctx, row, c);
}

static kmcp_rc apps_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    struct kmcp_table *t = arg;
    const kmcp_json *row;

    for (row = ctx->host->json_at(rows, 0); row; row = ctx->host->json_next(row)) {
        const char *cells[] = { first_of(ctx, row, "app_name", "display_name", "name"),
                                first_of(ctx, row, "version", "version_name", "app_version"),
                                first_of(ctx, row, "bundle_id", "package_name", "product_code"),
                                first_of(ctx, row, "source", "application_source", "publisher") };
        kmcp_rc rc;

        if (kmcp_table_wants(t) && (rc = kmcp_table_add(ctx, t, cells)) != KMCP_OK)
            return rc;
    }
    return KMCP_OK;
}

static kmcp_rc get_device_apps_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    static const char *const columns[] = { "name", "version", "bundle_id", "source" };
    const struct kmcp_where where[] = { { "app_name|display_name|name", kmcp_get_str(ctx, args, "name"),
                                          KMCP_WHERE_CONTAINS, 0 } };
    struct kmcp_table table = table_for(ctx, args, columns, sizeof columns / sizeof *columns);
    struct kmcp_coverage coverage = { 0 };
    struct kmcp_device d;
    kmcp_rc rc;

    if ((rc = find(ctx, args, &d)) != KMCP_OK ||
        (rc = sweep_device(ctx, &routes[GET_APPS], d.id, where, 1, apps_page, &table, &coverage)) != KMCP_OK)
        return rc;
    return kmcp_table_result(ctx, &table, "apps", &coverage);
}

/* get_device_activity and get_device_commands: newest first, which the API does not promise. */

struct history {
    const kmcp_json **rows;
    size_t n, cap;
    const char *time_key;
};

static kmcp_rc history_page(kmcp_ctx *ctx, const kmcp_json *rows, void *arg)
{
    struct history *history = arg;
    const kmcp_json *row;

    for (row = ctx->host->json_at(rows, 0); row; row = ctx->host->json_next(row)) {
        if (history->n == history->cap) {
            size_t cap = history->cap ? 2 * history->cap : 128;
            const kmcp_json **grown = ctx->host->alloc(ctx, cap * sizeof *grown);

            if (!grown)
                return KMCP_E_NOMEM;
            if (history->n)
                memcpy(grown, history->rows, history->n * sizeof *grown);
            history->rows = grown;
            history->cap = cap;
        }
        if (!(history->rows[history->n] = ctx->host->json_copy(ctx, row)))
            return KMCP_E_NOMEM;
        history->n++;
    }
    return KMCP_OK;
}

/* Merge sort by time, newest first and stable: qsort has no way to hand the host table to its comparison. */
static void sort_history(kmcp_ctx *ctx, const char *key, const kmcp_json **rows, const kmcp_json **spare,
                         size_t n)
{
    size_t half = n / 2, a = 0, b = half, i;

    if (n < 2)
        return;
    sort_history(ctx, key, rows, spare, half);
    sort_history(ctx, key, rows + half, spare, n - half);
    for (i = 0; i < n; i++) {
        const char *x = a < half ? kmcp_get_str(ctx, rows[a], key) : NULL;
        const char *y = b < n ? kmcp_get_str(ctx, rows[b], key) : NULL;

        spare[i] = b >= n || (a < half && strcmp(x ? x : "", y ? y : "") >= 0) ? rows[a++] : rows[b++];
    }
    memcpy(rows, spare, n * sizeof *rows);
}

static kmcp_rc read_history(kmcp_ctx *ctx, const kmcp_json *args, const struct kmcp_route *route,
                            const struct kmcp_where *where, size_t n_where, struct history *history,
                            struct kmcp_coverage *coverage)
{
    const kmcp_json **spare;
    struct kmcp_device d;
    kmcp_rc rc;

    if ((rc = find(ctx, args, &d)) != KMCP_OK ||
        (rc = sweep_device(ctx, route, d.id, where, n_where, history_page, history, coverage)) != KMCP_OK)
        return rc;
    spare = ctx->host->alloc(ctx, (history->n + 1) * sizeof *spare);
    if (!spare)
        return KMCP_E_NOMEM;
    sort_history(ctx, history->time_key, history->rows, spare, history->n);
    return KMCP_OK;
}

static kmcp_rc get_device_activity_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    static const char *const columns[] = { "time", "type", "details" };
    struct kmcp_table table = table_for(ctx, args, columns, sizeof columns / sizeof *columns);
    struct kmcp_coverage coverage = { 0 };
    struct history history = { .time_key = "created_at" };
    kmcp_rc rc = read_history(ctx, args, &routes[GET_ACTIVITY], NULL, 0, &history, &coverage);
    size_t i;

    for (i = 0; rc == KMCP_OK && i < history.n; i++) {
        const kmcp_json *row = history.rows[i], *details = ctx->host->json_get(row, "details");
        const char *text = ctx->host->json_len(details) ? ctx->host->json_text(ctx, details) : "";
        const char *cells[] = { kmcp_get_str(ctx, row, "created_at"), kmcp_get_str(ctx, row, "action_type"),
                                ctx->host->format(ctx, "%.160s%s", text, strlen(text) > 160 ? "..." : "") };

        if (kmcp_table_wants(&table))
            rc = kmcp_table_add(ctx, &table, cells);
    }
    return rc == KMCP_OK ? kmcp_table_result(ctx, &table, "events", &coverage) : rc;
}

static const char *first_error(kmcp_ctx *ctx, const kmcp_json *row)
{
    const kmcp_json *error = ctx->host->json_at(ctx->host->json_get(row, "error_chain"), 0);
    const char *text = kmcp_get_str(ctx, error, "us_english_description");

    return text ? text : kmcp_get_str(ctx, error, "localized_description");
}

static kmcp_rc get_device_commands_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    /* api section 1.10: 1 waits, 2 was sent, 3 and 4 are ends, 5 will be tried again */
    static const char *const words[] = { "?", "pending", "sent", "done", "failed", "not now" };
    static const char *const columns[] = { "requested", "type", "status", "completed", "error" };
    const struct kmcp_where where[] = { { "request_type|command_type",
                                          kmcp_get_str(ctx, args, "request_type"), KMCP_WHERE_CONTAINS, 0 } };
    struct kmcp_table table = table_for(ctx, args, columns, sizeof columns / sizeof *columns);
    struct kmcp_coverage coverage = { 0 };
    struct history history = { .time_key = "date_requested" };
    kmcp_rc rc = read_history(ctx, args, &routes[GET_COMMANDS], where, 1, &history, &coverage);
    size_t i;

    for (i = 0; rc == KMCP_OK && i < history.n; i++) {
        const kmcp_json *row = history.rows[i];
        int64_t status = kmcp_get_int(ctx, row, "status", 0);
        const char *cells[] = { kmcp_get_str(ctx, row, "date_requested"),
                                first_of(ctx, row, "request_type", "command_type", "type"),
                                words[status >= 1 && status <= 5 ? status : 0],
                                kmcp_get_str(ctx, row, "date_completed"), first_error(ctx, row) };

        if (kmcp_table_wants(&table))
            rc = kmcp_table_add(ctx, &table, cells);
    }
    return rc == KMCP_OK ? kmcp_table_result(ctx, &table, "commands", &coverage) : rc;
}

/* Contents. */

#define READ_TOOL(tool_name, tool_title, tool_text, out)                                                     \
    {                                                                                                        \
        .name = #tool_name, .title = tool_title, .description = tool_text,                                   \
        .input_schema = tool_name##_schema, .output_schema = out, .safety = KMCP_READ,                       \
        .run = tool_name##_run                                                                               \
    }

static const struct kmcp_tool tools[] = {
    READ_TOOL(list_devices, "List devices",
              "Devices that match all given filters, counted exactly over the whole fleet. To count, set "
              "limit to 1 and "
              "read total.",
              table_schema),
    READ_TOOL(get_device, "Get device",
              "One device's record: name, user, OS, blueprint, check-in, enrolment.", object_schema),
    READ_TOOL(get_device_details, "Get device details",
              "Hardware, MDM, FileVault, network, volumes, users, profiles of one device.", object_schema),
    READ_TOOL(get_device_status, "Get device status",
              "Compliance of one device: library items and parameters by state, and what is failing.",
              status_schema),
    READ_TOOL(get_device_apps, "Get device apps", "Apps installed on one device.", table_schema),
    READ_TOOL(get_device_activity, "Get device activity", "What happened on one device, newest first.",
              table_schema),
    READ_TOOL(get_device_commands, "Get device commands",
              "MDM commands of one device and what became of them, newest first. Shows whether a lock, "
              "restart or erase "
              "was carried out.",
              table_schema),
};

static kmcp_rc open_devices(kmcp_ctx *ctx, void **state)
{
    int64_t limit = ctx->host->opt_int(ctx, "default_limit");

    (void)state;
    return limit >= 1 && limit <= 1000
               ? KMCP_OK
               : kmcp_fail(ctx, KMCP_E_ARG, "\"default_limit\" must be from 1 to 1000");
}

KMCP_PLUGIN(devices, "1.0.0", .summary = "The fleet's devices: lists, records, state, apps, history",
            .threading = KMCP_PARALLEL, .open = open_devices, KMCP_OPTIONS(options), KMCP_ROUTES(routes),
            KMCP_TOOLS(tools));
