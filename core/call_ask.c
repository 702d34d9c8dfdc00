/* call_ask.c - questions to the client and their answers, over the rounds of one call.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing of a call is held between rounds but what the client carries: earlier answers, what the plugin
 * keeps, and what consent.c sealed, in one text that is encrypted and bound to who asks for what with which
 * arguments (AES-256-GCM; MCP 2026-07-28, basic/patterns/mrtr). A client that is asked by requests of ours
 * never sees the text; its request carries it instead.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "call_phase.h"

#define STATE_MAX ((size_t)128 << 10) /* bytes before sealing */

/* ---- the sealed state ---- */

/* Who asks for what: a state opens for nothing else. */
static bool bind(struct call *c, char out[2 * DIGEST_SIZE + 1])
{
    static const char *const kinds[] = { "tool", "prompt", "resource", "completion" };
    const char *parts[] = { c->in->principal, kinds[c->in->kind], c->in->name,
                            json_canonical(&c->arena, c->args) };
    uint8_t digest[DIGEST_SIZE];

    if (!parts[3] || !call_digest(c, parts, sizeof parts / sizeof *parts, digest))
        return false;
    digest_hex(digest, sizeof digest, out);
    return true;
}

static const char *seal(struct call *c)
{
    const uint8_t *key = host_key(c->host);
    kmcp_json *state = json_object(&c->arena);
    char bond[2 * DIGEST_SIZE + 1];
    const char *plain;
    uint8_t *sealed;
    char *text;
    size_t len;

    if (!key || !bind(c, bond) || !json_set(&c->arena, state, "v", json_integer(&c->arena, 1)) ||
        !json_set(&c->arena, state, "for", json_string(&c->arena, bond)) ||
        !json_set(&c->arena, state, "until", json_integer(&c->arena, clock_unix_ms() + CONSENT_LIFE_MS)) ||
        !json_set(&c->arena, state, "round", json_integer(&c->arena, (int64_t)c->round + 1)) ||
        !json_set(&c->arena, state, "who", json_string(&c->arena, c->in->principal)) ||
        !json_set(&c->arena, state, "what", json_string(&c->arena, c->in->name)) ||
        (c->record.policy &&
         !json_set(&c->arena, state, "policy", json_string(&c->arena, c->record.policy))) ||
        (c->record.request_sha256 &&
         !json_set(&c->arena, state, "request", json_string(&c->arena, c->record.request_sha256))) ||
        (c->unknown && !json_set(&c->arena, state, "unknown", json_string(&c->arena, c->unknown))) ||
        (c->answered && !json_set(&c->arena, state, "answered", c->answered)) ||
        (c->kept && !json_set(&c->arena, state, "kept", c->kept)) ||
        (c->consent_state &&
         !json_set(&c->arena, state, "consent", json_string(&c->arena, c->consent_state))))
        return NULL;
    plain = json_text(&c->arena, state);
    len = plain ? strlen(plain) : 0;
    if (!plain || len > STATE_MAX)
        return NULL;
    sealed = arena_alloc(&c->arena, len + DIGEST_SEAL_EXTRA);
    text = arena_alloc(&c->arena, (len + DIGEST_SEAL_EXTRA) * 4 / 3 + 8);
    if (!sealed || !text || !digest_seal(key, plain, len, sealed))
        return NULL;
    digest_b64url(sealed, len + DIGEST_SEAL_EXTRA, text);
    return text;
}

static kmcp_json *unseal(struct call *c, const char *text)
{
    const uint8_t *key = host_key(c->host);
    size_t len = strlen(text), n;
    uint8_t *sealed, *plain;

    if (!key || len > 2 * STATE_MAX)
        return NULL;
    sealed = arena_alloc(&c->arena, len + 4);
    plain = arena_alloc(&c->arena, len + 4);
    n = sealed && plain ? digest_b64url_decode(text, len, sealed) : (size_t)-1;
    if (n == (size_t)-1 || n < DIGEST_SEAL_EXTRA || !digest_open(key, sealed, n, plain))
        return NULL;
    return json_parse(&c->arena, (const char *)plain, n - DIGEST_SEAL_EXTRA, 0, NULL);
}

