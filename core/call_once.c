/* call_once.c - not again what was done already or may have been: the ledger of acts, and finding out.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "call_phase.h"
#include "call_restore.h"

#define ARRIVES_MS INT64_C(900000)          /* what left no trace after so long did not arrive */
#define NEAR_MS    INT64_C(10000)           /* two acts so close cannot be told apart in a queue */
#define KEEP_MS    (INT64_C(30) * 86400000) /* what nobody knows is kept so long */
#define ENDING_MS  INT64_C(60000)           /* so long others leave its end to who puts it on record */

/* ---- what became of an act ---- */

/* The plugin looks. Its words in TEXT (never NULL). */
static kmcp_rc look(struct call *c, const char **text)
{
    char why[1200];
    kmcp_rc rc;

    if (!c->tool->decl.resolve)
        rc = KMCP_E_NOTFOUND;
    else if (c->act.api_ms <= 0)
        rc = failure_set(&c->failure, KMCP_E_NOTFOUND, "its time by the API's clock is not known");
    else {
        c->phase = CALL_RUNNING;
        c->client.planning = true;
        rc = call_enter(c, STEP_RESOLVE);
        c->client.planning = false;
    }
    if (rc == KMCP_HAPPENED && c->structured && c->tool->output &&
        schema_check(c->tool->output, c->structured, why, sizeof why))
        c->act.structured = json_text(&c->arena, c->structured);
    *text = rc > 0 && c->text.data ? arena_strdup(&c->arena, c->text.data)
            : rc < 0               ? arena_strdup(&c->arena, c->failure.text)
                                   : "";
    if (!*text)
        *text = "";
    call_forget(c);
    return rc;
}

/* Could E be what a trace of c->act is of? Both are the same request, and stand close together. */
static bool is_near(const struct call *c, const struct ledger_entry *e)
{
    int64_t ended = e->ended_ms ? e->ended_ms : e->until_ms;

    return strcmp(e->key, c->act.key) != 0 && e->request && c->act.request &&
           strcmp(e->request, c->act.request) == 0 && e->stage != LEDGER_CLAIMED &&
           e->stage != LEDGER_FAILED && ended + NEAR_MS >= c->act.at_ms &&
           e->at_ms <= c->act.at_ms + ARRIVES_MS;
}

/* May a trace be that of another act that kmcp sent? */
static bool is_anothers(struct call *c)
{
    struct ledger_entry *all;
    struct arena scratch;
    bool is = c->act.after_ms && c->act.after_ms + NEAR_MS >= c->act.at_ms;
    size_t n = 0, bad = 0;

    arena_init(&scratch, c->host->call_bytes);
    if (ledger_all(c->host->state, &scratch, false, &all, &n, &bad) != STATE_YES || bad)
        is = true;
    for (size_t i = 0; i < n && !is; i++)
        is = is_near(c, &all[i]);
    arena_release(&scratch, false);
    return is;
}

static bool found_out_elsewhere(struct call *c)
{
    if (c->in->unfinished)
        return call_stop(c, CALL_COMPLETE, "found out by another process, at this moment");
    return call_refuse(c,
                       "%s was not done: another process finds out, at this moment, what became of the same "
                       "before; call again",
                       c->name);
}

/* The end is entered as one that is owed and that we put on record, so that of several processes that found
 * it out one does. Whoever dies before it is no longer owed leaves it to the next. */
static bool enter_end(struct call *c, enum ledger_stage stage, const char *text)
{
    if (stage == LEDGER_OK && !c->act.owed)
        c->act.text = arena_format(&c->arena, "the answer to it was lost, but it was received: %s", text);
    c->act.stage = stage;
    c->act.owed = true;
    c->act.ending_ms = state_now(c->host->state) + ENDING_MS;
    ledger_sign(&c->arena, &c->act);
    switch (ledger_put(c->host->state, &c->arena, &c->act, KEEP_MS)) {
    case STATE_YES:
        return true;
    case STATE_NO:
        return found_out_elsewhere(c);
    case STATE_LOST:
        break;
    }
    return call_refuse(c, "%s was not done: the state was lost", c->name);
}

