/* conformance.c - what the official conformance suite needs a server to host: tables only, the rest is in the
 * other files. Built from an installed SDK alone.  SPDX-License-Identifier: Apache-2.0 */
#include "fixtures.h"
#include "conformance_schema.h"

#define ROW(tool_name, text, schema, ...)                                                                    \
    {                                                                                                        \
        .name = tool_name, .title = tool_name, .description = text, .input_schema = schema,                  \
        .safety = KMCP_READ, __VA_ARGS__                                                                     \
    }
#define NONE none_schema

static const struct kmcp_tool tools[] = {
    ROW("test_simple_text", "Answers with text.", NONE, .run = simple_text),
    ROW("test_image_content", "Answers with an image.", NONE, .run = image_content),
    ROW("test_audio_content", "Answers with a sound.", NONE, .run = audio_content),
    ROW("test_embedded_resource", "Answers with a resource.", NONE, .run = embedded_resource),
    ROW("test_multiple_content_types", "Answers with text, an image and a resource.", NONE,
        .run = multiple_content_types),
    ROW("test_tool_with_logging", "Tells what it does.", NONE, .run = tool_with_logging),
    ROW("test_logging_tool", "Tells what it does.", NONE, .run = tool_with_logging),
    ROW("test_error_handling", "Fails.", NONE, .run = error_handling),
    ROW("test_tool_with_progress", "Says how far it is.", NONE, .run = tool_with_progress),
    ROW("test_reconnection", "Lets go of its stream.", NONE, .run = reconnection),
    ROW("test_x_mcp_header", "Has arguments that are repeated in headers.", region_schema,
        .run = x_mcp_header),
    ROW("test_echo_arguments", "Answers with its arguments.", NONE, .run = echo_arguments),
    ROW("json_schema_2020_12_tool", "Has a schema with all that the dialect offers.", dialect_schema,
        .run = echo_arguments),
    ROW("test_trigger_tool_change", "Changes the list of tools.", NONE, .run = trigger_tool_change),
    ROW("test_trigger_prompt_change", "Changes the list of prompts.", NONE, .run = trigger_prompt_change),
    ROW("test_annotated_content", "Answers with annotations and a link.", NONE, .run = annotated),
    ROW("test_touch_watched", "Updates the watched resource.", NONE, .run = touch_watched),
    ROW("test_sampling", "Asks the client's model.", prompt_schema, .run = sampling),
    ROW("test_elicitation", "Asks the person.", message_schema, .run = elicitation),
    ROW("test_elicitation_sep1034_defaults", "Asks with defaults.", NONE, .run = elicitation_defaults),
    ROW("test_elicitation_sep1330_enums", "Asks with choices.", NONE, .run = elicitation_enums),
    ROW("test_elicitation_url", "Sends the person to a page.", NONE, .run = elicitation_url),
    ROW("test_missing_capability", "Needs the client's model.", NONE, .run = missing_capability),
    ROW("test_streaming_elicitation", "Answers without asking.", NONE, .run = simple_text),
    ROW("test_input_required_result_elicitation", "Asks for a name.", NONE, .run = ask_name),
    ROW("test_input_required_result_sampling", "Asks the model.", NONE, .run = ask_model),
    ROW("test_input_required_result_list_roots", "Asks for roots.", NONE, .run = ask_roots),
    ROW("test_input_required_result_request_state", "Keeps a state.", NONE, .run = ask_with_state),
    ROW("test_input_required_result_multiple_inputs", "Asks three things at once.", NONE, .run = ask_three),
    ROW("test_input_required_result_multi_round", "Asks twice.", NONE, .run = ask_twice),
    ROW("test_input_required_result_tampered_state", "Keeps a state.", NONE, .run = ask_with_state),
    ROW("test_input_required_result_capabilities", "Asks what the client can answer.", NONE,
        .run = ask_what_it_can),
    ROW("greet", "Greets.", name_schema, .run = greet,
        .icons = "[{\"src\":\"data:image/svg+xml;base64,PHN2Zy8+\",\"mimeType\":\"image/svg+xml\"}]"),
    ROW("slow_compute", "Takes its time.", slow_schema, .run = slow_compute, .flags = KMCP_TOOL_TASK),
    ROW("failing_job", "Fails after a while.", NONE, .run = failing_job, .flags = KMCP_TOOL_TASK_ONLY),
    ROW("protocol_error_job", "Breaks.", NONE, .run = protocol_error_job, .flags = KMCP_TOOL_TASK),
    ROW("confirm_delete", "Asks before it deletes.", filename_schema, .run = confirm_delete,
        .flags = KMCP_TOOL_TASK),
    ROW("multi_input", "Asks two things at once.", NONE, .run = multi_input, .flags = KMCP_TOOL_TASK),
    ROW("test_tool_with_task", "Asks, then works.", NONE, .plan = task_plan, .run = task_run,
        .flags = KMCP_TOOL_TASK),
};

static const struct kmcp_prompt_arg two_args[] = {
    { .name = "arg1", .description = "the first", .flags = KMCP_ARG_REQUIRED },
    { .name = "arg2", .description = "the second", .flags = KMCP_ARG_REQUIRED },
};
static const struct kmcp_prompt_arg uri_arg[] = {
    { .name = "resourceUri", .description = "what to embed", .flags = KMCP_ARG_REQUIRED },
};

static const struct kmcp_prompt prompts[] = {
    { .name = "test_simple_prompt", .title = "Simple", .description = "A prompt.", .get = simple_prompt },
    { .name = "test_prompt_with_arguments",
      .description = "A prompt with arguments.",
      KMCP_ARGS(two_args),
      .get = prompt_with_arguments,
      .complete = complete_prompt },
    { .name = "test_prompt_with_embedded_resource",
      .description = "A prompt with a resource.",
      KMCP_ARGS(uri_arg),
      .get = prompt_with_embedded_resource },
    { .name = "test_prompt_with_image", .description = "A prompt with an image.", .get = prompt_with_image },
    { .name = "test_input_required_result_prompt",
      .description = "A prompt that asks.",
      .get = prompt_that_asks },
};

static const struct kmcp_resource resources[] = {
    { .uri = "test://static-text",
      .name = "Static text",
      .description = "A text.",
      .mime_type = "text/plain",
      .read = read_text,
      .ttl_s = 60 },
    { .uri = "test://static-binary",
      .name = "Static binary",
      .description = "An image.",
      .mime_type = "image/png",
      .read = read_binary },
    { .uri = "test://watched-resource",
      .name = "Watched",
      .description = "A text that changes.",
      .mime_type = "text/plain",
      .read = read_watched,
      .flags = KMCP_RESOURCE_UPDATES },
    { .uri = "test://template/{id}/data",
      .name = "Template",
      .description = "Data by id.",
      .mime_type = "application/json",
      .read = read_template,
      .complete = complete_prompt },
};

KMCP_PLUGIN(conformance, "1.0.0", .summary = "Fixtures of the MCP conformance suite",
            .threading = KMCP_PARALLEL, .needs_minor = 1, .features = KMCP_FEATURE_TELL | KMCP_FEATURE_SHOW,
            KMCP_TOOLS(tools), KMCP_RESOURCES(resources), KMCP_PROMPTS(prompts));
