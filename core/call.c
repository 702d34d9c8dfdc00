/* call.c - one tool call as a pass through a table of phases; a new concern is a new row, never a new branch.
 * SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/keyfile.h"
#include "base/log.h"
#include "call_phase.h"
#include "plugin/api.h"

#define TOOLS (1u << CALL_TOOL)
#define ALL   (TOOLS | 1u << CALL_PROMPT | 1u << CALL_RESOURCE | 1u << CALL_COMPLETION)

/* Architecture section 1. KINDS of calls that pass through; a row with ALWAYS set runs even when an earlier
 * row ended the call. */
static const struct {
    const char *name;
    call_phase_fn fn;
    unsigned kinds;
    bool always;
} phases[] = {
    { "find", phase_find, ALL, false },           /* the tool, and whether it is offered at all         */
    { "resolve", phase_resolve, ALL, false },     /* what pseudonyms in them stand for                  */
    { "validate", phase_validate, ALL, false },   /* the arguments against its schema                   */
    { "resume", phase_resume, ALL, false },       /* what earlier rounds asked and were answered        */
    { "settle", phase_settle, TOOLS, false },     /* only: what became of an act nobody knows about      */
    { "plan", phase_plan, TOOLS, false },         /* what it would touch, in one sentence               */
    { "bind", phase_bind, TOOLS, false },         /* what a yes would be bound to                       */
    { "policy", phase_policy, TOOLS, false },     /* what the INI says to that                          */
    { "once", phase_once, TOOLS, false },         /* not again what was done, or may have been          */
    { "rehearse", phase_rehearse, TOOLS, false }, /* exactly what would be sent                       */
    { "consent", phase_consent, TOOLS, false },   /* a person's yes, bound to exactly this              */
    { "approval", phase_approval, TOOLS, false }, /* or that of people outside the client             */
    { "detach", phase_detach, TOOLS, false },     /* from here on it may be a task                      */
    { "look", phase_look, TOOLS, false },         /* is it still what was agreed to                      */
    { "intent", phase_intent, TOOLS, false },     /* on record before it happens, or it does not happen */
    { "run", phase_run, ALL, false },             /* the plugin does it                                 */
    { "shape", phase_shape, ALL, false },         /* the result against its schema, neutralised         */
    { "rename", phase_rename, ALL, true },        /* persons are pseudonyms in whatever leaves          */
    { "redact", phase_redact, ALL, true },        /* nothing personal in what went wrong                */
    { "outcome", phase_outcome, TOOLS, true },    /* on record what became of it                        */
    { "reply", phase_reply, ALL, true },          /* what the caller gets                               */
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
    c->items_end = &c->items;
    c->progress_done = -1;
    c->client = (struct client_call){
        .arena = &c->arena,
        .failure = &c->failure,
        .cancelled = in->cancelled,
        .deadline_ms = clock_ms() + host->call_timeout_ms,
        .read_only = host->policy.read_only,
        .redact = host->policy.redact_pii,
        .seen = { .arena = &c->arena },
        .hidden = { .arena = &c->arena },
        .traceparent = in->traceparent,
        .tracestate = in->tracestate,
        .still_may = call_still_may,
        .still_arg = c,
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
        if ((phases[i].kinds & 1u << in->kind) && (going || phases[i].always)) {
            bool go_on = phases[i].fn(c);

            if (going && !go_on)
                log_line(KMCP_LOG_DEBUG, in->name, "ended in phase %s", phases[i].name);
            going = going && go_on;
        }
    client_call_end(host->client, &c->client);
    c->in = NULL; /* the caller's; it may be gone from here on */
    return c;
}

const struct call_output *call_output(const struct call *c)
{
    return &c->out;
}

void call_release(struct call *c)
{
    bool secret = c->safety != KMCP_READ; /* a key it revealed, a PIN it was given */

    pseudo_map_free(c->named);

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
    if (c->safety != KMCP_READ)
        audit_refused(c->host->audit, &c->record, c->out.text);
    return false;
}

bool call_stop_failed(struct call *c, kmcp_rc rc)
{
    if (c->bad_answer)
        return call_stop(c, CALL_BAD_STATE, "%s", c->failure.text);
    if (c->lacks) {
        c->out.lacks = c->lacks;
        return call_stop(c, CALL_LACKS, "%s", c->failure.text);
    }
    if (rc == KMCP_E_PROTOCOL || c->in->kind == CALL_COMPLETION)
        return call_stop(c, CALL_PROTOCOL, "%s", c->failure.text);
    if (c->in->kind == CALL_RESOURCE)
        return call_stop(c, rc == KMCP_E_NOTFOUND ? CALL_NOT_FOUND : CALL_PROTOCOL, "%s", c->failure.text);
    if (c->in->kind == CALL_PROMPT)
        return call_stop(c, rc == KMCP_E_ARG ? CALL_NO_TOOL : CALL_PROTOCOL, "%s", c->failure.text);
    return call_stop(c, CALL_TOOL_ERROR, "%s", c->failure.text);
}

void call_forget(struct call *c)
{
    buf_wipe(&c->text);
    buf_init(&c->text, c->host->call_bytes);
    c->items = NULL;
    c->items_end = &c->items;
    c->structured = NULL;
    c->meta = NULL;
    c->failure = (struct failure){ .rc = KMCP_OK };
    c->lacks = 0;
    c->bad_answer = false;
    c->n_asks = 0;
}

static kmcp_rc invoke(struct call *c, enum call_step step)
{
    kmcp_complete_fn complete;

    switch (c->in->kind) {
    case CALL_TOOL:
        return step == STEP_RESOLVE
                   ? c->tool->decl.resolve(&c->ctx, c->args, c->act.api_ms)
                   : (step == STEP_PLAN ? c->tool->decl.plan : c->tool->decl.run)(&c->ctx, c->args);
    case CALL_PROMPT:
        return c->prompt->decl.get(&c->ctx, c->args);
    case CALL_RESOURCE:
        return c->resource->decl.read(&c->ctx, c->in->name, c->args);
    case CALL_COMPLETION:
        complete = c->prompt ? c->prompt->decl.complete : c->resource->decl.complete;
        return complete ? complete(&c->ctx, c->in->argument, c->in->value, c->args) : KMCP_OK;
    }
    return KMCP_E_BUG;
}

kmcp_rc call_enter(struct call *c, enum call_step step)
{
    pthread_mutex_t *lock = c->plugin->decl.threading == KMCP_SERIAL ? c->plugin->lock : NULL;
    kmcp_rc rc;

    if (lock)
        pthread_mutex_lock(lock);
    rc = invoke(c, step);
    if (lock)
        pthread_mutex_unlock(lock);
    if ((rc == KMCP_AGAIN && c->n_asks) || (step == STEP_RESOLVE && rc > 0))
        return rc;
    if (c->bad_answer || c->lacks) /* what it asked cannot be; whatever it made of that */
        return rc != KMCP_OK ? KMCP_E_ARG : rc;
    if (rc != KMCP_OK && c->failure.rc == KMCP_OK)
        failure_set(&c->failure, rc < 0 ? rc : KMCP_E_BUG,
                    "plugin \"%s\" failed in %s without saying why (code %d); this is a fault of the plugin",
                    c->plugin->decl.name, c->name, (int)rc);
    return rc < 0 ? rc : rc != KMCP_OK ? KMCP_E_BUG : rc;
}

void host_init(struct host *host)
{
    memset(host, 0, sizeof *host);
    pthread_mutex_init(&host->wait_lock, NULL);
    pthread_cond_init(&host->wait_wake, NULL);
    pthread_mutex_init(&host->key_lock, NULL);
}

void host_wake(struct host *host)
{
    if (host->client)
        client_wake(host->client);
    pthread_mutex_lock(&host->wait_lock);
    pthread_cond_broadcast(&host->wait_wake);
    pthread_mutex_unlock(&host->wait_lock);
}

const char *host_policy_version(struct host *host)
{
    pthread_mutex_lock(&host->key_lock);
    if (!host->policy_version[0])
        policy_digest(&host->config, host->policy_version);
    pthread_mutex_unlock(&host->key_lock);
    return host->policy_version;
}

const uint8_t *host_key(struct host *host)
{
    char path[600], why[600];
    bool has;

    pthread_mutex_lock(&host->key_lock);
    if (!host->has_key && *state_folder(host->state)) {
        snprintf(path, sizeof path, "%s/seal.key", state_folder(host->state));
        host->has_key = keyfile_read(path, true, host->key, why, sizeof why);
    }
    if (!host->has_key) /* for this process alone; acts need the state, and are refused without it */
        host->has_key = digest_random(host->key, sizeof host->key);
    has = host->has_key;
    pthread_mutex_unlock(&host->key_lock);
    return has ? host->key : NULL;
}

bool host_key_for(struct host *host, const char *purpose, uint8_t out[DIGEST_SIZE])
{
    const uint8_t *key = host_key(host);
    char text[64];
    int len = snprintf(text, sizeof text, "kmcp %s 1", purpose);

    return key && digest_hmac(key, DIGEST_SIZE, text, (size_t)len, out);
}
