/* secrets - recovery keys, PINs, passwords and bypass codes.  See kmcp-secrets.md.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <kmcp/fleet.h>
#include "secrets_schema.h"

/* What we may call. */

enum { GET_DEVICE, LIST_DEVICES, FILEVAULT_KEY, UNLOCK_PIN, RECOVERY_PASSWORD, BYPASS_CODE };

#define SECRET(part, what, fields)                                                                           \
    {                                                                                                        \
        .method = "GET", .path = "/api/v1/devices/{device_id}/secrets/" part, .permission = what,            \
        .secrets = fields, .safety = KMCP_REVEAL                                                             \
    }

static const struct kmcp_route routes[] = {
    [GET_DEVICE] = KMCP_ROUTE_GET_DEVICE,
    [LIST_DEVICES] = KMCP_ROUTE_LIST_DEVICES,
    [FILEVAULT_KEY] = SECRET("filevaultkey", "FileVault recovery key", "key filevault_key"),
    [UNLOCK_PIN] = SECRET("unlockpin", "Unlock device pin", "pin unlock_pin PIN"),
    [RECOVERY_PASSWORD] = SECRET("recoverypassword", "Recovery Lock password", "recovery_password"),
    [BYPASS_CODE] = SECRET("bypasscode", "Activation lock bypass code", "user_based_albc device_based_albc"),
};

/* Helpers: what a person is told before, and what is said after. */

static kmcp_rc find(kmcp_ctx *ctx, const kmcp_json *args, struct kmcp_device *d)
{
    return kmcp_device_find(ctx, &routes[GET_DEVICE], &routes[LIST_DEVICES],
                            kmcp_get_str(ctx, args, "device_id"), d);
}

static kmcp_rc plan(kmcp_ctx *ctx, const kmcp_json *args, const char *what, int phones, const char *effect)
{
    const char *who;
    struct kmcp_device d;
    kmcp_rc rc;

    if ((rc = find(ctx, args, &d)) != KMCP_OK)
        return rc;
    if (d.platform && strcmp(d.platform, "Mac") != 0 &&
        !(phones && (strcmp(d.platform, "iPhone") == 0 || strcmp(d.platform, "iPad") == 0)))
        return kmcp_fail(ctx, KMCP_E_CONFLICT, "a %s is for Macs%s only; the platform of this device is %s",
                         what, phones ? ", iPhones and iPads" : "", d.platform);
    if ((rc = kmcp_device_subject(ctx, &d, NULL)) != KMCP_OK)
        return rc;
    who = d.user_email ? d.user_email : d.user_name ? d.user_name : "none";
    return kmcp_say(
        ctx, "Read the %s of the %s \"%s\" (serial %s, user %s, blueprint %s)? %s Reason given: %.200s", what,
        d.platform ? d.platform : "device", d.name ? d.name : "unnamed", d.serial ? d.serial : "unknown", who,
        d.blueprint ? d.blueprint : "none", effect, kmcp_get_str(ctx, args, "reason"));
}

/* The first of FIELDS (ended by NULL) that the reply has becomes member MEMBER; 1 if there was one. */
static int take(kmcp_ctx *ctx, const kmcp_json *body, const char *const *fields, kmcp_json *out,
                const char *member, const char *what, const char *id)
{
    for (; *fields; fields++) {
        const char *value = kmcp_get_str(ctx, body, *fields);

        if (value && kmcp_set_str(ctx, out, member, value) == KMCP_OK)
            return kmcp_text(ctx, "%s of device %s: %s.", what, id, value) == KMCP_OK;
    }
    return 0;
}

static kmcp_rc read_secret(kmcp_ctx *ctx, const kmcp_json *args, const struct kmcp_route *route,
                           struct kmcp_reply *reply, struct kmcp_device *d, kmcp_json **out)
{
    kmcp_rc rc;

    *out = ctx->host->json_new(ctx, "{}");
    if ((rc = find(ctx, args, d)) != KMCP_OK ||
        (rc = kmcp_call(ctx, route, "device_id", d->id, NULL, reply)) != KMCP_OK)
        return rc;
    return *out && kmcp_set_str(ctx, *out, "device_id", d->id) == KMCP_OK ? KMCP_OK : KMCP_E_NOMEM;
}