static bool end_act(struct call *c, enum ledger_stage stage, const char *how, const char *text)
{
    struct audit_call record = c->record;
    char why[400];

    if (c->host->policy.redact_pii) /* the plugin knows in clear whom it looked for */
        text = mask_scrub(&c->arena, &c->client.seen, text);
    if (!text)
        return call_refuse(c, "out of memory");
    if (!enter_end(c, stage, text))
        return false;
    snprintf(record.id, sizeof record.id, "%s", c->act.id ? c->act.id : "");
    record.trace = NULL;
    record.result = ledger_stage_name(stage);
    if (!audit_event(c->host->audit, &record, "resolved",
                     arena_format(&c->arena, "%s%s%s", how, *text ? ": " : "", text), why, sizeof why)) {
        c->act.ending_ms = 0;
        ledger_put(c->host->state, &c->arena, &c->act, KEEP_MS);
        return call_stop(c, CALL_TOOL_ERROR, "%s was not done: %s", c->name, why);
    }
    c->act.owed = false;
    c->act.ending_ms = 0;
    return ledger_end(c->host->state, &c->arena, &c->act, KEEP_MS,
                      c->safety == KMCP_REVEAL ? 0 : c->host->policy.repeat_ms) != STATE_LOST ||
           call_refuse(c, "%s was not done: the state was lost", c->name);
}

static bool settle(struct call *c);

/* The act C looked at did not happen; now what it was done in place of, if anything. */
static bool did_not(struct call *c, const char *how, const char *text)
{
    return end_act(c, LEDGER_FAILED, how, text) && (c->act.stage == LEDGER_FAILED || settle(c));
}

/* Finds out, as far as one can, what became of c->act, which is UNKNOWN or not on record. */
static bool settle(struct call *c)
{
    static const char late[] = "it ended so, which could not be recorded then";
    int64_t now = state_now(c->host->state);
    const char *text;

    if (ledger_is_ending(&c->act, now))
        return found_out_elsewhere(c);
    if (c->act.owed && c->act.stage == LEDGER_FAILED)
        return did_not(c, late, "");
    if (c->act.owed && !end_act(c, c->act.stage, late, ""))
        return false;
    if (c->act.stage == LEDGER_OK)
        return true;
    if (c->act.stage == LEDGER_CLAIMED)
        return did_not(c, "kmcp ended before it was sent", "");
    switch (look(c, &text)) {
    case KMCP_HAPPENED:
        if (!is_anothers(c))
            return end_act(c, LEDGER_OK, "it was received", text);
        text = "what was found may be another act of the same kind";
        break;
    case KMCP_NOT_SEEN:
        if (now - c->act.at_ms >= ARRIVES_MS)
            return did_not(c, "it left no trace and did not arrive", text);
        break;
    default:
        break;
    }
    if (c->act.stage == LEDGER_OPEN) {
        c->act.stage = LEDGER_UNKNOWN;
        return end_act(c, LEDGER_UNKNOWN, "kmcp ended while it was under way; nobody knows yet", text);
    }
    return true;
}

bool phase_settle(struct call *c)
{
    if (!c->in->unfinished)
        return true;
    c->act = *c->in->unfinished;
    if (!settle(c))
        return false;
    if (strcmp(c->act.id, c->in->unfinished->id) != 0)
        return call_stop(c, CALL_COMPLETE, "failed; the one before it (%.32s): %s", c->act.id,
                         ledger_stage_name(c->act.stage));
    return call_stop(c, CALL_COMPLETE, "%s", ledger_stage_name(c->act.stage));
}

/* ---- the same again ---- */

/* What an entry is found by: the tool and what it touches, whoever asks. */
static bool act_key(struct call *c, char out[2 * DIGEST_SIZE + 1])
{
    const char **parts = arena_alloc(&c->arena, (2 + 2 * c->n_subjects) * sizeof *parts);
    uint8_t digest[DIGEST_SIZE];
    size_t n = 0;

    if (!parts)
        return false;
    parts[n++] = c->tool->decl.name;
    if (!c->n_subjects)
        parts[n++] = call_shown_args(c, c->args);
    for (size_t i = 0; i < c->n_subjects; i++) {
        parts[n++] = c->subjects[i].kind;
        parts[n++] = c->subjects[i].id;
    }
    /* ids tell nothing, and are found again after a change of seal.key; arguments may name persons */
    if (!(c->n_subjects ? call_digest : call_bind)(c, parts, n, digest))
        return false;
    digest_hex(digest, sizeof digest, out);
    return true;
}

