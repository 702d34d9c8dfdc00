/* fixtures.h - what the files of this plugin share.  SPDX-License-Identifier: Apache-2.0 */
#ifndef FIXTURES_H
#define FIXTURES_H

#include <kmcp/helpers.h>

#define TOOL(name) kmcp_rc name(kmcp_ctx *ctx, const kmcp_json *args)

/* content.c */
TOOL(simple_text);
TOOL(image_content);
TOOL(audio_content);
TOOL(embedded_resource);
TOOL(multiple_content_types);
TOOL(tool_with_logging);
TOOL(error_handling);
TOOL(tool_with_progress);
TOOL(reconnection);
TOOL(x_mcp_header);
TOOL(echo_arguments);
TOOL(trigger_tool_change);
TOOL(trigger_prompt_change);
TOOL(simple_prompt);
TOOL(prompt_with_arguments);
TOOL(prompt_with_embedded_resource);
TOOL(prompt_with_image);
kmcp_rc complete_prompt(kmcp_ctx *ctx, const char *argument, const char *value, const kmcp_json *others);
kmcp_rc read_text(kmcp_ctx *ctx, const char *uri, const kmcp_json *vars);
kmcp_rc read_binary(kmcp_ctx *ctx, const char *uri, const kmcp_json *vars);
kmcp_rc read_template(kmcp_ctx *ctx, const char *uri, const kmcp_json *vars);
kmcp_rc read_watched(kmcp_ctx *ctx, const char *uri, const kmcp_json *vars);
TOOL(touch_watched);
TOOL(annotated);

/* asking.c */
TOOL(sampling);
TOOL(elicitation);
TOOL(elicitation_defaults);
TOOL(elicitation_enums);
TOOL(elicitation_url);
TOOL(missing_capability);
TOOL(ask_name);
TOOL(ask_model);
TOOL(ask_roots);
TOOL(ask_with_state);
TOOL(ask_three);
TOOL(ask_twice);
TOOL(ask_what_it_can);
TOOL(prompt_that_asks);

/* tasks.c */
TOOL(greet);
TOOL(slow_compute);
TOOL(failing_job);
TOOL(protocol_error_job);
TOOL(confirm_delete);
TOOL(multi_input);
TOOL(task_plan);
TOOL(task_run);

/* The "content" of the person's accepted answer, its KEY as text; NULL if he did not accept. */
const char *accepted(kmcp_ctx *ctx, const kmcp_json *answer, const char *key);
kmcp_rc ask_form(kmcp_ctx *ctx, const char *key, const char *message, const char *schema,
                 const kmcp_json **answer);

#define NAME_FORM                                                                                            \
    "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"}},\"required\":[\"name\"]}"

#endif
