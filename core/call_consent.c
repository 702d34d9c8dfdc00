/* call_consent.c - the yes of the person at the client, bound to exactly what was asked.
 * SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "call_phase.h"
#include "call_question.h"

/* The key is made when the first act is, so that a start needs no OpenSSL. */
static struct consent *consent_of(struct host *host)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    const uint8_t *key = host_key(host);

    pthread_mutex_lock(&lock);
    if (!host->consent && key)
        host->consent = consent_new(key);
    pthread_mutex_unlock(&lock);
    return host->consent;
}

/* PARTS in a form that no other parts have. */
static bool join(struct buf *text, const char *const *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(text, "%zu:%s,", parts[i] ? strlen(parts[i]) : 0, parts[i] ? parts[i] : "");
    return !text->failed;
}

bool call_digest(struct call *c, const char *const *parts, size_t n, uint8_t out[DIGEST_SIZE])
{
    return call_digest_for(c->host, parts, n, out);
}

bool call_digest_for(const struct host *host, const char *const *parts, size_t n, uint8_t out[DIGEST_SIZE])
{
    struct buf text;
    bool ok;

    buf_init(&text, host->call_bytes);
    ok = join(&text, parts, n) && digest_sha256(text.data ? text.data : "", text.len, out);
    buf_wipe(&text);
    return ok;
}

bool call_bind(struct call *c, const char *const *parts, size_t n, uint8_t out[DIGEST_SIZE])
{
    uint8_t key[DIGEST_SIZE];
    struct buf text;
    bool ok;

    buf_init(&text, c->host->call_bytes);
    ok = host_key_for(c->host, "bond", key) && join(&text, parts, n) &&
         digest_hmac(key, sizeof key, text.data ? text.data : "", text.len, out);
    buf_wipe(&text);
    digest_wipe(key, sizeof key);
    return ok;
}

/* One form with one box; the sentence is the plan's. */
#define APPROVE                                                                                              \
    "{\"type\":\"object\",\"properties\":{\"approve\":{\"type\":\"boolean\",\"title\":\"Approve\","          \
    "\"description\":"                                                                                       \
    "\"Yes, do exactly this, once.\"}},\"required\":[\"approve\"]}"

/* Puts the question that c->consent_state belongs to on the records that follow; it may be for another call.
 */
static bool name_question(struct call *c)
{
    char nonce[33] = "";

    c->record.consent = NULL;
    if (!c->consent_state)
        return true;
    consent_judge(consent_of(c->host), &c->bond, c->consent_state, false, clock_unix_ms(), NULL, nonce);
    if (!nonce[0])
        return true;
    c->record.consent = arena_format(
        &c->arena, "%s %s", strcmp(c->in->transport, "command line") == 0 ? "terminal" : "elicitation",
        nonce);
    return c->record.consent != NULL;
}

/* Once, in whichever process: YES if this is the first time. */
static enum state_rc spend(struct call *c, const char *nonce)
{
    return state_put(c->host->state, "spent", nonce, 0, "1", 1, state_now(c->host->state) + CONSENT_LIFE_MS);
}

bool call_misused(struct call *c, const char *why)
{
    const char *nonce;
    char unrecorded[400];

    name_question(c);
    nonce = c->malformed && c->record.consent ? strchr(c->record.consent, ' ') : NULL;
    if (c->malformed)
        why = arena_format(&c->arena, "malformed answer: %s; ask again without requestState", why);
    if (!why)
        return call_refuse(c, "out of memory");
    if (!audit_event(c->host->audit, &c->record, "refused", why, unrecorded, sizeof unrecorded))
        log_line(KMCP_LOG_ERROR, "audit", "a refused %s could not be recorded: %s", c->name, unrecorded);
    else if (nonce)
        question_end(c); /* else it is on record as unanswered, in its time */
    if (nonce && spend(c, nonce + 1) == STATE_LOST)
        log_line(KMCP_LOG_ERROR, "state", "that a question had a malformed answer could not be entered");
    return call_stop(c, CALL_BAD_STATE, "%s", why);
}

/* Names and reasons are others' words: they get no line of their own, so that the one with the request is
 * ours.
 */
static const char *one_line(char *text)
{
    for (char *at = text; at && *at; at++)
        if (*at == '\n' || *at == '\r' || *at == '\t')
            *at = ' ';
    return text;
}

static bool ask(struct call *c, unsigned round, const char *preface)
{
    char *state = arena_alloc(&c->arena, CONSENT_TEXT_MAX);
    const char *request = one_line(arena_strdup(&c->arena, c->shown_request));
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
        .message = one_line(
            arena_format(&c->arena, "%s%s%s", preface, c->preface ? c->preface : "", c->sentence)),
        .schema = json_parse(&c->arena, APPROVE, strlen(APPROVE), 0, NULL),
    };
    c->n_asks = 1;
    if (question->message && c->shown_request)
        question->message = request
                                ? arena_format(&c->arena, "%s\nThis is sent: %s", question->message, request)
                                : NULL;
    if (!question->message || !question->schema || !name_question(c))
        return call_refuse(c, "the call needs more memory than [limits] call_bytes allows");
    c->out.question = question->message;
    if (!question_begin(c))
        return call_refuse(c, "%s was not done: that it is asked about cannot be remembered (state)",
                           c->name);
    if (!call_note(c, "asked", question->message)) {
        question_end(c);
        return false;
    }
    return call_stop_asking(c);
}

