/* PATCH and DELETE of a device. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include "audit.h"
#include "body.h"
#include "field.h"
#include "ids.h"

#include <stdlib.h>
#include <string.h>

void device_delete(struct call *c)
{
    struct device *d = call_device(c);
    if (!d)
        return;
    audit_device(c->t, d, "delete", "");
    d->deleted = true;
    c->status = 204;
}

/* Field errors come as {"field": ["text"]}. */
static bool edit_refuse(struct call *c, const char *field, const char *text)
{
    call_fail(c, 400, CALL_DETAIL, text);
    if (!c->t->seed_dialect) {
        out_free(&c->out);
        out_open(&c->out, NULL, '{');
        out_open(&c->out, field, '[');
        out_string(&c->out, NULL, text);
        out_close(&c->out, ']');
        out_close(&c->out, '}');
    }
    return false;
}

static bool edit_user(struct call *c, struct device *d, const struct body *value)
{
    const char *text = body_text(value);
    struct field_user u;
    if (body_is_null(value)) {
        d->user = 0;
        return true;
    }
    for (uint32_t i = 1; text && i <= c->t->fleet.users; i++) {
        field_user(&c->t->fleet, i, &u);
        if (strcmp(u.id, text) == 0) {
            d->user = i;
            return true;
        }
    }
    return edit_refuse(c, "user", "Enter a valid UUID of a user.");
}

static bool edit_asset_tag(struct call *c, struct device *d, const struct body *value)
{
    const char *text = body_text(value);
    if (!body_is_null(value) && (!text || !*text))
        return edit_refuse(c, "asset_tag", "This field may not be blank.");
    struct fleet_edit *e = fleet_edit_of(&c->t->fleet, d);
    if (!e)
        return false;
    free(e->asset_tag);
    e->asset_tag = strdup(text ? text : "");
    return true;
}

static bool edit_blueprint(struct call *c, struct device *d, const struct body *value)
{
    for (unsigned i = 0; body_text(value) && i < name_blueprint_count; i++) {
        char id[IDS_SIZE];
        if (strcmp(ids_text(id, field_blueprint_key(&c->t->fleet, i)), body_text(value)) == 0) {
            d->blueprint = (uint8_t)i;
            return true;
        }
    }
    return edit_refuse(c, "blueprint_id", "Enter a valid UUID of a blueprint.");
}

static bool edit_tags(struct call *c, struct device *d, const struct body *value)
{
    unsigned tags = 0;
    if (!body_is_array(value))
        return edit_refuse(c, "tags", "Expected a list of items.");
    for (const struct body *b = body_first(value); b; b = body_next(b)) {
        unsigned i = 0;
        while (i < name_tag_count && (!body_text(b) || strcmp(body_text(b), name_tags[i]) != 0))
            i++;
        if (i == name_tag_count)
            return edit_refuse(c, "tags", "Tag does not exist.");
        tags |= 1U << i;
    }
    d->tags = (uint8_t)tags;
    return true;
}

void device_patch(struct call *c)
{
    static const struct {
        const char *key;
        bool (*edit)(struct call *c, struct device *d, const struct body *value);
    } fields[] = { { "user", edit_user },
                   { "asset_tag", edit_asset_tag },
                   { "blueprint_id", edit_blueprint },
                   { "tags", edit_tags } };
    struct device *d = call_device(c);
    if (!d)
        return;
    struct body *body = body_parse(c->body, c->body_n);
    bool good = body_is_object(body);
    if (!good)
        call_fail(c, 400, CALL_DETAIL, "JSON parse error - Expecting value: line 1 column 1 (char 0)");
    for (size_t i = 0; good && i < sizeof fields / sizeof fields[0]; i++) {
        const struct body *value = body_get(body, fields[i].key);
        good = !value || fields[i].edit(c, d, value);
    }
    body_free(body);
    if (!good)
        return;
    c->t->fleet.edition++;
    audit_device(c->t, d, "update", "");
    device_write(c, d);
}
