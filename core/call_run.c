/* call_run.c - the last phases: doing it, and making the answer fit to leave the host.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "call_phase.h"

bool phase_run(struct call *c)
{
    kmcp_rc rc;

    c->phase = CALL_RUNNING;
    rc = call_enter(c, STEP_RUN);
    if (rc == KMCP_AGAIN)
        return call_stop_asking(c);
    if (rc != KMCP_OK)
        return call_stop_failed(c, rc);
    if (c->unkept && c->safety == KMCP_REVEAL) { /* what it was for has not come about */
        failure_set(&c->failure, KMCP_E_CONFLICT, "%s: %s%s%s", c->name, c->unkept, c->handles ? ". " : "",
                    c->handles ? c->handles : "");
        return call_stop_failed(c, KMCP_E_CONFLICT);
    }
    c->failure.rc = KMCP_OK; /* what went wrong on the way was dealt with */
    c->out.end = CALL_COMPLETE;
    return true;
}

#define OUTSIDE_MAX 1000 /* code points of one string of an answer */

/* Where TEXT is to be cut; its length if it is not too long. */
static size_t cut_at(const char *text)
{
    size_t n = 0, i = 0;

    for (; text[i]; i++)
        if (((unsigned char)text[i] & 0xC0) != 0x80 && n++ == OUTSIDE_MAX)
            break;
    return i;
}

/* Strings of the answer come from devices and their users (text.h): none is longer than a note has to be, so
 * that nobody's name fills a conversation. */
static bool neutralise(struct call *c, kmcp_json *value)
{
    const char *text = json_str(value);
    struct buf clean;
    bool ok = true;

    if (text) {
        size_t cut = cut_at(text);

        if (!text[cut] && !text_needs_neutral(text, cut))
            return true;
        buf_init(&clean, c->host->call_bytes);
        ok = text_neutral(&clean, text, cut) &&
             (!text[cut] ||
              buf_printf(&clean, " [cut: %d of %zu characters]", OUTSIDE_MAX, text_codepoints(text))) &&
             json_replace_str(&c->arena, value, clean.data ? clean.data : "");
        buf_free(&clean);
        return ok;
    }
    if (json_kind(value) == KMCP_JSON_ARRAY || json_kind(value) == KMCP_JSON_OBJECT)
        for (const kmcp_json *item = json_first(value); item && ok; item = json_next(item))
            ok = neutralise(c, (kmcp_json *)(uintptr_t)item);
    return ok;
}

/* An act that happened is not reported as failed because its description does not fit: the text still says
 * it. */
static bool wrong_shape(struct call *c, const char *why)
{
    log_line(KMCP_LOG_ERROR, c->plugin->decl.name, "%s: %s", c->name, why);
    c->structured = NULL;
    if (c->safety == KMCP_READ || !c->text.len)
        return call_stop(c, c->tool ? CALL_TOOL_ERROR : CALL_PROTOCOL,
                         "%s: %s; this is a fault of plugin \"%s\"%s", c->name, why, c->plugin->decl.name,
                         c->safety == KMCP_READ ? "" : ", what it was asked to do was done");
    return true;
}

bool phase_shape(struct call *c)
{
    char why[400], sentence[500];

    if (c->in->kind == CALL_COMPLETION)
        return true;
    if (!c->tool) /* a prompt's messages, a resource's contents */
        return c->items ? true : wrong_shape(c, "it answered nothing");
    if (c->text.failed)
        return wrong_shape(c, "its text is larger than [limits] call_bytes allows");
    if (c->structured && !neutralise(c, (kmcp_json *)(uintptr_t)c->structured))
        return wrong_shape(c, "its result is larger than [limits] call_bytes allows");
    if (c->tool->output && c->host->structured &&
        !(c->structured && schema_check(c->tool->output, c->structured, why, sizeof why))) {
        snprintf(sentence, sizeof sentence, "its result does not match its output schema (%s)",
                 c->structured ? why : "there is none");
        return wrong_shape(c, sentence);
    }
    if (!c->text.len && !c->items && c->structured) {
        const char *text = json_text(&c->arena, c->structured);

        if (!text)
            return wrong_shape(c, "its result is larger than [limits] call_bytes allows");
        buf_puts(&c->text, text);
    }
    if (!c->text.len && !c->items)
        return wrong_shape(c, "it answered nothing");
    if (c->handles)
        buf_printf(&c->text, "%s%s", c->text.len ? " " : "", c->handles);
    if (c->unkept)
        buf_printf(&c->text, " (%s)", c->unkept);
    if (c->text.len && text_needs_neutral(c->text.data, c->text.len)) {
        struct buf clean;

        buf_init(&clean, c->host->call_bytes);
        if (!text_neutral(&clean, c->text.data, c->text.len)) {
            buf_free(&clean);
            return wrong_shape(c, "its text is larger than [limits] call_bytes allows");
        }
        buf_wipe(&c->text);
        c->text = clean;
    }
    return true;
}

