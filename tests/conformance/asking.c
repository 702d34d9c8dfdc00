/* asking.c - questions to the client: forms, pages, its model, its folders; over one round and several.
 * SPDX-License-Identifier: Apache-2.0 */
#include "fixtures.h"

kmcp_rc ask_form(kmcp_ctx *ctx, const char *key, const char *message, const char *schema,
                 const kmcp_json **answer)
{
    struct kmcp_ask ask = {
        .struct_size = sizeof ask, .kind = KMCP_ASK_FORM, .key = key, .message = message, .schema = schema
    };

    return ctx->host->ask(ctx, &ask, answer);
}

static kmcp_rc ask_sample(kmcp_ctx *ctx, const char *key, const char *text, int64_t tokens,
                          const kmcp_json **answer)
{
    const struct kmcp_host *h = ctx->host;
    kmcp_json *params = h->json_new(ctx,
                                    "{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\"}}]}");
    kmcp_json *content;
    struct kmcp_ask ask = {
        .struct_size = sizeof ask, .kind = KMCP_ASK_SAMPLE, .key = key, .params = params
    };

    content = (kmcp_json *)(uintptr_t)h->json_get(h->json_at(h->json_get(params, "messages"), 0), "content");
    if (kmcp_set_str(ctx, content, "text", text) != KMCP_OK ||
        kmcp_set_int(ctx, params, "maxTokens", tokens) != KMCP_OK)
        return KMCP_E_NOMEM;
    return h->ask(ctx, &ask, answer);
}

static kmcp_rc ask_for_roots(kmcp_ctx *ctx, const char *key, const kmcp_json **answer)
{
    struct kmcp_ask ask = { .struct_size = sizeof ask, .kind = KMCP_ASK_ROOTS, .key = key };

    return ctx->host->ask(ctx, &ask, answer);
}

const char *accepted(kmcp_ctx *ctx, const kmcp_json *answer, const char *key)
{
    const char *action = kmcp_get_str(ctx, answer, "action");

    if (!action || strcmp(action, "accept") != 0)
        return NULL;
    return kmcp_get_str(ctx, ctx->host->json_get(answer, "content"), key);
}

static const char *text_of(kmcp_ctx *ctx, const kmcp_json *answer)
{
    const char *text = kmcp_get_str(ctx, ctx->host->json_get(answer, "content"), "text");

    return text ? text : "(no text)";
}

static kmcp_rc report(kmcp_ctx *ctx, const char *what, const kmcp_json *answer)
{
    const kmcp_json *content = ctx->host->json_get(answer, "content");

    return kmcp_text(ctx, "%s: action=%s, content=%s", what, kmcp_get_str(ctx, answer, "action"),
                     content ? ctx->host->json_text(ctx, content) : "{}");
}

TOOL(sampling)
{
    const kmcp_json *answer;
    kmcp_rc rc = ask_sample(ctx, "answer", kmcp_get_str(ctx, args, "prompt"), 100, &answer);

    return rc == KMCP_OK ? kmcp_text(ctx, "LLM response: %s", text_of(ctx, answer)) : rc;
}

TOOL(elicitation)
{
    const kmcp_json *answer;
    kmcp_rc rc = ask_form(
        ctx, "user", kmcp_get_str(ctx, args, "message"),
        "{\"type\":\"object\",\"properties\":{\"username\":{\"type\":\"string\",\"description\":"
        "\"User's response\"},\"email\":{\"type\":\"string\",\"description\":\"User's email "
        "address\"}},\"required\":[\"username\",\"email\"]}",
        &answer);

    return rc == KMCP_OK ? report(ctx, "User response", answer) : rc;
}

