/* POST /devices/{id}/action/...: what is refused, and what is queued. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "act.h"

#include "audit.h"
#include "body.h"
#include "command.h"
#include "rng.h"

#include <stdio.h>
#include <string.h>

#define ON(platform) (1U << (platform))
#define ON_APPLE     (ON(MAC) | ON(IPHONE) | ON(IPAD) | ON(APPLETV))

/* The body as an object; absent means an empty one. False: the answer is written. */
static bool act_body(struct call *c, struct body **body)
{
    *body = NULL;
    if (c->body_n == 0)
        return true;
    *body = body_parse(c->body, c->body_n);
    if (body_is_object(*body))
        return true;
    if (*body)
        call_fail(c, 400, CALL_DETAIL, "Invalid data. Expected a dictionary.");
    else
        call_fail(c, 400, CALL_DETAIL, "JSON parse error - Expecting value: line 1 column 1 (char 0)");
    body_free(*body);
    *body = NULL;
    return false;
}

/* A member under its real name or under the seed's. */
static const struct body *act_member(const struct body *body, const char *real, const char *seed)
{
    const struct body *found = body_get(body, real);
    return found ? found : body_get(body, seed);
}

/* The device, if it may have this command now; otherwise NULL with the refusal written. */
static struct device *act_target(struct call *c, unsigned platforms, enum command_kind kind)
{
    struct device *d = call_device(c);
    if (!d)
        return NULL;
    if (!(platforms & ON(d->platform)) || d->removed)
        call_fail(c, 400, CALL_STRING, "Command is not allowed for current device");
    else if (kind == COMMAND_LOCK && d->locked)
        call_fail(c, 400, CALL_STRING, "This device is already locked.");
    else if (command_is_pending(d, kind))
        call_fail(c, 400, CALL_STRING, "Command already running");
    else
        return d;
    return NULL;
}

static bool act_queue(struct call *c, struct device *d, enum command_kind kind, const char *request_type)
{
    if (!command_queue(c->t, d, kind, request_type)) {
        call_fail(c, 500, CALL_DETAIL, "Internal server error.");
        return false;
    }
    audit_device(c->t, d, "create", request_type);
    return true;
}

void act_lock(struct call *c)
{
    struct body *body;
    if (!act_body(c, &body))
        return;
    struct device *d = act_target(c, ON(MAC) | ON(IPHONE) | ON(IPAD) | ON(ANDROID), COMMAND_LOCK);
    uint32_t made = d ? d->acts : 0;
    if (d && act_queue(c, d, COMMAND_LOCK, "DeviceLock") && d->platform == MAC) {
        char pin[64];
        d->pin = 100000 + rng_below(d->key, 7000 + (uint64_t)made, 900000);
        snprintf(pin, sizeof pin, "%06u%s", d->pin, c->t->fleet.secret_mark);
        out_open(&c->out, NULL, '{');
        out_string(&c->out, c->t->seed_dialect ? "unlock_pin" : "PIN", pin);
        out_close(&c->out, '}');
    }
    body_free(body);
}

static void act_plain(struct call *c, unsigned platforms, enum command_kind kind, const char *request_type)
{
    struct body *body;
    if (!act_body(c, &body))
        return;
    body_free(body);
    struct device *d = act_target(c, platforms, kind);
    if (d)
        act_queue(c, d, kind, request_type);
}

void act_restart(struct call *c)
{
    act_plain(c, ON_APPLE, COMMAND_RESTART, "RestartDevice");
}

void act_shutdown(struct call *c)
{
    act_plain(c, ON(MAC) | ON(IPHONE) | ON(IPAD), COMMAND_SHUTDOWN, "ShutDownDevice");
}

/* False: the answer is written. */
static bool act_erase_body(struct call *c, const struct body *body, const struct device *d)
{
    const struct body *pin = act_member(body, "PIN", "pin");
    bool six = body_text(pin) && strlen(body_text(pin)) == 6;
    if (d->platform == MAC && pin && !body_is_null(pin) && !six) {
        call_fail(c, 400, CALL_DETAIL, "Ensure this field has at least 6 characters.");
        if (!c->t->seed_dialect) {
            c->out.n = 0;
            out_text(&c->out, "{\"PIN\":[\"Ensure this field has at least 6 characters.\"]}");
        }
        return false;
    }
    bool mobile = d->platform == IPHONE || d->platform == IPAD;
    const struct body *service = body_get(body, "ReturnToService");
    bool enabled = false;
    body_bool(body_get(service, "Enabled"), &enabled);
    /* This tenant has no profile that could be in scope. */
    if (mobile && enabled && body_text(body_get(service, "ProfileId"))) {
        call_fail(c, 400, CALL_STRING, "The specified profile is not in scope for the device");
        return false;
    }
    return true;
}

void act_erase(struct call *c)
{
    struct body *body;
    if (!act_body(c, &body))
        return;
    struct device *d = act_target(c, ON_APPLE | ON(WINDOWS) | ON(ANDROID), COMMAND_ERASE);
    if (d && act_erase_body(c, body, d))
        act_queue(c, d, COMMAND_ERASE, "EraseDevice");
    body_free(body);
}

/* A push without a command: nothing is queued. */
void act_blankpush(struct call *c)
{
    struct device *d = call_device(c);
    if (d && !(ON_APPLE & ON(d->platform)))
        call_fail(c, 400, CALL_STRING, "Command is not allowed for current device");
}

void act_updateinventory(struct call *c)
{
    static const char *const asked[] = { "AvailableOSUpdates", "DeviceInformation",        "SecurityInfo",
                                         "UserList",           "InstalledApplicationList", "ProfileList",
                                         "CertificateList" };
    struct device *d = act_target(c, ON_APPLE, COMMAND_INVENTORY);
    for (size_t i = 0; d && i < sizeof asked / sizeof asked[0]; i++)
        if (!act_queue(c, d, COMMAND_INVENTORY, asked[i]))
            return;
}
