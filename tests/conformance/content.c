/* content.c - every kind of content, logging, progress, prompts and resources.  SPDX-License-Identifier:
 * Apache-2.0 */
#include "fixtures.h"

/* One pixel. */
static const unsigned char png[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n', 0,    0,    0,    13,
                                     'I',  'H', 'D', 'R', 0,    0,    0,    1,    0,    0,    0,    1,
                                     8,    6,   0,   0,   0,    0x1F, 0x15, 0xC4, 0x89, 0,    0,    0,
                                     13,   'I', 'D', 'A', 'T',  0x78, 0xDA, 0x63, 0xFC, 0xCF, 0xC0, 0xF0,
                                     0x1F, 0,   5,   5,   2,    0,    0x5F, 0xC8, 0xF1, 0xD2, 0,    0,
                                     0,    0,   'I', 'E', 'N',  'D',  0xAE, 'B',  0x60, 0x82 };
/* One sample of silence. */
static const unsigned char wav[] = { 'R',  'I',  'F', 'F', 38,   0,    0, 0, 'W', 'A', 'V', 'E',
                                     'f',  'm',  't', ' ', 16,   0,    0, 0, 1,   0,   1,   0,
                                     0x40, 0x1F, 0,   0,   0x80, 0x3E, 0, 0, 2,   0,   16,  0,
                                     'd',  'a',  't', 'a', 2,    0,    0, 0, 0,   0 };

static kmcp_rc add(kmcp_ctx *ctx, struct kmcp_content content)
{
    content.struct_size = (uint32_t)sizeof content;
    return ctx->host->content(ctx, &content);
}

static kmcp_rc add_text(kmcp_ctx *ctx, const char *text)
{
    return add(ctx, (struct kmcp_content){ .kind = KMCP_CONTENT_TEXT, .text = text });
}

static kmcp_rc add_png(kmcp_ctx *ctx)
{
    return add(ctx,
               (struct kmcp_content){
                   .kind = KMCP_CONTENT_IMAGE, .data = png, .len = sizeof png, .mime_type = "image/png" });
}

TOOL(simple_text)
{
    (void)args;
    return kmcp_text(ctx, "This is a simple text response for testing.");
}

TOOL(image_content)
{
    (void)args;
    return add_png(ctx);
}

TOOL(audio_content)
{
    (void)args;
    return add(ctx,
               (struct kmcp_content){
                   .kind = KMCP_CONTENT_AUDIO, .data = wav, .len = sizeof wav, .mime_type = "audio/wav" });
}

TOOL(embedded_resource)
{
    (void)args;
    return add(ctx, (struct kmcp_content){ .kind = KMCP_CONTENT_RESOURCE,
                                           .uri = "test://embedded-resource",
                                           .mime_type = "text/plain",
                                           .text = "This is an embedded resource content." });
}

TOOL(multiple_content_types)
{
    kmcp_rc rc = add_text(ctx, "Multiple content types test:");

    (void)args;
    if (rc == KMCP_OK)
        rc = add_png(ctx);
    if (rc == KMCP_OK)
        rc = add(ctx, (struct kmcp_content){ .kind = KMCP_CONTENT_RESOURCE,
                                             .uri = "test://mixed-content-resource",
                                             .mime_type = "application/json",
                                             .text = "{\"test\":\"data\",\"value\":123}" });
    return rc;
}

TOOL(tool_with_logging)
{
    static const char *const lines[] = { "Tool execution started", "Tool processing data",
                                         "Tool execution completed" };
    kmcp_rc rc = KMCP_OK;

    (void)args;
    for (int i = 0; i < 3 && rc == KMCP_OK; i++) {
        ctx->host->tell(ctx, KMCP_TELL_INFO, "%s", lines[i]);
        if (i < 2)
            rc = ctx->host->wait(ctx, 50);
    }
    return rc == KMCP_OK ? kmcp_text(ctx, "Tool with logging executed successfully") : rc;
}

TOOL(error_handling)
{
    (void)args;
    return kmcp_fail(ctx, KMCP_E_CONFLICT, "This tool intentionally returns an error for testing");
}

TOOL(tool_with_progress)
{
    kmcp_rc rc = KMCP_OK;

    (void)args;
    for (int i = 0; i <= 2 && rc == KMCP_OK; i++) {
        ctx->host->progress(ctx, 50.0 * i, 100, NULL);
        if (i < 2)
            rc = ctx->host->wait(ctx, 50);
    }
    return rc == KMCP_OK ? kmcp_text(ctx, "100 of 100") : rc;
}

TOOL(reconnection)
{
    kmcp_rc rc;

    (void)args;
    ctx->host->let_go(ctx, 500);
    rc = ctx->host->wait(ctx, 100);
    return rc == KMCP_OK ? kmcp_text(ctx, "Reconnection test completed successfully") : rc;
}

TOOL(x_mcp_header)
{
    return kmcp_text(ctx, "region=%s", kmcp_get_str(ctx, args, "region"));
}

TOOL(echo_arguments)
{
    const char *text = ctx->host->json_text(ctx, args);

    return text ? kmcp_text(ctx, "%s", text) : KMCP_E_NOMEM;
}