static bool is(const kmcp_json *state, const char *key, const char *value)
{
    const char *text = json_str(json_get(state, key));

    return text && value && strcmp(text, value) == 0;
}

/* Why STATE, unsealed, does not count for this call; NULL: it does. */
static const char *misuse(struct call *c, const kmcp_json *state)
{
    char bond[2 * DIGEST_SIZE + 1] = "";
    int64_t until = 0;

    if (!state)
        return "requestState was not issued here, or was changed or cut; ask again without it";
    if (!bind(c, bond))
        return "requestState cannot be verified (memory or OpenSSL); ask again without it";
    if (!is(state, "for", bond))
        return !is(state, "who", c->in->principal)
                   ? "requestState was issued to another principal; ask again without it"
               : !is(state, "what", c->in->name)
                   ? "requestState was issued for another tool; ask again without it"
                   : "requestState was issued for other arguments; ask again without it";
    if (!json_int(json_get(state, "until"), &until) || until <= clock_unix_ms())
        return "requestState has expired; ask again without it";
    return NULL;
}

/* Opens the state that came, if there is one, and looks at what came with it. */
static const kmcp_json *open_state(struct call *c)
{
    const kmcp_json *state = c->in->state ? unseal(c, c->in->state) : NULL;

    c->asked = state;
    c->misuse = c->in->state ? misuse(c, state) : NULL;
    if (!c->misuse && c->in->malformed) {
        c->malformed = state != NULL;
        c->misuse = c->in->malformed;
    }
    return state;
}

bool phase_resume(struct call *c)
{
    const kmcp_json *state;
    int64_t round = 0;

    if (!c->in->state && !c->in->malformed)
        return true;
    state = open_state(c);
    if (c->misuse) {
        c->consent_state = json_str(json_get(state, "consent")); /* says which question it was */
        return c->safety != KMCP_READ || call_stop(c, CALL_BAD_STATE, "%s", c->misuse);
    }
    json_int(json_get(state, "round"), &round);
    c->round = (unsigned)round;
    c->consent_state = json_str(json_get(state, "consent"));
    c->answered = json_copy(&c->arena, json_get(state, "answered"));
    c->kept = json_copy(&c->arena, json_get(state, "kept"));
    return true;
}

bool call_stop_asking(struct call *c)
{
    if (c->round >= CALL_ROUNDS_MAX)
        return call_refuse(c, "%s was not done: %d rounds of questions did not settle it", c->name,
                           CALL_ROUNDS_MAX);
    c->out.state = seal(c);
    if (!c->out.state)
        return call_refuse(c, "%s was not done: its questions cannot be sealed (no OpenSSL, or over %zu KiB)",
                           c->name, STATE_MAX >> 10);
    c->out.end = CALL_ASK;
    c->out.asks = c->asks;
    c->out.n_asks = c->n_asks;
    return false;
}

/* ---- one question ---- */

static bool is_action(const char *action)
{
    return action &&
           (strcmp(action, "accept") == 0 || strcmp(action, "decline") == 0 || strcmp(action, "cancel") == 0);
}

bool call_answer_fits(uint32_t kind, const kmcp_json *answer, char *why, size_t why_size)
{
    bool fits = false;

    switch (kind) {
    case KMCP_ASK_FORM:
    case KMCP_ASK_URL:
        fits = is_action(json_str(json_get(answer, "action")));
        snprintf(why, why_size, "must have the action accept, decline or cancel");
        break;
    case KMCP_ASK_SAMPLE:
        fits = json_str(json_get(answer, "role")) && json_get(answer, "content");
        snprintf(why, why_size, "must have a role and content");
        break;
    case KMCP_ASK_ROOTS:
        fits = json_kind(json_get(answer, "roots")) == KMCP_JSON_ARRAY;
        snprintf(why, why_size, "must have a list of roots");
        break;
    }
    return fits;
}

