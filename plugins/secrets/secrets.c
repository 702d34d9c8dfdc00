/* secrets - recovery keys.  See kmcp-secrets.md.  SPDX-License-Identifier: Apache-2.0 */

#include <kmcp/fleet.h>
#include "secrets_schema.h"

/* What we may call. */

enum { GET_DEVICE, LIST_DEVICES, FILEVAULT_KEY };

static const struct kmcp_route routes[] = {
    [GET_DEVICE] = KMCP_ROUTE_GET_DEVICE,
    [LIST_DEVICES] = KMCP_ROUTE_LIST_DEVICES,
    [FILEVAULT_KEY] = { .method = "GET",
                        .path = "/api/v1/devices/{device_id}/secrets/filevaultkey",
                        .permission = "FileVault recovery key",
                        .secrets = "key filevault_key",
                        .safety = KMCP_REVEAL },
};

/* get_filevault_key: the person is told whose key it is and why it is wanted. */

static kmcp_rc find(kmcp_ctx *ctx, const kmcp_json *args, struct kmcp_device *d)
{
    return kmcp_device_find(ctx, &routes[GET_DEVICE], &routes[LIST_DEVICES],
                            kmcp_get_str(ctx, args, "device_id"), d);
}

static kmcp_rc get_filevault_key_plan(kmcp_ctx *ctx, const kmcp_json *args)
{
    const char *who;
    struct kmcp_device d;
    kmcp_rc rc;

    if ((rc = find(ctx, args, &d)) != KMCP_OK)
        return rc;
    if (d.platform && strcmp(d.platform, "Mac") != 0)
        return kmcp_fail(ctx, KMCP_E_CONFLICT,
                         "FileVault is for Macs only; the platform of this device is %s", d.platform);
    who = d.user_email ? d.user_email : d.user_name ? d.user_name : "none";
    rc = kmcp_device_subject(ctx, &d, NULL);
    if (rc != KMCP_OK)
        return rc;
    return kmcp_say(
        ctx,
        "Show the FileVault recovery key of the Mac \"%s\" (serial %s, user %s, blueprint %s) in this "
        "conversation? It opens everything on its disk. Reason given: %.200s",
        d.name ? d.name : "unnamed", d.serial ? d.serial : "unknown", who, d.blueprint ? d.blueprint : "none",
        kmcp_get_str(ctx, args, "reason"));
}

static kmcp_rc get_filevault_key_run(kmcp_ctx *ctx, const kmcp_json *args)
{
    kmcp_json *out = ctx->host->json_new(ctx, "{}");
    struct kmcp_reply reply = { 0 };
    struct kmcp_device d;
    const char *key;
    kmcp_rc rc;

    if ((rc = find(ctx, args, &d)) != KMCP_OK ||
        (rc = kmcp_call(ctx, &routes[FILEVAULT_KEY], "device_id", d.id, NULL, &reply)) != KMCP_OK)
        return rc;
    key = kmcp_get_str(ctx, reply.body, "key");
    if (!key)
        key = kmcp_get_str(ctx, reply.body, "filevault_key");
    if (!key)
        return kmcp_fail(ctx, KMCP_E_NOTFOUND,
                         "no FileVault key is escrowed for device %s; it may not be encrypted, or its "
                         "key was never sent",
                         d.id);
    if (!out || kmcp_set_str(ctx, out, "device_id", d.id) != KMCP_OK ||
        kmcp_set_str(ctx, out, "filevault_key", key) != KMCP_OK)
        return KMCP_E_NOMEM;
    kmcp_text(ctx, "FileVault recovery key of device %s: %s", d.id, key);
    return ctx->host->result_json(ctx, out);
}

/* Contents. */

static const struct kmcp_tool tools[] = {
    { .name = "get_filevault_key",
      .title = "Get FileVault key",
      .description =
          "A Mac's FileVault recovery key, in clear. The person is asked first; every attempt is recorded.",
      .input_schema = get_filevault_key_schema,
      .output_schema = key_schema,
      .safety = KMCP_REVEAL,
      .flags = KMCP_TOOL_CONFIRM,
      .plan = get_filevault_key_plan,
      .run = get_filevault_key_run },
};

KMCP_PLUGIN(secrets, "1.0.0", .summary = "FileVault recovery keys", .threading = KMCP_PARALLEL,
            KMCP_ROUTES(routes), KMCP_TOOLS(tools));
