/* call_allow.c - policy, consent and record: whether a call may go on, and the trace it leaves.
 * SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "call_phase.h"

/* What the INI demands of an act before a person is asked: the caller's own "confirm" where the tool wants
 * one, and a client that can ask, unless the INI does without. */
bool phase_policy(struct call *c)
{
    const struct kmcp_tool *tool = &c->tool->decl;
    char why[400];

    if (tool->safety == KMCP_READ)
        return true;
    if ((tool->flags & KMCP_TOOL_CONFIRM) && !json_is_true(json_get(c->args, "confirm")))
        return call_refuse(
            c, "%s needs \"confirm\": true; it would do this: %s Ask the person first, then call again",
            tool->name, c->sentence);
    if (c->in->can_ask == CALL_ASK_NO && !policy_unasked(&c->host->policy, tool->safety, why, sizeof why))
        return call_refuse(
            c, "%s was not done: %s%s", tool->name,
            strcmp(c->in->transport, "command line") == 0 ? "standard input is no terminal, and " : "", why);
    return true;
}

/* The key is made when the first act is, so that a start needs no OpenSSL. */
static struct consent *consent_of(struct host *host)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&lock);
    if (!host->consent)
        host->consent = consent_new();
    pthread_mutex_unlock(&lock);
    return host->consent;
}

bool call_digest(struct call *c, const char *const *parts, size_t n, uint8_t out[DIGEST_SIZE])
{
    struct buf text;
    bool ok;

    buf_init(&text, c->host->call_bytes);
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%zu:%s,", parts[i] ? strlen(parts[i]) : 0, parts[i] ? parts[i] : "");
    ok = !text.failed && digest_sha256(text.data ? text.data : "", text.len, out);
    buf_free(&text);
    return ok;
}

/* What a yes is bound to: who asks for which tool with which arguments, and what the plan found. */
static bool make_bond(struct call *c, const char *canonical)
{
    const char *call[] = { c->in->principal, c->tool->decl.name, canonical };
    const char **plan = arena_alloc(&c->arena, (1 + 3 * c->n_subjects) * sizeof *plan);

    if (!plan || !canonical)
        return false;
    plan[0] = c->sentence;
    for (size_t i = 0; i < c->n_subjects; i++) {
        plan[1 + 3 * i] = c->subjects[i].kind;
        plan[2 + 3 * i] = c->subjects[i].id;
        plan[3 + 3 * i] = c->subjects[i].label;
    }
    return call_digest(c, call, sizeof call / sizeof *call, c->bond.call) &&
           call_digest(c, plan, 1 + 3 * c->n_subjects, c->bond.plan);
}

/* One form with one box; the sentence is the plan's. */
#define APPROVE                                                                                              \
    "{\"type\":\"object\",\"properties\":{\"approve\":{\"type\":\"boolean\",\"title\":\"Approve\","          \
    "\"description\":"                                                                                       \
    "\"Yes, do exactly this, once.\"}},\"required\":[\"approve\"]}"

static bool ask(struct call *c, unsigned round, const char *preface)
{
    char *state = arena_alloc(&c->arena, CONSENT_TEXT_MAX);
    struct call_ask *question = &c->asks[0];

    if (round > CONSENT_ROUNDS)
        return call_refuse(c, "%s was not done: the person was asked %d times without a clear answer",
                           c->name, CONSENT_ROUNDS);
    if (!state || !consent_seal(consent_of(c->host), &c->bond, round, clock_unix_ms(), state))
        return call_refuse(c, "%s was not done: its approval cannot be sealed (no OpenSSL); see the log",
                           c->name);
    c->consent_state = state;
    *question = (struct call_ask){
        .key = "approve",
        .kind = KMCP_ASK_FORM,
        .message = arena_format(&c->arena, "%s%s", preface, c->sentence),
        .schema = json_parse(&c->arena, APPROVE, strlen(APPROVE), 0, NULL),
    };
    c->n_asks = 1;
    for (char *at = (char *)(uintptr_t)question->message; at && *at; at++)
        if (*at == '\n' || *at == '\r' || *at == '\t')
            *at = ' '; /* names and reasons are others' words: they get no line of their own */
    if (!question->message || !question->schema)
        return call_refuse(c, "the call needs more memory than [limits] call_bytes allows");
    c->out.question = question->message;
    return call_stop_asking(c);
}

static bool bad_state(struct call *c, const char *why)
{
    audit_refused(c->host->audit, &c->record, why);
    return call_stop(c, CALL_BAD_STATE, "%s", why);
}

