/* call_record.c - on record before it happens, and what became of it.  SPDX-License-Identifier: Apache-2.0
 *
 * Before: the caps are counted, the act is CLAIMED in the ledger, the intent is written, the act is OPEN.
 * Each step is durable before the next; after the last one the request may be sent.
 */

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "call_phase.h"
#include "policy/caps.h"
#include "policy/sealed.h"

#define LEASE_EXTRA_MS INT64_C(60000)
#define KEEP_MS        (INT64_C(30) * 86400000)
#define RESERVE        ((size_t)1 << 20) /* more than the arguments of a call, all its names and a sentence */

bool call_note(struct call *c, const char *event, const char *detail)
{
    char why[400];

    if (audit_event(c->host->audit, &c->record, event, detail, why, sizeof why))
        return true;
    log_line(KMCP_LOG_ERROR, "audit", "%s", why);
    return call_stop(c, CALL_TOOL_ERROR, "%s was not done: %s", c->name, why);
}

static const char *sealed_args(struct call *c)
{
    uint8_t key[DIGEST_SIZE];
    const char *text = host_key_for(c->host, "ledger", key) ? sealed_text(&c->arena, key, c->stored_args)
                                                            : NULL;

    digest_wipe(key, sizeof key);
    return text;
}

static bool claim(struct call *c)
{
    struct ledger_entry *act = &c->act;
    int64_t now = state_now(c->host->state);
    enum state_rc rc;

    if (act->id && act->stage == LEDGER_UNKNOWN && c->safety != KMCP_REVEAL) {
        struct ledger_entry *prior = arena_alloc(&c->arena, sizeof *prior);

        if (!prior)
            return call_refuse(c, "the call needs more memory than [limits] call_bytes allows");
        *prior = *act;
        act->prior = prior;
    } else {
        act->prior = NULL;
    }
    if (act->id && act->stage != LEDGER_FAILED)
        act->after_ms = act->ended_ms ? act->ended_ms : act->until_ms;
    act->ended_ms = 0;
    if (!client_api_time(c->host->client, clock_unix_ms(), &act->api_ms))
        act->api_ms = 0;
    act->stage = LEDGER_CLAIMED;
    memcpy(act->call, c->call_hex, sizeof act->call);
    act->id = c->record.id;
    act->tool = c->tool->decl.name;
    act->plugin = c->plugin->decl.name;
    act->principal = c->in->principal;
    if (!(act->args = sealed_args(c)))
        return call_refuse(c, "%s was not done: its arguments cannot be sealed for the ledger of acts",
                           c->name);
    act->target = c->n_subjects && !c->record.redact ? c->subjects[0].label : NULL;
    act->request = c->client.agreed.line;
    act->text = act->structured = NULL;
    act->at_ms = now;
    act->until_ms = now + c->host->call_timeout_ms + LEASE_EXTRA_MS;
    if (c->tool->decl.flags & (KMCP_TOOL_TASK | KMCP_TOOL_TASK_ONLY))
        act->until_ms = now + c->host->task_timeout_ms + LEASE_EXTRA_MS;
    ledger_sign(&c->arena, act);
    rc = ledger_put(c->host->state, &c->arena, act, KEEP_MS);
    if (rc == STATE_YES)
        return c->claimed = true;
    return call_refuse(c,
                       rc == STATE_NO
                           ? "%s was not done: the same is being done by somebody else at this moment"
                           : "%s was not done: it cannot be entered in the ledger of acts (state)",
                       c->name);
}

/* The end has memory of its own: the call may have used up its share. What was said is left out rather than
 * the end. One that is not RECORDED stays open until it is (call_once.c). */
static void end_claim(struct call *c, enum ledger_stage stage, bool recorded)
{
    const int64_t repeat_ms = c->safety == KMCP_REVEAL ? 0 : c->host->policy.repeat_ms;
    bool done = c->out.end == CALL_COMPLETE && stage == LEDGER_OK;
    struct arena spare;
    enum state_rc rc;

    if (!c->claimed)
        return;
    c->claimed = false;
    c->act.stage = stage;
    c->act.owed = !recorded;
    c->act.ended_ms = state_now(c->host->state);
    arena_init(&spare, c->host->call_bytes + RESERVE);
    if (c->safety != KMCP_REVEAL) {
        c->act.text = done ? c->text.data : c->out.text;
        c->act.structured = done && c->structured ? json_text(&spare, c->structured) : NULL;
    }
    rc = ledger_end(c->host->state, &spare, &c->act, KEEP_MS, repeat_ms);
    if (rc == STATE_LOST && (c->act.text || c->act.structured)) {
        c->act.text = c->act.structured = NULL;
        arena_release(&spare, false);
        rc = ledger_end(c->host->state, &spare, &c->act, KEEP_MS, repeat_ms);
    }
    arena_release(&spare, false);
    if (rc != STATE_YES)
        log_line(KMCP_LOG_ERROR, "state",
                 "the end of %s (%s) could not be entered; it will be looked up again", c->name,
                 c->record.id);
}

