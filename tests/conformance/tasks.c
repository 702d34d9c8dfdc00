/* tasks.c - work that outlives its request.  SPDX-License-Identifier: Apache-2.0 */
#include "fixtures.h"

TOOL(greet)
{
    kmcp_rc rc = ctx->host->result_meta(ctx, "example.com/greeted", ctx->host->json_get(args, "name"));

    return rc == KMCP_OK ? kmcp_text(ctx, "Hello, %s!", kmcp_get_str(ctx, args, "name")) : rc;
}

TOOL(slow_compute)
{
    const char *label = kmcp_get_str(ctx, args, "label");
    double seconds = 0;
    kmcp_rc rc;

    ctx->host->json_num(ctx->host->json_get(args, "seconds"), &seconds);
    rc = ctx->host->wait(ctx, (uint32_t)(seconds * 1000));
    return rc == KMCP_OK ? kmcp_text(ctx, "Computed %s for %g seconds.", label ? label : "something", seconds)
                         : rc;
}

TOOL(failing_job)
{
    kmcp_rc rc = ctx->host->wait(ctx, 1000);

    (void)args;
    return rc == KMCP_OK ? kmcp_fail(ctx, KMCP_E_CONFLICT, "this job fails on purpose") : rc;
}

TOOL(protocol_error_job)
{
    kmcp_rc rc = ctx->host->wait(ctx, 200);

    (void)args;
    return rc == KMCP_OK ? kmcp_fail(ctx, KMCP_E_PROTOCOL, "this job breaks on purpose") : rc;
}

#define CONFIRM                                                                                              \
    "{\"type\":\"object\",\"properties\":{\"confirm\":{\"type\":\"boolean\"}},\"required\":[\"confirm\"]}"

TOOL(confirm_delete)
{
    const char *file = kmcp_get_str(ctx, args, "filename");
    const kmcp_json *answer;
    kmcp_rc rc = ask_form(ctx, "confirm", ctx->host->format(ctx, "Delete %s?", file), CONFIRM, &answer);
    int yes;

    if (rc != KMCP_OK)
        return rc;
    yes = kmcp_get_bool(ctx, ctx->host->json_get(answer, "content"), "confirm", 0);
    return kmcp_text(ctx, yes ? "Deleted %s." : "Kept %s.", file);
}

TOOL(multi_input)
{
    const kmcp_json *first, *second;
    kmcp_rc a = ask_form(ctx, "first_name", "What is your first name?", NAME_FORM, &first);
    kmcp_rc b = ask_form(ctx, "last_name", "What is your last name?", NAME_FORM, &second);

    (void)args;
    if (a != KMCP_OK || b != KMCP_OK)
        return a < 0 ? a : b < 0 ? b : KMCP_AGAIN;
    return kmcp_text(ctx, "Hello, %s %s!", accepted(ctx, first, "name"), accepted(ctx, second, "name"));
}

/* What is asked in plan() is asked before the task begins; run() finds the answer. */
TOOL(task_plan)
{
    const kmcp_json *answer;

    (void)args;
    return ask_form(ctx, "user_name", "What is your name?", NAME_FORM, &answer);
}

TOOL(task_run)
{
    const kmcp_json *answer;
    kmcp_rc rc = ask_form(ctx, "user_name", "What is your name?", NAME_FORM, &answer);

    (void)args;
    if (rc == KMCP_OK)
        rc = ctx->host->wait(ctx, 200);
    return rc == KMCP_OK ? kmcp_text(ctx, "Hello from a task, %s!", accepted(ctx, answer, "name")) : rc;
}
