/* encode_content.c - what plugins answer, as far as the revision can express it.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <string.h>

#include "base/json.h"
#include "encode.h"

static void add_str(struct buf *out, const char *key, const char *value)
{
    if (!value)
        return;
    buf_printf(out, ",\"%s\":", key);
    json_quote(out, value);
}

static void add_json(struct buf *out, const kmcp_json *value)
{
    struct arena scratch;
    const char *text;

    arena_init(&scratch, out->max);
    text = json_text(&scratch, value);
    if (text)
        buf_puts(out, text);
    else
        out->failed = true;
    arena_release(&scratch, 1);
}

/* Whom it is for, how important it is, how old. */
static void add_annotations(struct buf *out, const struct rev *rev, const struct call_item *item)
{
    bool modified = item->last_modified && (rev->features & REV_TITLE);
    const char *comma = "";

    if (!item->audience && item->priority <= 0 && !modified)
        return;
    buf_puts(out, ",\"annotations\":{");
    if (item->audience) {
        buf_printf(out, "\"audience\":[%s%s%s]", strstr(item->audience, "user") ? "\"user\"" : "",
                   strstr(item->audience, "user") && strstr(item->audience, "assistant") ? "," : "",
                   strstr(item->audience, "assistant") ? "\"assistant\"" : "");
        comma = ",";
    }
    if (item->priority > 0) {
        buf_printf(out, "%s\"priority\":%.3g", comma, item->priority);
        comma = ",";
    }
    if (modified) {
        buf_printf(out, "%s\"lastModified\":", comma);
        json_quote(out, item->last_modified);
    }
    buf_putc(out, '}');
}

/* uri, mimeType, text or blob */
static void add_contents(struct buf *out, const struct call_item *item)
{
    buf_puts(out, "{\"uri\":");
    json_quote(out, item->uri);
    add_str(out, "mimeType", item->mime_type);
    add_str(out, item->text ? "text" : "blob", item->text ? item->text : item->data);
    buf_putc(out, '}');
}

/* A sentence for a client whose revision has no such content. */
static void add_sentence(struct buf *out, const char *what, const char *of)
{
    struct buf text;

    buf_init(&text, 1 << 16);
    buf_printf(&text, "%s %s", what, of ? of : "");
    buf_puts(out, "{\"type\":\"text\",\"text\":");
    json_quote(out, text.data ? text.data : what);
    buf_free(&text);
}

static void add_item(struct buf *out, const struct rev *rev, const struct call_item *item)
{
    switch (item->kind) {
    case KMCP_CONTENT_TEXT:
        buf_puts(out, "{\"type\":\"text\"");
        add_str(out, "text", item->text);
        break;
    case KMCP_CONTENT_AUDIO:
        if (!(rev->features & REV_AUDIO)) {
            add_sentence(out, "[a sound that this client cannot take]", item->mime_type);
            break;
        }
        buf_puts(out, "{\"type\":\"audio\"");
        add_str(out, "data", item->data);
        add_str(out, "mimeType", item->mime_type);
        break;
    case KMCP_CONTENT_IMAGE:
        buf_puts(out, "{\"type\":\"image\"");
        add_str(out, "data", item->data);
        add_str(out, "mimeType", item->mime_type);
        break;
    case KMCP_CONTENT_LINK:
        if (!(rev->features & REV_LINK)) {
            add_sentence(out, item->name, item->uri);
            break;
        }
        buf_puts(out, "{\"type\":\"resource_link\"");
        add_str(out, "uri", item->uri);
        add_str(out, "name", item->name);
        add_str(out, "title", item->title);
        add_str(out, "description", item->description);
        add_str(out, "mimeType", item->mime_type);
        break;
    default:
        buf_puts(out, "{\"type\":\"resource\",\"resource\":");
        add_contents(out, item);
        break;
    }
    add_annotations(out, rev, item);
    buf_putc(out, '}');
}

void encode_call(struct buf *out, const struct rev *rev, const struct call_output *answer, bool structured)
{
    bool any = answer->text && *answer->text;

    buf_puts(out, "\"content\":[");
    if (any) {
        buf_puts(out, "{\"type\":\"text\",\"text\":");
        json_quote(out, answer->text);
        buf_putc(out, '}');
    }
    for (const struct call_item *item = answer->items; item; item = item->next) {
        if (any)
            buf_putc(out, ',');
        any = true;
        add_item(out, rev, item);
    }
    buf_putc(out, ']');
    if (answer->structured && structured && (rev->features & REV_STRUCTURED)) {
        buf_puts(out, ",\"structuredContent\":");
        add_json(out, answer->structured);
    }
    if (answer->end == CALL_TOOL_ERROR)
        buf_puts(out, ",\"isError\":true");
}

void encode_prompt(struct buf *out, const struct rev *rev, const struct call_output *answer)
{
    buf_puts(out, "\"description\":");
    json_quote(out, answer->prompt_description);
    buf_puts(out, ",\"messages\":[");
    for (const struct call_item *item = answer->items; item; item = item->next) {
        buf_printf(out, "%s{\"role\":\"%s\",\"content\":", item == answer->items ? "" : ",", item->role);
        add_item(out, rev, item);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

void encode_resource(struct buf *out, const struct call_output *answer)
{
    buf_puts(out, "\"contents\":[");
    for (const struct call_item *item = answer->items; item; item = item->next) {
        if (item != answer->items)
            buf_putc(out, ',');
        add_contents(out, item);
    }
    buf_putc(out, ']');
}

void encode_completion(struct buf *out, const struct call_output *answer)
{
    buf_puts(out, "\"completion\":{\"values\":[");
    for (size_t i = 0; i < answer->n_values; i++) {
        if (i)
            buf_putc(out, ',');
        json_quote(out, answer->values[i]);
    }
    buf_printf(out, "],\"total\":%zu,\"hasMore\":%s}", answer->total_values,
               answer->total_values > answer->n_values ? "true" : "false");
}
