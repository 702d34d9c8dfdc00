/* secrets - recovery keys, PINs, passwords and bypass codes.  See kmcp-secrets.md.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <kmcp/fleet.h>
#include "secrets_schema.h"

/* What we may call. */

enum { GET_DEVICE, LIST_DEVICES, GET_BLUEPRINT, FILEVAULT_KEY, UNLOCK_PIN, RECOVERY_PASSWORD, BYPASS_CODE };

#define SECRET(part, what, fields)                                                                           \
    {                                                                                                        \
        .method = "GET", .path = "/api/v1/devices/{device_id}/secrets/" part, .permission = what,            \
        .secrets = fields, .safety = KMCP_REVEAL                                                             \
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
    struct kmcp_device d;
    kmcp_rc rc;

    if ((rc = find(ctx, args, &d)) != KMCP_OK)
        return rc;
    if (d.platform && strcmp(d.platform, "Mac") != 0 &&
        !(phones && (strcmp(d.platform, "iPhone") == 0 || strcmp(d.platform, "iPad") == 0)))
        return kmcp_fail(ctx, KMCP_E_CONFLICT, "a %s is for Macs%s only; the platform of this device is %s",
                         what, phones ? ", iPhones and iPads" : "", d.platform);
    if ((rc = kmcp_device_subject(ctx, &d, &routes[GET_BLUEPRINT])) != KMCP_OK)
        return rc;
    return kmcp_say(ctx, "Read the %s of the %s? %s It is %s. Reason given: %s", what,
                    kmcp_device_kind(ctx, &d), effect, kmcp_device_words(ctx, &d),
                    kmcp_quote(ctx, kmcp_get_str(ctx, args, "reason"), "none"));
}

/* What there is, by the argument "secret": up to two fields of the reply. */
static const struct kind {
    const char *name, *what, *effect;
    int route, phones;
    const char *fields[3], *labels[3];
} kinds[] = {
    { "filevault_key",
      "FileVault recovery key",
      "It opens everything on its disk.",
      FILEVAULT_KEY,
      0,
      { "key", "filevault_key" },
      { "FileVault recovery key", "FileVault recovery key" } },
    { "unlock_pin",
      "unlock PIN",
      "It unlocks the Mac after a lock.",
      UNLOCK_PIN,
      0,
      { "pin", "unlock_pin", "PIN" },
      { "unlock PIN", "unlock PIN", "unlock PIN" } },
    { "recovery_password",
      "recovery lock password",
      "It opens recoveryOS, or the firmware of an Intel Mac.",
      RECOVERY_PASSWORD,
      0,
      { "recovery_password" },
      { "recovery lock password" } },
    { "bypass_code",
      "activation lock bypass code",
      "It opens the device for whoever holds it.",
      BYPASS_CODE,
      1,
      { "device_based_albc", "user_based_albc" },
      { "device-based activation lock bypass code", "user-based activation lock bypass code" } },
};

static const struct kind *kind_of(kmcp_ctx *ctx, const kmcp_json *args)
{
    const char *name = kmcp_get_str(ctx, args, "secret");
    size_t i;

    for (i = 1; name && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return &kinds[0];
}

static kmcp_rc read_kind(kmcp_ctx *ctx, const kmcp_json *args)
{
    const struct kind *k = kind_of(ctx, args);
    struct kmcp_reply reply = { 0 };
    struct kmcp_device d;
    int i, n = 0;
    kmcp_rc rc;

    if ((rc = find(ctx, args, &d)) != KMCP_OK ||
        (rc = kmcp_call(ctx, &routes[k->route], "device_id", d.id, NULL, &reply)) != KMCP_OK)
        return rc;
    for (i = 0; i < 3 && k->fields[i]; i++) {
        const char *value = kmcp_get_str(ctx, reply.body, k->fields[i]);

        if (!value)
            continue;
        if (!kmcp_is_handle(value))
            rc = kmcp_text(ctx, "%s%s of device %s: %s.", n ? " " : "", k->labels[i], d.id, value);
        else if (n == 0) /* of which kind it is, and how a person gets at it, the host says */
            rc = kmcp_text(ctx, "Of device %s:", d.id);
        if (rc != KMCP_OK)
            return rc;
        n++;
    }
    return n ? KMCP_OK
             : kmcp_fail(ctx, KMCP_E_NOTFOUND,
                         "no %s is escrowed for device %s; it may not have one, or it was never sent",
                         k->what, d.id);
}

static kmcp_rc plan_kind(kmcp_ctx *ctx, const kmcp_json *args)
{
    const struct kind *k = kind_of(ctx, args);

    return plan(ctx, args, k->what, k->phones, k->effect);
}

/* Contents. */

#define REVEAL_TOOL(tool_name, tool_title, what)                                                             \
    {                                                                                                        \
        .name = #tool_name, .title = tool_title,                                                             \
        .description = what " Asks the person first; answers with a handle.",                                \
        .input_schema = tool_name##_schema, .safety = KMCP_REVEAL,                                           \
        .flags = KMCP_TOOL_CONFIRM | KMCP_TOOL_REHEARSE, .plan = plan_kind, .run = read_kind                 \
    }

static const struct kmcp_tool tools[] = {
    REVEAL_TOOL(get_filevault_key, "Get FileVault key", "A Mac's FileVault recovery key."),
    REVEAL_TOOL(get_device_secret, "Get device secret",
                "A Mac's unlock PIN or recovery lock password, or activation lock bypass codes."),
};

KMCP_PLUGIN(secrets, "1.0.0", .summary = "FileVault keys, unlock PINs, recovery passwords, bypass codes",
            .threading = KMCP_PARALLEL, KMCP_ROUTES(routes), KMCP_TOOLS(tools));