#define QUOTED_MAX 200 /* kmcp_quote() */

bool call_alias_persons(struct call *c)
{
    struct mask_seen *seen = &c->client.seen;
    bool ok = true;

    for (size_t i = 0, n = seen->n; i < n && ok && c->host->policy.redact_pii; i++) {
        const char *value = seen->values[i];

        for (int quoted = 0; quoted < 2; quoted++) {
            struct buf b;

            buf_init(&b, c->host->call_bytes);
            ok = ok && text_line(&b, value, quoted ? QUOTED_MAX : SIZE_MAX, quoted);
            if (ok && b.data && strcmp(b.data, value) != 0)
                ok = mask_remember(seen, b.data, seen->names[i]);
            buf_wipe(&b);
        }
    }
    return ok;
}

/* What a person is shown may be real, but is never more than text. */
static bool redact_questions(struct call *c)
{
    for (size_t i = 0; i < c->out.n_asks; i++) {
        struct call_ask *ask = &c->asks[i];
        struct buf clean;

        if (!ask->message || !text_needs_neutral(ask->message, strlen(ask->message)))
            continue;
        buf_init(&clean, c->host->call_bytes);
        ask->message = text_neutral(&clean, ask->message, strlen(ask->message))
                           ? arena_strdup(&c->arena, clean.data)
                           : NULL;
        buf_free(&clean);
        if (!ask->message)
            c->out.n_asks = 0;
        else if (c->out.question)
            c->out.question = ask->message;
    }
    return true;
}

bool call_shows_plan(const struct call *c)
{
    return c->in->plan_only || (c->in->explain && !c->in->real);
}

/* Replies were masked as they came in; what a plan saw in clear may still stand in a sentence that says no.
 */
bool phase_redact(struct call *c)
{
    struct buf clean;

    if (c->out.end == CALL_COMPLETE && !call_shows_plan(c))
        return true;
    if (c->host->policy.redact_pii && c->failure.cut &&
        c->out.text) /* the last name in it may be half a name */
        c->out.text = "failed, and what there is to say is too long to be shown with redact_pii";
    if (c->host->policy.redact_pii && c->out.text)
        c->out.text = mask_scrub(&c->arena, &c->client.seen, c->out.text);
    if (c->out.text && text_needs_neutral(c->out.text, strlen(c->out.text))) {
        buf_init(&clean, c->host->call_bytes);
        c->out.text = text_neutral(&clean, c->out.text, strlen(c->out.text))
                          ? arena_strdup(&c->arena, clean.data)
                          : NULL;
        buf_free(&clean);
    }
    return redact_questions(c);
}

bool phase_reply(struct call *c)
{
    if (c->out.end == CALL_COMPLETE && !c->out.text) {
        c->out.text = c->text.data ? c->text.data : "";
        c->out.structured = c->tool && c->tool->output ? c->structured : NULL;
        c->out.items = c->items;
        c->out.meta = c->meta;
        c->out.values = (const char *const *)c->values;
        c->out.n_values = c->n_values;
        c->out.total_values = c->total_values;
    }
    if (c->failure.rc == KMCP_E_CANCELLED && c->in->cancelled &&
        __atomic_load_n(c->in->cancelled, __ATOMIC_ACQUIRE))
        c->out.end = CALL_CANCELLED;
    if (c->out.end == CALL_ASK && !c->out.n_asks) {
        c->out.end = CALL_TOOL_ERROR;
        c->out.text = NULL;
    }
    if (!c->out.text && c->out.end != CALL_ASK) {
        c->out.end = c->out.end == CALL_COMPLETE ? CALL_TOOL_ERROR : c->out.end;
        c->out.text = "the call needs more memory than [limits] call_bytes allows";
    }
    return true;
}