static kmcp_rc read_one(kmcp_ctx *ctx, const kmcp_json *args, int route, const char *const *fields,
                        const char *member, const char *what)
{
    struct kmcp_reply reply = { 0 };
    struct kmcp_device d;
    kmcp_json *out;
    kmcp_rc rc = read_secret(ctx, args, &routes[route], &reply, &d, &out);

    if (rc != KMCP_OK)
        return rc;
    if (!take(ctx, reply.body, fields, out, member, what, d.id))
        return kmcp_fail(ctx, KMCP_E_NOTFOUND,
                         "no %s is escrowed for device %s; it may not have one, or it was never sent", what,
                         d.id);
    return ctx->host->result_json(ctx, out);
}

/* get_filevault_key */

static kmcp_rc get_filevault_key_plan(kmcp_ctx *ctx, const kmcp_json *args)
{
    return plan(ctx, args, "FileVault recovery key", 0, "It opens everything on its disk.");
}

static kmcp_rc get_filevault_key_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    static const char *const fields[] = { "key", "filevault_key", NULL };

    return read_one(ctx, args, FILEVAULT_KEY, fields, "filevault_key", "FileVault recovery key");
}

/* get_unlock_pin */

static kmcp_rc get_unlock_pin_plan(kmcp_ctx *ctx, const kmcp_json *args)
{
    return plan(ctx, args, "unlock PIN", 0, "It unlocks the Mac after a lock.");
}

static kmcp_rc get_unlock_pin_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    static const char *const fields[] = { "pin", "unlock_pin", "PIN", NULL };

    return read_one(ctx, args, UNLOCK_PIN, fields, "unlock_pin", "unlock PIN");
}

/* get_recovery_password */

static kmcp_rc get_recovery_password_plan(kmcp_ctx *ctx, const kmcp_json *args)
{
    return plan(ctx, args, "recovery lock password", 0,
                "It opens recoveryOS, or the firmware of an Intel Mac.");
}

static kmcp_rc get_recovery_password_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    static const char *const fields[] = { "recovery_password", NULL };

    return read_one(ctx, args, RECOVERY_PASSWORD, fields, "recovery_password", "recovery lock password");
}

/* get_bypass_codes: there may be two */

static kmcp_rc get_bypass_codes_plan(kmcp_ctx *ctx, const kmcp_json *args)
{
    return plan(ctx, args, "activation lock bypass code", 1, "It opens the device for whoever holds it.");
}

static kmcp_rc get_bypass_codes_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    static const char *const user[] = { "user_based_albc", NULL }, *const device[] = { "device_based_albc",
                                                                                       NULL };
    struct kmcp_reply reply = { 0 };
    struct kmcp_device d;
    kmcp_json *out;
    kmcp_rc rc = read_secret(ctx, args, &routes[BYPASS_CODE], &reply, &d, &out);
    int n;

    if (rc != KMCP_OK)
        return rc;
    n = take(ctx, reply.body, device, out, "device_based", "device-based activation lock bypass code", d.id);
    if (n && kmcp_get_str(ctx, reply.body, *user))
        kmcp_text(ctx, " ");
    n += take(ctx, reply.body, user, out, "user_based", "user-based activation lock bypass code", d.id);
    if (!n)
        return kmcp_fail(ctx, KMCP_E_NOTFOUND, "no activation lock bypass code is escrowed for device %s",
                         d.id);
    return ctx->host->result_json(ctx, out);
}

/* Contents. */

#define REVEAL_TOOL(tool_name, tool_title, what, out)                                                        \
    {                                                                                                        \
        .name = #tool_name, .title = tool_title,                                                             \
        .description = what " The person is asked first; you get a handle that a person opens.",             \
        .input_schema = secret_schema, .output_schema = out, .safety = KMCP_REVEAL,                          \
        .flags = KMCP_TOOL_CONFIRM | KMCP_TOOL_REHEARSE, .plan = tool_name##_plan, .run = tool_name##_run    \
    }

static const struct kmcp_tool tools[] = {
    REVEAL_TOOL(get_filevault_key, "Get FileVault key", "A Mac's FileVault recovery key.",
                filevault_key_schema),
    REVEAL_TOOL(get_unlock_pin, "Get unlock PIN", "The PIN of a locked Mac.", unlock_pin_schema),
    REVEAL_TOOL(get_recovery_password, "Get recovery lock password",
                "A Mac's recovery lock or firmware password.", recovery_password_schema),
    REVEAL_TOOL(get_bypass_codes, "Get bypass codes", "Activation lock bypass codes.", bypass_codes_schema),
};

KMCP_PLUGIN(secrets, "1.0.0", .summary = "FileVault keys, unlock PINs, recovery passwords, bypass codes",
            .threading = KMCP_PARALLEL, KMCP_ROUTES(routes), KMCP_TOOLS(tools));