TOOL(elicitation_defaults)
{
    const kmcp_json *answer;
    kmcp_rc rc = ask_form(
        ctx, "defaults", "Please review the defaults",
        "{\"type\":\"object\",\"properties\":{"
        "\"name\":{\"type\":\"string\",\"default\":\"John Doe\"},"
        "\"age\":{\"type\":\"integer\",\"default\":30},"
        "\"score\":{\"type\":\"number\",\"default\":95.5},"
        "\"status\":{\"type\":\"string\",\"enum\":[\"active\",\"inactive\",\"pending\"],\"default\":"
        "\"active\"},"
        "\"verified\":{\"type\":\"boolean\",\"default\":true}},\"required\":[]}",
        &answer);

    (void)args;
    return rc == KMCP_OK ? report(ctx, "Elicitation completed", answer) : rc;
}

TOOL(elicitation_enums)
{
    const kmcp_json *answer;
    kmcp_rc rc = ask_form(
        ctx, "choices", "Please choose",
        "{\"type\":\"object\",\"properties\":{"
        "\"untitledSingle\":{\"type\":\"string\",\"enum\":[\"option1\",\"option2\",\"option3\"]},"
        "\"titledSingle\":{\"type\":\"string\",\"oneOf\":[{\"const\":\"value1\",\"title\":\"First Option\"},"
        "{\"const\":\"value2\",\"title\":\"Second Option\"},{\"const\":\"value3\",\"title\":\"Third "
        "Option\"}]},"
        "\"legacyEnum\":{\"type\":\"string\",\"enum\":[\"opt1\",\"opt2\",\"opt3\"],\"enumNames\":[\"Option "
        "One\","
        "\"Option Two\",\"Option Three\"]},"
        "\"untitledMulti\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"enum\":[\"option1\","
        "\"option2\","
        "\"option3\"]}},"
        "\"titledMulti\":{\"type\":\"array\",\"items\":{\"anyOf\":[{\"const\":\"value1\",\"title\":\"First "
        "Choice\"},"
        "{\"const\":\"value2\",\"title\":\"Second Choice\"},{\"const\":\"value3\",\"title\":\"Third "
        "Choice\"}]}}"
        "},\"required\":[]}",
        &answer);

    (void)args;
    return rc == KMCP_OK ? report(ctx, "Elicitation completed", answer) : rc;
}

TOOL(elicitation_url)
{
    const kmcp_json *answer;
    struct kmcp_ask ask = { .struct_size = sizeof ask,
                            .kind = KMCP_ASK_URL,
                            .key = "page",
                            .message = "Please confirm on the page.",
                            .url = "https://example.com/confirm" };
    kmcp_rc rc = ctx->host->ask(ctx, &ask, &answer);

    (void)args;
    return rc == KMCP_OK ? kmcp_text(ctx, "action=%s", kmcp_get_str(ctx, answer, "action")) : rc;
}

TOOL(missing_capability)
{
    const kmcp_json *answer;
    kmcp_rc rc = ask_sample(ctx, "answer", "Anybody there?", 10, &answer);

    (void)args;
    return rc == KMCP_OK ? kmcp_text(ctx, "%s", text_of(ctx, answer)) : rc;
}

TOOL(ask_name)
{
    const kmcp_json *answer;
    kmcp_rc rc = ask_form(ctx, "user_name", "What is your name?", NAME_FORM, &answer);
    const char *name;

    (void)args;
    if (rc != KMCP_OK)
        return rc;
    name = accepted(ctx, answer, "name");
    return name ? kmcp_text(ctx, "Hello, %s!", name) : kmcp_text(ctx, "Nobody gave a name.");
}

TOOL(ask_model)
{
    const kmcp_json *answer;
    kmcp_rc rc = ask_sample(ctx, "capital_question", "What is the capital of France?", 100, &answer);

    (void)args;
    return rc == KMCP_OK ? kmcp_text(ctx, "The model said: %s", text_of(ctx, answer)) : rc;
}