/* What is hidden comes back, and the other way round; a client that listens hears of both. */
static kmcp_rc toggle(kmcp_ctx *ctx, uint32_t list, const char *name)
{
    kmcp_rc rc = ctx->host->show(ctx, list, name, 0);

    return rc == KMCP_OK ? ctx->host->show(ctx, list, name, 1) : rc;
}

TOOL(trigger_tool_change)
{
    kmcp_rc rc = toggle(ctx, KMCP_LIST_TOOLS, "test_echo_arguments");

    (void)args;
    return rc == KMCP_OK ? kmcp_text(ctx, "the list of tools changed") : rc;
}

TOOL(trigger_prompt_change)
{
    kmcp_rc rc = toggle(ctx, KMCP_LIST_PROMPTS, "test_simple_prompt");

    (void)args;
    return rc == KMCP_OK ? kmcp_text(ctx, "the list of prompts changed") : rc;
}

/* ---- prompts ---- */

TOOL(simple_prompt)
{
    (void)args;
    return add_text(ctx, "This is a simple prompt for testing.");
}

TOOL(prompt_with_arguments)
{
    const struct kmcp_host *h = ctx->host;

    return add_text(ctx, h->format(ctx, "Prompt with arguments: arg1='%s', arg2='%s'",
                                   h->json_str(h->json_get(args, "arg1")),
                                   h->json_str(h->json_get(args, "arg2"))));
}

TOOL(prompt_with_embedded_resource)
{
    const char *uri = ctx->host->json_str(ctx->host->json_get(args, "resourceUri"));
    kmcp_rc rc = add(ctx, (struct kmcp_content){ .kind = KMCP_CONTENT_RESOURCE,
                                                 .uri = uri,
                                                 .mime_type = "text/plain",
                                                 .text = "Embedded resource content for testing." });

    return rc == KMCP_OK ? add_text(ctx, "Please process the embedded resource above.") : rc;
}

TOOL(prompt_with_image)
{
    kmcp_rc rc = add_png(ctx);

    (void)args;
    return rc == KMCP_OK ? add_text(ctx, "Please analyze the image above.") : rc;
}

kmcp_rc complete_prompt(kmcp_ctx *ctx, const char *argument, const char *value, const kmcp_json *others)
{
    static const char *const known[] = { "test", "test-two", "paris", "park", "party" };
    kmcp_rc rc = KMCP_OK;

    (void)argument;
    (void)others;
    for (size_t i = 0; i < sizeof known / sizeof *known && rc == KMCP_OK; i++)
        if (strncmp(known[i], value, strlen(value)) == 0)
            rc = ctx->host->suggest(ctx, known[i]);
    return rc;
}

/* ---- resources ---- */

kmcp_rc read_text(kmcp_ctx *ctx, const char *uri, const kmcp_json *vars)
{
    (void)uri;
    (void)vars;
    return add_text(ctx, "This is the content of the static text resource.");
}

kmcp_rc read_binary(kmcp_ctx *ctx, const char *uri, const kmcp_json *vars)
{
    (void)uri;
    (void)vars;
    return add(ctx, (struct kmcp_content){ .kind = KMCP_CONTENT_RESOURCE, .data = png, .len = sizeof png });
}

kmcp_rc read_template(kmcp_ctx *ctx, const char *uri, const kmcp_json *vars)
{
    const char *id = kmcp_get_str(ctx, vars, "id");
    const struct kmcp_host *h = ctx->host;
    kmcp_json *data = h->json_new(ctx, "{}");

    (void)uri;
    if (strcmp(id, "none") == 0)
        return kmcp_fail(ctx, KMCP_E_NOTFOUND, "there is no data for \"none\"");
    if (kmcp_set_str(ctx, data, "id", id) != KMCP_OK ||
        kmcp_set_bool(ctx, data, "templateTest", 1) != KMCP_OK ||
        kmcp_set_str(ctx, data, "data", h->format(ctx, "Data for ID: %s", id)) != KMCP_OK)
        return KMCP_E_NOMEM;
    return add_text(ctx, h->json_text(ctx, data));
}

kmcp_rc read_watched(kmcp_ctx *ctx, const char *uri, const kmcp_json *vars)
{
    (void)uri;
    (void)vars;
    return add_text(ctx, "Watched resource content");
}

TOOL(annotated)
{
    kmcp_rc rc = add(ctx, (struct kmcp_content){ .text = "for the person",
                                                 .audience = "user",
                                                 .priority = 0.5,
                                                 .last_modified = "2026-01-12T15:00:58Z" });

    (void)args;
    if (rc == KMCP_OK)
        rc = add(ctx, (struct kmcp_content){ .kind = KMCP_CONTENT_LINK,
                                             .uri = "test://static-text",
                                             .name = "static",
                                             .title = "Static text",
                                             .description = "where it is",
                                             .mime_type = "text/plain" });
    return rc;
}

TOOL(touch_watched)
{
    kmcp_rc rc = ctx->host->updated(ctx, "test://watched-resource");

    (void)args;
    return rc == KMCP_OK ? kmcp_text(ctx, "touched") : rc;
}