/* The person's answer, judged against what they were asked. */
static bool judge(struct call *c, const kmcp_json *answer)
{
    const char *action = json_str(json_get(answer, "action"));
    bool accepted = action && strcmp(action, "accept") == 0 &&
                    json_is_true(json_get(json_get(answer, "content"), "approve"));
    unsigned round = 1;
    char nonce[33] = "";
    enum consent_verdict verdict = consent_judge(consent_of(c->host), &c->bond, c->consent_state,
                                                 answer != NULL, clock_unix_ms(), &round, nonce);

    switch (verdict) {
    case CONSENT_FOREIGN:
        return bad_state(c, "requestState was not issued for this call; ask again without it");
    case CONSENT_EXPIRED:
        return bad_state(c, "requestState has expired; ask again without it");
    case CONSENT_SPENT:
        return bad_state(c, "requestState was used already; an approval counts once, ask again without it");
    case CONSENT_STALE:
        return ask(c, round + 1, "This changed since you were last asked. ");
    case CONSENT_GOOD:
        break;
    }
    if (answer && !accepted)
        return call_refuse(c, "the person said no to this: do not try again unless they ask for it");
    if (!accepted)
        return ask(c, round + 1, "");
    c->record.consent = arena_format(
        &c->arena, "%s %s", strcmp(c->in->transport, "command line") == 0 ? "terminal" : "elicitation",
        nonce);
    return c->record.consent ? true : call_refuse(c, "out of memory");
}

/* The arguments as the record may know them: a digest of a short PIN would give it away, so writeOnly ones
 * are left out. */
static const char *recorded_arguments(struct call *c)
{
    kmcp_json *copy = json_copy(&c->arena, c->args);
    const kmcp_json *p = json_first(json_get(schema_json(c->tool->input), "properties"));

    for (; p && copy; p = json_next(p))
        if (json_is_true(json_get(p, "writeOnly")) && json_get(copy, json_key(p)) &&
            !json_set(&c->arena, copy, json_key(p), json_null(&c->arena)))
            return NULL;
    return json_canonical(&c->arena, copy);
}

bool phase_consent(struct call *c)
{
    const kmcp_json *answer = json_get(c->in->answers, "approve");
    char why[160];
    const char *recorded = c->safety == KMCP_READ ? NULL : recorded_arguments(c);
    const char *canonical = c->safety == KMCP_READ ? NULL : json_canonical(&c->arena, c->args);
    uint8_t digest[DIGEST_SIZE];
    char *hex;

    if (c->safety == KMCP_READ)
        return true;
    hex = arena_alloc(&c->arena, 2 * DIGEST_SIZE + 1);
    if (!canonical || !recorded || !hex || !digest_sha256(recorded, strlen(recorded), digest) ||
        !make_bond(c, canonical))
        return call_refuse(
            c, "%s was not done: its arguments cannot be digested (memory or OpenSSL); see the log",
            c->tool->decl.name);
    digest_hex(digest, sizeof digest, hex);
    c->record.arguments_sha256 = hex;
    if (c->in->can_ask == CALL_ASK_NO) {
        c->record.consent = "confirm";
        return true;
    }
    if (!consent_of(c->host))
        return call_refuse(c, "%s was not done: approvals cannot be made (no OpenSSL); see the log",
                           c->tool->decl.name);
    if (answer && !call_answer_fits(KMCP_ASK_FORM, answer, why, sizeof why))
        return call_stop(c, CALL_BAD_STATE, "\"inputResponses.approve\" %s", why);
    if (!c->consent_state)
        return answer ? bad_state(c, "an answer came without its requestState; ask again without it")
                      : ask(c, 1, "");
    return judge(c, answer);
}

bool phase_intent(struct call *c)
{
    char why[400];

    if (c->safety == KMCP_READ)
        return true;
    if (!audit_intent(c->host->audit, &c->record, why, sizeof why)) {
        log_line(KMCP_LOG_ERROR, "audit", "%s", why);
        return call_stop(c, CALL_TOOL_ERROR, "%s was not done: %s", c->name, why);
    }
    c->intended = true;
    return true;
}

bool phase_outcome(struct call *c)
{
    const struct client_call *did = &c->client;
    const char *result = did->act_unknown                    ? "unknown"
                         : c->out.end == CALL_COMPLETE       ? "ok"
                         : c->failure.rc == KMCP_E_CANCELLED ? "cancelled"
                                                             : "failed";

    if (!c->intended)
        return true;
    if (!audit_outcome(c->host->audit, &c->record, result, did->act_line[0] ? did->act_line : NULL,
                       did->act_status, c->out.end == CALL_COMPLETE ? NULL : c->out.text))
        log_line(KMCP_LOG_ERROR, "audit", "the outcome of %s (%s) could not be recorded", c->tool->decl.name,
                 c->record.id);
    return true;
}
