/* POST /__set: changes the tenant while it runs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "body.h"
#include "command.h"
#include "fault.h"
#include "field.h"
#include "ids.h"
#include "options.h"
#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool set_latency(struct call *c, const struct body *value)
{
    double n;
    if (!body_number(value, &n) || n < 0 || n > 600000)
        return false;
    c->t->latency_ms = (int64_t)n;
    return true;
}

static bool set_rate(struct call *c, const struct body *value)
{
    double n;
    char text[32];
    c->t->used_hour = c->t->used_second = 0;
    if (body_text(value))
        return options_rate(c->t, body_text(value));
    if (!body_number(value, &n) || n < 0 || n > 2e9)
        return false;
    snprintf(text, sizeof text, "%.0f", n);
    return options_rate(c->t, text);
}

static bool set_faults(struct call *c, const struct body *value)
{
    if (!body_is_array(value))
        return false;
    fault_clear(c->t->faults);
    for (const struct body *b = body_first(value); b; b = body_next(b))
        if (!body_text(b) || !fault_add(c->t->faults, body_text(b)))
            return false;
    return true;
}

static bool set_dialect(struct call *c, const struct body *value)
{
    return body_text(value) && options_dialect(c->t, body_text(value));
}

static bool set_deny(struct call *c, const struct body *value)
{
    size_t n = 0;
    if (!body_is_array(value))
        return false;
    for (size_t i = 0; i < TENANT_DENIALS; i++) {
        free(c->t->denied[i]);
        c->t->denied[i] = NULL;
    }
    for (const struct body *b = body_first(value); b; b = body_next(b)) {
        if (!body_text(b) || n == TENANT_DENIALS)
            return false;
        c->t->denied[n++] = strdup(body_text(b));
    }
    return true;
}

static bool set_deny_status(struct call *c, const struct body *value)
{
    double n;
    if (!body_number(value, &n) || (n != 401 && n != 403))
        return false;
    c->t->denied_status = (int)n;
    return true;
}

static bool set_clock(struct call *c, const struct body *value)
{
    double n;
    if (!body_number(value, &n) || n < 0 || n > 3e8)
        return false;
    c->t->advanced_us += (int64_t)(n * 1e6);
    return true;
}

static bool set_text(char **to, const struct body *value)
{
    if (!value)
        return true;
    if (!body_text(value) || strlen(body_text(value)) >= FLEET_TEXT)
        return false;
    free(*to);
    *to = strdup(body_text(value));
    return true;
}

static bool set_device_blueprint(struct call *c, struct device *d, const struct body *value)
{
    char id[IDS_SIZE];
    if (!value)
        return true;
    for (unsigned i = 0; body_text(value) && i < name_blueprint_count; i++)
        if (strcmp(ids_text(id, field_blueprint_key(&c->t->fleet, i)), body_text(value)) == 0) {
            d->blueprint = (uint8_t)i;
            return true;
        }
    return false;
}

static bool set_device_online(struct call *c, struct device *d, const struct body *value)
{
    bool online;
    if (!value)
        return true;
    if (!body_bool(value, &online))
        return false;
    /* What happened until now stays; what is pending starts from here. */
    command_settle(c->t, d);
    if (online && !d->online)
        d->online_since_us = d->seen_us = tenant_now(c->t);
    d->online = online;
    return true;
}

static bool set_device(struct call *c, const struct body *value)
{
    const char *id = body_text(body_get(value, "device_id"));
    struct device *d = id ? fleet_find(&c->t->fleet, id) : NULL;
    struct fleet_edit *e = d ? fleet_edit_of(&c->t->fleet, d) : NULL;
    return e && set_text(&e->user_name, body_get(value, "user_name")) &&
           set_text(&e->user_email, body_get(value, "user_email")) &&
           set_text(&e->device_name, body_get(value, "device_name")) &&
           set_text(&e->asset_tag, body_get(value, "asset_tag")) &&
           set_device_blueprint(c, d, body_get(value, "blueprint_id")) &&
           set_device_online(c, d, body_get(value, "online"));
}

void control_set(struct call *c)
{
    static const struct {
        const char *key;
        bool (*set)(struct call *c, const struct body *value);
    } knobs[] = {
        { "latency_ms", set_latency },    { "rate_limit", set_rate }, { "faults", set_faults },
        { "dialect", set_dialect },       { "deny", set_deny },       { "deny_status", set_deny_status },
        { "clock_advance_s", set_clock }, { "device", set_device }
    };
    struct body *body = body_parse(c->body, c->body_n);
    if (!body_is_object(body)) {
        body_free(body);
        control_refuse(c, 400, "the body is not a JSON object");
        return;
    }
    char text[160] = "";
    for (const struct body *b = body_first(body); b && !text[0]; b = body_next(b)) {
        size_t i = 0;
        while (i < sizeof knobs / sizeof knobs[0] && strcmp(knobs[i].key, body_key(b)) != 0)
            i++;
        if (i == sizeof knobs / sizeof knobs[0])
            snprintf(text, sizeof text, "unknown key \"%.60s\"", body_key(b));
        else if (!knobs[i].set(c, b))
            snprintf(text, sizeof text, "unusable value for \"%s\"", knobs[i].key);
    }
    body_free(body);
    if (text[0])
        control_refuse(c, 400, text);
    else
        out_text(&c->out, "{}");
}