/* The first one's outcome, for the same call within [policy] repeat_minutes. */
static bool repeat(struct call *c, const struct ledger_entry *done)
{
    const char *text = done->text ? done->text : "";
    char when[32], until[32], note[200];

    clock_iso(done->at_ms, when, sizeof when);
    clock_iso(done->at_ms + c->host->policy.repeat_ms, until, sizeof until);
    snprintf(note, sizeof note, "already done at %s by this same call, not sent again (repeat_minutes)",
             when);
    if (!call_note(c, "repeated", note))
        return false;
    if (done->structured && c->tool->output)
        c->out.structured = json_parse(&c->arena, done->structured, strlen(done->structured), 0, NULL);
    if (c->tool->output && c->host->structured &&
        !c->out.structured) /* what it must answer with is not known; it is on record as repeated */
        return call_stop(c, CALL_TOOL_ERROR,
                         "%s was done at %s already by this same call and is not sent again before %s "
                         "(repeat_minutes): %s",
                         c->name, when, until, text);
    return call_stop(c, CALL_COMPLETE,
                     "Done already at %s by this same call; it was not sent again, nor is it before %s "
                     "(repeat_minutes). What was said then: %s",
                     when, until, text);
}

static bool stay(struct call *c, const char *why)
{
    char when[32];

    clock_iso(c->act.at_ms, when, sizeof when);
    return call_refuse(c, "%s was not done: %s at %s (%.32s) %s", c->name,
                       c->act.request ? c->act.request : c->name, when, c->act.id, why);
}

/* Nobody knows, and nobody can tell any more: a person may decide to do it again, knowing that. */
static bool needs_person(struct call *c)
{
    const char *times = "";
    char when[32];

    for (const struct ledger_entry *e = &c->act; e && times; e = e->prior)
        times = arena_format(&c->arena, "%s%s%s", clock_iso(e->at_ms, when, sizeof when),
                             *times ? " and " : "", times);
    c->unknown = c->act.id;
    c->preface = times ? arena_format(&c->arena,
                                      "The same was tried at %s and nobody knows whether it was received. ",
                                      times)
                       : NULL;
    if (c->level == LEVEL_NONE)
        c->level = c->in->can_ask == CALL_ASK_NO ? LEVEL_PERSON : LEVEL_CLIENT;
    return c->preface != NULL;
}

/* Is anything of the tool's under way or unknown at its target, whoever asked for it? */
static bool is_free(struct call *c)
{
    char key[2 * DIGEST_SIZE + 1], why[600];
    int64_t now;
    enum state_rc rc;

    if (!restore_ledger(c->host, why, sizeof why))
        return call_refuse(c, "%s was not done: what was done before cannot be looked up: %s", c->name, why);
    if (!act_key(c, key))
        return call_refuse(c, "%s was not done: its target cannot be digested; see the log", c->name);
    rc = ledger_get(c->host->state, &c->arena, key, &c->act);
    if (rc == STATE_LOST)
        return call_refuse(c, "%s was not done: what was done before cannot be looked up (state)", c->name);
    now = state_now(c->host->state);
    memcpy(c->act.key, key, sizeof key);
    if (rc == STATE_NO)
        return true;
    if ((c->act.stage == LEDGER_CLAIMED || c->act.stage == LEDGER_OPEN) && !ledger_is_dead(&c->act, now))
        return stay(c, "is under way; wait for its end");
    if (c->safety == KMCP_REVEAL)
        return !c->act.owed || settle(c);
    if ((c->act.owed || (c->act.stage != LEDGER_OK && c->act.stage != LEDGER_FAILED)) && !settle(c))
        return false;
    if (c->act.stage == LEDGER_UNKNOWN)
        return now - c->act.at_ms < ARRIVES_MS ? stay(c, "has an unknown outcome and is never sent again "
                                                         "blindly; ask for the device's commands, "
                                                         "or call again in 15 minutes")
                                               : needs_person(c);
    return true;
}

bool phase_once(struct call *c)
{
    struct ledger_entry done;

    if (c->safety == KMCP_READ)
        return true;
    if (!is_free(c))
        return false;
    if (c->safety == KMCP_REVEAL || !c->host->policy.repeat_ms)
        return true;
    switch (ledger_done(c->host->state, &c->arena, c->call_hex, &done)) {
    case STATE_YES:
        return state_now(c->host->state) - done.at_ms < c->host->policy.repeat_ms ? repeat(c, &done) : true;
    case STATE_NO:
        break;
    case STATE_LOST:
        return call_refuse(c, "%s was not done: what was done before cannot be looked up (state)", c->name);
    }
    return true;
}