static kmcp_rc plugin_fault(struct call *c, const char *what)
{
    return failure_set(&c->failure, KMCP_E_BUG, "plugin \"%s\" %s; this is a fault of the plugin",
                       c->plugin->decl.name, what);
}

/* A form is a flat object: what a person can fill in (MCP client/elicitation). */
static const kmcp_json *form_schema(struct call *c, const char *text)
{
    const kmcp_json *schema = text ? json_parse(&c->arena, text, strlen(text), JSON_UNIQUE, NULL) : NULL;
    const kmcp_json *properties = json_get(schema, "properties");
    const char *type = json_str(json_get(schema, "type"));

    if (!type || strcmp(type, "object") != 0 || !json_len(properties))
        return NULL;
    for (const kmcp_json *p = json_first(properties); p; p = json_next(p)) {
        type = json_str(json_get(p, "type"));
        if (!type || strcmp(type, "object") == 0)
            return NULL;
    }
    return schema;
}

/* The form's schema with what a checker of JSON Schema does not know (enumNames) left out. */
static bool form_accepts(struct call *c, const kmcp_json *schema, const kmcp_json *content, char *why,
                         size_t why_size)
{
    kmcp_json *checked = json_object(&c->arena), *properties = json_object(&c->arena);
    const kmcp_json *required = json_get(schema, "required");
    struct schema *compiled;
    const char *text;
    bool ok;

    for (const kmcp_json *p = json_first(json_get(schema, "properties")); p; p = json_next(p)) {
        kmcp_json *copy = json_object(&c->arena);

        for (const kmcp_json *m = json_first(p); m; m = json_next(m))
            if (strcmp(json_key(m), "enumNames") != 0 && !json_set(&c->arena, copy, json_key(m), m))
                return false;
        if (!json_set(&c->arena, properties, json_key(p), copy))
            return false;
    }
    if (!json_set(&c->arena, checked, "type", json_string(&c->arena, "object")) ||
        !json_set(&c->arena, checked, "properties", properties) ||
        (required && !json_set(&c->arena, checked, "required", required)))
        return false;
    text = json_text(&c->arena, checked);
    compiled = text ? schema_compile(text, why, why_size) : NULL;
    ok = compiled && schema_check(compiled, content, why, why_size);
    schema_free(compiled);
    return ok;
}

/* The answer to QUESTION if there is a good one; NULL: it has to be asked (again), or it is bad
 * (c->bad_answer). */
static const kmcp_json *take_answer(struct call *c, const struct kmcp_ask *question, const kmcp_json *schema)
{
    const kmcp_json *answer = json_get(c->answered, question->key), *fresh;
    kmcp_json *kept;
    const char *action;
    char why[400];

    if (answer)
        return answer;
    fresh = json_get(c->in->answers, question->key);
    if (!fresh)
        return NULL;
    if (!call_answer_fits(question->kind, fresh, why, sizeof why)) {
        c->bad_answer = true;
        failure_set(&c->failure, KMCP_E_ARG, "\"inputResponses.%s\" %s", question->key, why);
        return NULL;
    }
    action = json_str(json_get(fresh, "action"));
    if (schema && action && strcmp(action, "accept") == 0 &&
        !form_accepts(c, schema, json_get(fresh, "content"), why, sizeof why))
        return NULL; /* accepted, but not filled in: asked once more */
    if (!c->answered)
        c->answered = json_object(&c->arena);
    kept = json_copy(&c->arena, fresh);
    if (action && strcmp(action, "accept") != 0) { /* what a no carries was not checked, and means nothing */
        kept = json_object(&c->arena);
        json_set(&c->arena, kept, "action", json_string(&c->arena, action));
    }
    if (!json_set(&c->arena, c->answered, question->key, kept))
        return NULL;
    return json_get(c->answered, question->key);
}