TOOL(ask_roots)
{
    const kmcp_json *answer;
    kmcp_rc rc = ask_for_roots(ctx, "client_roots", &answer);

    (void)args;
    return rc == KMCP_OK
               ? kmcp_text(ctx, "%zu roots", ctx->host->json_len(ctx->host->json_get(answer, "roots")))
               : rc;
}

/* What a round keeps is there in the next, and nowhere else. */
TOOL(ask_with_state)
{
    const struct kmcp_host *h = ctx->host;
    const kmcp_json *answer;
    kmcp_rc rc = h->keep(ctx, "asked", h->json_new_bool(ctx, 1));

    (void)args;
    if (rc == KMCP_OK)
        rc = ask_form(
            ctx, "confirm", "Please confirm",
            "{\"type\":\"object\",\"properties\":{\"ok\":{\"type\":\"boolean\"}},\"required\":[\"ok\"]}",
            &answer);
    return rc == KMCP_OK ? kmcp_text(ctx, "state-%s", h->kept(ctx, "asked") ? "ok" : "missing") : rc;
}

TOOL(ask_three)
{
    const kmcp_json *name, *greeting, *roots;
    kmcp_rc a = ask_form(ctx, "user_name", "What is your name?", NAME_FORM, &name);
    kmcp_rc b = ask_sample(ctx, "greeting", "Generate a greeting", 50, &greeting);
    kmcp_rc c = ask_for_roots(ctx, "client_roots", &roots);

    (void)args;
    if (a == KMCP_OK && b == KMCP_OK && c == KMCP_OK)
        return kmcp_text(ctx, "%s, %s", text_of(ctx, greeting), accepted(ctx, name, "name"));
    return a < 0 ? a : b < 0 ? b : c < 0 ? c : KMCP_AGAIN;
}

TOOL(ask_twice)
{
    const kmcp_json *name, *colour;
    kmcp_rc rc = ask_form(ctx, "step1", "Step 1: What is your name?", NAME_FORM, &name);

    (void)args;
    if (rc == KMCP_OK)
        rc = ask_form(
            ctx, "step2", "Step 2: What is your favorite color?",
            "{\"type\":\"object\",\"properties\":{\"color\":{\"type\":\"string\"}},\"required\":[\"color\"]}",
            &colour);
    return rc == KMCP_OK
               ? kmcp_text(ctx, "%s likes %s", accepted(ctx, name, "name"), accepted(ctx, colour, "color"))
               : rc;
}

TOOL(ask_what_it_can)
{
    const kmcp_json *answer;
    uint32_t can = ctx->host->client_can(ctx);
    kmcp_rc form = KMCP_OK, sample = KMCP_OK, roots = KMCP_OK;

    (void)args;
    if (can & KMCP_CAN_FORM)
        form = ask_form(ctx, "user_name", "What is your name?", NAME_FORM, &answer);
    if (can & KMCP_CAN_SAMPLE)
        sample = ask_sample(ctx, "greeting", "Generate a greeting", 50, &answer);
    if (can & KMCP_CAN_ROOTS)
        roots = ask_for_roots(ctx, "client_roots", &answer);
    if (form != KMCP_OK || sample != KMCP_OK || roots != KMCP_OK)
        return form < 0 ? form : sample < 0 ? sample : roots < 0 ? roots : KMCP_AGAIN;
    return kmcp_text(ctx, "All questions were answered.");
}

TOOL(prompt_that_asks)
{
    const kmcp_json *answer;
    struct kmcp_content message = { .struct_size = sizeof message, .kind = KMCP_CONTENT_TEXT };
    kmcp_rc rc = ask_form(
        ctx, "user_context", "What context should the prompt use?",
        "{\"type\":\"object\",\"properties\":{\"context\":{\"type\":\"string\"}},\"required\":["
        "\"context\"]}",
        &answer);

    (void)args;
    if (rc != KMCP_OK)
        return rc;
    message.text = ctx->host->format(ctx, "Use this context: %s", accepted(ctx, answer, "context"));
    return ctx->host->content(ctx, &message);
}