bool phase_intent(struct call *c)
{
    struct policy_case now;
    char why[400], rule[80];

    if (c->safety == KMCP_READ)
        return true;
    if (!call_can_keep(c))
        return false;
    if (!audit_name(&c->record) || !call_case(c, &now))
        return call_stop(c, CALL_TOOL_ERROR, "%s was not done: it cannot be recorded (memory or OpenSSL)",
                         c->name);
    if (!claim(c))
        return false;
    if (caps_take(&c->host->policy, &now, c->host->state, true, rule, why, sizeof why) != STATE_YES) {
        end_claim(c, LEDGER_FAILED, true);
        c->record.rule = arena_strdup(&c->arena, rule);
        return call_refuse(c, "%s was not done: %s", c->name, why);
    }
    if (!audit_intent(c->host->audit, &c->record, why, sizeof why)) {
        log_line(KMCP_LOG_ERROR, "audit", "%s", why);
        end_claim(c, LEDGER_FAILED, true);
        return call_stop(c, CALL_TOOL_ERROR, "%s was not done: %s", c->name, why);
    }
    c->intended = true;
    c->act.stage = LEDGER_OPEN;
    if (ledger_put(c->host->state, &c->arena, &c->act, KEEP_MS) == STATE_YES)
        return true;
    c->failure.rc = KMCP_E_DENIED;
    return call_stop(c, CALL_TOOL_ERROR,
                     "%s was not done: it cannot be entered in the ledger of acts (state)", c->name);
}

/* The API took the act, and then something went wrong here: an answer too large to read, a plugin that fails.
 * It is no failure of the act, and it is not to be sent again. */
static void doubt(struct call *c)
{
    struct client_call *did = &c->client;

    if (did->act_unknown || !did->act_accepted || c->out.end == CALL_COMPLETE)
        return;
    did->act_unknown = true;
    c->arena.ceiling += RESERVE;
    call_stop(
        c, CALL_TOOL_ERROR,
        "the outcome of %s is unknown: it was answered with HTTP %d, but then %s. Do not send it again; "
        "get_device_commands and get_device_activity show whether the device received it",
        did->act_line, did->act_status,
        c->out.text ? c->out.text : "the call needed more memory than [limits] call_bytes allows");
}

/* Whatever became of it, the caller hears that it is not on record. */
static void tell_unrecorded(struct call *c)
{
    static const char note[] =
        " (What became of it could not be recorded: the audit file cannot be written. It "
        "is recorded by `kmcp acts`, or when kmcp starts, once it can. Tell an "
        "administrator.)";

    c->arena.ceiling += sizeof note;
    c->text.max += sizeof note;
    if (c->out.end == CALL_COMPLETE)
        buf_puts(&c->text, note);
    else
        c->out.text = arena_format(&c->arena, "%s%s", c->out.text ? c->out.text : "out of memory", note);
}

bool phase_outcome(struct call *c)
{
    const struct client_call *did = &c->client;
    const char *result;
    bool recorded;

    if (!c->intended)
        return true;
    doubt(c);
    result = did->act_unknown                    ? "unknown"
             : c->out.end == CALL_COMPLETE       ? "ok"
             : c->failure.rc == KMCP_E_CANCELLED ? "cancelled"
                                                 : "failed";
    recorded = audit_outcome(c->host->audit, &c->record, result, did->act_sent ? did->act_line : NULL,
                             did->act_status, c->out.end == CALL_COMPLETE ? NULL : c->out.text);
    end_claim(c,
              did->act_unknown              ? LEDGER_UNKNOWN
              : c->out.end == CALL_COMPLETE ? LEDGER_OK
                                            : LEDGER_FAILED,
              recorded);
    if (recorded)
        return true;
    log_line(KMCP_LOG_ERROR, "audit", "the outcome of %s (%s) could not be recorded", c->tool->decl.name,
             c->record.id);
    tell_unrecorded(c);
    return true;
}
