/* call.c - one tool call as a pass through a table of phases; a new concern is a new row, never a new branch.
 * SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "call_phase.h"
#include "plugin/api.h"

/* Architecture section 1. A row with ALWAYS set runs even when an earlier row ended the call. */
static const struct {
    const char *name;
    call_phase_fn fn;
    bool always;
} phases[] = {
    { "find", phase_find, false },         /* the tool, and whether it is offered at all         */
    { "validate", phase_validate, false }, /* the arguments against its schema                 */
    { "plan", phase_plan, false },         /* what it would touch, in one sentence               */
    { "policy", phase_policy, false },     /* what the INI demands before it may go on           */
    { "consent", phase_consent, false },   /* a person's yes, bound to exactly this              */
    { "intent", phase_intent, false },     /* on record before it happens, or it does not happen */
    { "run", phase_run, false },           /* the plugin does it                                 */
    { "shape", phase_shape, false },       /* the result against its schema, neutralised         */
    { "redact", phase_redact, true },      /* nothing personal in what went wrong                */
    { "outcome", phase_outcome, true },    /* on record what became of it                        */
    { "reply", phase_reply, true },        /* what the caller gets                               */
};

static void send_progress(void *arg, double done, double total, const char *message)
{
    struct call *c = arg;

    c->ctx.host->progress(&c->ctx, done, total, message);
}

static struct call *call_new(struct host *host, const struct call_input *in)
{
    struct call *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->ctx.host = &api_host;
    c->host = host;
    c->in = in;
    arena_init(&c->arena, host->call_bytes);
    buf_init(&c->text, host->call_bytes);
    c->client = (struct client_call){
        .arena = &c->arena,
        .failure = &c->failure,
        .cancelled = in->cancelled,
        .deadline_ms = clock_ms() + host->call_timeout_ms,
        .read_only = host->policy.read_only,
        .redact = host->policy.redact_pii,
        .seen = { .arena = &c->arena },
        .progress = send_progress,
        .progress_arg = c,
    };
    return c;
}

struct call *call_run(struct host *host, const struct call_input *in)
{
    struct call *c = call_new(host, in);
    bool going = true;

    if (!c)
        return NULL;
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        if (going || phases[i].always) {
            bool go_on = phases[i].fn(c);

            if (going && !go_on)
                log_line(KMCP_LOG_DEBUG, in->tool, "ended in phase %s", phases[i].name);
            going = going && go_on;
        }
    c->in = NULL; /* the caller's; it may be gone from here on */
    return c;
}

const struct call_output *call_output(const struct call *c)
{
    return &c->out;
}

void call_release(struct call *c)
{
    bool secret = c->tool && c->tool->decl.safety == KMCP_REVEAL;

    if (secret)
        buf_wipe(&c->text);
    else
        buf_free(&c->text);
    arena_release(&c->arena, secret);
    free(c);
}

bool call_stop(struct call *c, enum call_end end, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    c->out.end = end;
    c->out.text = arena_vformat(&c->arena, fmt, args);
    va_end(args);
    return false;
}

bool call_refuse(struct call *c, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    c->out.end = CALL_TOOL_ERROR;
    c->out.text = arena_vformat(&c->arena, fmt, args);
    va_end(args);
    if (c->tool->decl.safety != KMCP_READ)
        audit_refused(c->host->audit, &c->record, c->out.text);
    return false;
}

kmcp_rc call_enter(struct call *c, kmcp_tool_fn fn)
{
    pthread_mutex_t *lock = c->plugin->decl.threading == KMCP_SERIAL ? c->plugin->lock : NULL;
    kmcp_rc rc;

    if (lock)
        pthread_mutex_lock(lock);
    rc = fn(&c->ctx, c->args);
    if (lock)
        pthread_mutex_unlock(lock);
    if (rc != KMCP_OK && c->failure.rc == KMCP_OK)
        failure_set(&c->failure, rc < 0 ? rc : KMCP_E_BUG,
                    "plugin \"%s\" failed in %s without saying why (code %d); this is a fault of the plugin",
                    c->plugin->decl.name, c->tool->decl.name, (int)rc);
    return rc;
}
