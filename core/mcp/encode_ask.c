/* encode_ask.c - questions to the client, as far as the revision can put them.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <string.h>

#include "base/json.h"
#include "encode.h"

/* One field of a form for 2025-06-18: no defaults but of booleans, choices as enum and enumNames, one choice
 * only. */
static kmcp_json *plain_field(struct arena *a, const kmcp_json *field)
{
    kmcp_json *out = json_object(a), *values = json_array(a), *names = json_array(a);
    const kmcp_json *choices = json_get(field, "oneOf");
    const char *type = json_str(json_get(field, "type"));

    if (!type || strcmp(type, "array") == 0)
        return NULL;
    for (const kmcp_json *m = json_first(field); m; m = json_next(m))
        if (m != choices && (strcmp(json_key(m), "default") != 0 || strcmp(type, "boolean") == 0) &&
            !json_set(a, out, json_key(m), m))
            return NULL;
    for (const kmcp_json *choice = json_first(choices); choice; choice = json_next(choice))
        if (!json_append(a, values, json_get(choice, "const")) ||
            !json_append(a, names, json_get(choice, "title")))
            return NULL;
    if (choices && (!json_set(a, out, "enum", values) || !json_set(a, out, "enumNames", names)))
        return NULL;
    return out;
}

static const kmcp_json *plain_schema(struct arena *a, const kmcp_json *schema)
{
    kmcp_json *out = json_object(a), *fields = json_object(a);

    for (const kmcp_json *p = json_first(json_get(schema, "properties")); p; p = json_next(p)) {
        kmcp_json *field = plain_field(a, p);

        if (!field || !json_set(a, fields, json_key(p), field))
            return NULL;
    }
    if (!json_set(a, out, "type", json_string(a, "object")) || !json_set(a, out, "properties", fields) ||
        (json_get(schema, "required") && !json_set(a, out, "required", json_get(schema, "required"))))
        return NULL;
    return out;
}

static bool add_form(struct buf *out, const struct rev *rev, const struct call_ask *ask)
{
    const kmcp_json *schema = ask->schema;
    struct arena scratch;
    const char *text;

    arena_init(&scratch, 1 << 22);
    if (!(rev->features & REV_FORM_RICH))
        schema = plain_schema(&scratch, schema);
    text = schema ? json_text(&scratch, schema) : NULL;
    if (text) {
        buf_puts(out, "\"method\":\"elicitation/create\",\"params\":{");
        if (rev->features & REV_ASK_MODE)
            buf_puts(out, "\"mode\":\"form\",");
        buf_puts(out, "\"message\":");
        json_quote(out, ask->message);
        buf_printf(out, ",\"requestedSchema\":%s}", text);
    }
    arena_release(&scratch, 0);
    return text != NULL;
}

static bool add_sampling(struct buf *out, const struct call_ask *ask)
{
    struct arena scratch;
    const char *text;

    arena_init(&scratch, 8 << 20);
    text = json_text(&scratch, ask->params);
    if (text)
        buf_printf(out, "\"method\":\"sampling/createMessage\",\"params\":%s", text);
    arena_release(&scratch, 0);
    return text != NULL;
}

bool encode_ask(struct buf *out, const struct rev *rev, const struct call_ask *ask, const char *url_id)
{
    switch (ask->kind) {
    case KMCP_ASK_FORM:
        return add_form(out, rev, ask);
    case KMCP_ASK_URL:
        buf_puts(out, "\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\",\"message\":");
        json_quote(out, ask->message);
        buf_puts(out, ",\"url\":");
        json_quote(out, ask->url);
        if (rev->features & REV_ASK_URL_ID)
            buf_printf(out, ",\"elicitationId\":\"%s\"", url_id);
        buf_putc(out, '}');
        return true;
    case KMCP_ASK_SAMPLE:
        return add_sampling(out, ask);
    default:
        buf_puts(out, "\"method\":\"roots/list\",\"params\":{}");
        return true;
    }
}