static bool is_question(const struct kmcp_ask *q)
{
    if (!q->key || !text_is_name(q->key, 64) || strcmp(q->key, "approve") == 0)
        return false;
    switch (q->kind) {
    case KMCP_ASK_FORM:
        return q->message && *q->message;
    case KMCP_ASK_URL:
        return q->message && *q->message && q->url &&
               (strncmp(q->url, "https://", 8) == 0 || strncmp(q->url, "http://127.0.0.1", 16) == 0);
    case KMCP_ASK_SAMPLE:
        return json_kind(json_get(q->params, "messages")) == KMCP_JSON_ARRAY &&
               json_get(q->params, "maxTokens");
    default:
        return q->kind == KMCP_ASK_ROOTS;
    }
}

/* What the client would have to offer, and what we call that. */
static uint32_t needed(const struct kmcp_ask *q, const char **what)
{
    static const struct {
        uint32_t can;
        const char *what;
    } kinds[] = { { KMCP_CAN_FORM, "elicitation of forms" },
                  { KMCP_CAN_URL, "elicitation by URL" },
                  { KMCP_CAN_SAMPLE, "sampling" },
                  { KMCP_CAN_ROOTS, "roots" } };
    bool tools = q->kind == KMCP_ASK_SAMPLE &&
                 (json_get(q->params, "tools") || json_get(q->params, "toolChoice"));

    *what = tools ? "sampling with tools" : kinds[q->kind].what;
    return tools ? KMCP_CAN_SAMPLE | KMCP_CAN_SAMPLE_TOOLS : kinds[q->kind].can;
}

kmcp_rc call_ask(struct call *c, const struct kmcp_ask *question, const kmcp_json **answer)
{
    const kmcp_json *schema = NULL;
    struct call_ask *ask;
    const char *what;
    uint32_t need;

    *answer = NULL;
    if (!is_question(question))
        return plugin_fault(c, "asked something malformed");
    if (question->kind == KMCP_ASK_FORM && !(schema = form_schema(c, question->schema)))
        return plugin_fault(c, "asked with a form that is no flat object");
    if (c->phase == CALL_OPENING || c->in->kind == CALL_COMPLETION)
        return plugin_fault(c, "asked where nobody can answer");
    if ((*answer = take_answer(c, question, schema)))
        return KMCP_OK;
    if (c->bad_answer)
        return KMCP_E_ARG;
    if (c->phase == CALL_RUNNING && c->safety != KMCP_READ)
        return plugin_fault(c, "asked in the run() of a tool that acts; ask in plan()");
    need = needed(question, &what);
    if ((c->in->can & need) != need) {
        c->lacks |= need & ~c->in->can;
        return failure_set(&c->failure, KMCP_E_DENIED,
                           "%s needs %s, which this client does not offer; use one that does", c->name, what);
    }
    for (size_t i = 0; i < c->n_asks; i++)
        if (strcmp(c->asks[i].key, question->key) == 0)
            return KMCP_AGAIN;
    if (c->n_asks == CALL_ASKS_MAX)
        return plugin_fault(c, "asked more than 16 questions at once");
    ask = &c->asks[c->n_asks];
    *ask = (struct call_ask){ .key = arena_strdup(&c->arena, question->key),
                              .message = question->message ? arena_strdup(&c->arena, question->message)
                                                           : NULL,
                              .url = question->url ? arena_strdup(&c->arena, question->url) : NULL,
                              .kind = question->kind,
                              .schema = schema,
                              .params = json_copy(&c->arena, question->params) };
    if (!ask->key)
        return failure_set(&c->failure, KMCP_E_NOMEM,
                           "the call needs more memory than [limits] call_bytes allows");
    c->n_asks++;
    return KMCP_AGAIN;
}