/* What has changed since the person was asked, as far as the state tells. */
static const char *changed(const struct call *c)
{
    const char *policy = json_str(json_get(c->asked, "policy")),
               *request = json_str(json_get(c->asked, "request")),
               *unknown = json_str(json_get(c->asked, "unknown"));

    if (policy && c->record.policy && strcmp(policy, c->record.policy) != 0)
        return "the policy has changed since this was agreed to; the person is asked again";
    if (request && c->record.request_sha256 && strcmp(request, c->record.request_sha256) != 0)
        return "what would be sent has changed since this was agreed to; the person is asked again";
    if (strcmp(unknown ? unknown : "", c->unknown ? c->unknown : "") != 0)
        return "what is known of the same tried before has changed since this was agreed to; the person is "
               "asked again";
    return "the device, its user, blueprint or another fact about it has changed since this was agreed to; "
           "the person is asked again";
}

/* The person's answer, judged against what they were asked. */
static bool judge(struct call *c, const kmcp_json *answer)
{
    static const char spent[] =
        "requestState was used already; an approval counts once, ask again without it";
    const char *action = json_str(json_get(answer, "action"));
    bool accepted = action && strcmp(action, "accept") == 0 &&
                    json_is_true(json_get(json_get(answer, "content"), "approve"));
    unsigned round = 1;
    char nonce[33] = "";
    enum consent_verdict verdict = consent_judge(consent_of(c->host), &c->bond, c->consent_state,
                                                 answer != NULL, clock_unix_ms(), &round, nonce);

    if (!name_question(c))
        return call_refuse(c, "out of memory");
    if (verdict != CONSENT_FOREIGN && answer)
        question_end(c);
    switch (verdict) {
    case CONSENT_FOREIGN:
        return call_misused(c, "requestState was not issued for this call; ask again without it");
    case CONSENT_EXPIRED:
        return call_misused(c, "requestState has expired; ask again without it");
    case CONSENT_SPENT:
        return call_misused(c, spent);
    case CONSENT_STALE:
        if (answer && !accepted)
            break;
        audit_refused(c->host->audit, &c->record, changed(c));
        return ask(c, round + 1, "This changed since you were last asked. ");
    case CONSENT_GOOD:
        break;
    }
    switch (answer ? spend(c, nonce) : STATE_YES) {
    case STATE_NO:
        return call_misused(c, spent);
    case STATE_LOST:
        return call_refuse(c, "%s was not done: its approval cannot be marked as used (state)", c->name);
    case STATE_YES:
        break;
    }
    if (action && strcmp(action, "cancel") == 0)
        return call_refuse(c, "the question was closed without a yes or no, which counts as a no: do not try "
                              "again unless the person asks for it");
    if (answer && !accepted)
        return call_refuse(c, "the person said no to this: do not try again unless they ask for it");
    return accepted ? true : ask(c, round + 1, "");
}

/* A yes is also bound to the request that would be sent, to the policy as it is now, and to what is unknown
 * of the same tried before: who agreed without knowing that is asked again. */
static bool bind_more(struct call *c)
{
    char plan[2 * DIGEST_SIZE + 1];
    const char *parts[] = { plan, c->record.request_sha256, c->record.policy, c->unknown };

    digest_hex(c->bond.plan, sizeof c->bond.plan, plan);
    return call_bind(c, parts, sizeof parts / sizeof *parts, c->bond.plan);
}

bool phase_consent(struct call *c)
{
    const kmcp_json *answer = json_get(c->in->answers, "approve");
    char why[160];

    if (c->safety == KMCP_READ || c->level > LEVEL_CLIENT)
        return true;
    if (c->level == LEVEL_NONE) {
        c->record.consent = "confirm";
        return true;
    }
    if (!consent_of(c->host) || !bind_more(c))
        return call_refuse(c, "%s was not done: approvals cannot be made (no OpenSSL); see the log",
                           c->tool->decl.name);
    if (answer && !call_answer_fits(KMCP_ASK_FORM, answer, why, sizeof why)) {
        c->malformed = c->consent_state != NULL;
        return call_misused(c, arena_format(&c->arena, "\"inputResponses.approve\" %s", why));
    }
    if (!c->consent_state)
        return answer ? call_misused(c, "an answer came without its requestState; ask again without it")
                      : ask(c, 1, "");
    return judge(c, answer);
}
