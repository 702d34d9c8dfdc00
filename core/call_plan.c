/* call_plan.c - what a call would touch, said before it happens; and work that goes on by itself.
 * SPDX-License-Identifier: Apache-2.0 */

#include <string.h>
#include <unistd.h>

#include "call_phase.h"

/* What is in VALUE, an argument that the schema calls writeOnly, is repeated to nobody. */
static bool hide_values(struct call *c, const kmcp_json *value)
{
    const char *text = json_str(value);

    if (json_kind(value) == KMCP_JSON_NUMBER && !(text = json_text(&c->arena, value)))
        return false;
    if (text)
        return mask_resolve(&c->client.hidden, text, "[not shown]");
    for (const kmcp_json *item = json_first(value); item; item = json_next(item))
        if (!hide_values(c, item))
            return false;
    return true;
}

static bool is_write_only(struct call *c, const kmcp_json *arg)
{
    return json_is_true(
        json_get(json_get(json_get(schema_json(c->tool->input), "properties"), json_key(arg)), "writeOnly"));
}

static bool hide_arguments(struct call *c)
{
    for (const kmcp_json *arg = json_first(c->args); arg; arg = json_next(arg))
        if (is_write_only(c, arg) && !hide_values(c, arg))
            return false;
    return true;
}

static void take_plan(struct call *c)
{
    c->record.subjects = c->subjects;
    c->record.n_subjects = c->n_subjects;
    c->record.facts = c->facts;
    c->record.n_facts = c->n_facts;
}

bool phase_plan(struct call *c)
{
    const struct kmcp_tool *tool = &c->tool->decl;
    kmcp_rc rc;

    if (!hide_arguments(c))
        return call_refuse(c, "the call needs more memory than [limits] call_bytes allows");

    if (tool->safety == KMCP_READ && !tool->plan && !c->in->plan_only)
        return true;
    if (tool->plan) {
        c->phase = CALL_PLANNING;
        c->client.planning = true;
        client_look_anew(c->host->client, &c->client);
        rc = call_enter(c, STEP_PLAN);
        if (!call_alias_persons(c))
            return call_refuse(c, "the call needs more memory than [limits] call_bytes allows");
        if (rc != KMCP_OK && c->misuse)
            return call_misused(c, c->misuse);
        if (rc == KMCP_AGAIN)
            return call_stop_asking(c);
        if (rc != KMCP_OK)
            return c->bad_answer || c->lacks ? call_stop_failed(c, rc)
                                             : call_refuse(c, "%s", c->failure.text);
        c->client.planning = false;
        c->failure.rc = KMCP_OK;
    }
    take_plan(c);
    if (tool->safety == KMCP_READ && !c->in->plan_only)
        return true;
    if (tool->plan && tool->safety != KMCP_READ && !c->sentence)
        return call_refuse(c, "plugin \"%s\" did not say what %s would do; this is a fault of the plugin",
                           c->plugin->decl.name, tool->name);
    if (!c->sentence)
        c->sentence = arena_format(&c->arena, "%s with %s.", tool->title, json_text(&c->arena, c->args));
    if (!c->sentence)
        return call_refuse(c, "the call needs more memory than [limits] call_bytes allows");
    if (tool->plan && tool->safety != KMCP_READ && !c->n_subjects)
        return call_refuse(c, "plugin \"%s\" did not say what %s would touch; this is a fault of the plugin",
                           c->plugin->decl.name, tool->name);
    return true;
}

/* Facts that change by themselves are shown, but nothing is bound to them. */
static bool is_lasting(const char *fact)
{
    return strcmp(fact, "last_check_in") != 0 && strcmp(fact, "blueprint_devices") != 0;
}

/* "local:0(root)" is somebody else on each of the machines that share the state; "" where that cannot be. */
static const char *name_machine(struct call *c)
{
    char name[256] = "";

    if (state_is_shared(c->host->state) && strncmp(c->in->principal, "local:", 6) == 0)
        gethostname(name, sizeof name - 1);
    return arena_strdup(&c->arena, name);
}

/* The digest of what the plan found. */
static bool digest_plan(struct call *c, uint8_t out[DIGEST_SIZE])
{
    const char **plan = arena_alloc(&c->arena, (1 + 3 * c->n_subjects + 2 * c->n_facts) * sizeof *plan);
    size_t n = 0;

    if (!plan)
        return false;
    plan[n++] = c->sentence;
    for (size_t i = 0; i < c->n_subjects; i++) {
        plan[n++] = c->subjects[i].kind;
        plan[n++] = c->subjects[i].id;
        plan[n++] = c->subjects[i].label;
    }
    for (size_t i = 0; i < c->n_facts; i++)
        if (is_lasting(c->facts[i].name)) {
            plan[n++] = c->facts[i].name;
            plan[n++] = c->facts[i].value;
        }
    return call_bind(c, plan, n, out);
}

/* What a yes is bound to: who asks for which tool with which arguments, and what the plan found. Both are
 * kept in the state, and hold what could be found by trying (a PIN, a person), so they are made with a key.
 * The ledger's digest of the call leaves the machine out: the same done from another one is still done. */
static bool make_bond(struct call *c, const char *canonical)
{
    const char *machine = c->machine = name_machine(c);
    const char *call[] = { c->in->principal, c->tool->decl.name, canonical, machine };
    uint8_t anywhere[DIGEST_SIZE];

    if (!canonical || !machine || !call_bind(c, call, 3, anywhere) ||
        !call_bind(c, call, *machine ? 4 : 3, c->bond.call) || !digest_plan(c, c->found))
        return false;
    digest_hex(anywhere, sizeof anywhere, c->call_hex);
    memcpy(c->bond.plan, c->found, sizeof c->found);
    return true;
}

/* ARGS as the record and the state may know them: a digest of a short PIN would give it away, so writeOnly
 * ones are left out. */
const char *call_shown_args(struct call *c, const kmcp_json *args)
{
    kmcp_json *copy = json_object(&c->arena);

    for (const kmcp_json *arg = json_first(args); arg && copy; arg = json_next(arg))
        if (!is_write_only(c, arg) && !json_set(&c->arena, copy, json_key(arg), arg))
            return NULL;
    return json_canonical(&c->arena, copy);
}

bool phase_bind(struct call *c)
{
    const char *canonical = c->safety == KMCP_READ ? NULL : json_canonical(&c->arena, c->args);
    uint8_t digest[DIGEST_SIZE];
    char *hex;

    if (c->safety == KMCP_READ)
        return true;
    hex = arena_alloc(&c->arena, 2 * DIGEST_SIZE + 1);
    c->stored_args = call_shown_args(c, c->in->args ? c->in->args : c->args); /* tokens stay tokens */
    if (!canonical || !c->stored_args || !hex ||
        !digest_sha256(c->stored_args, strlen(c->stored_args), digest) || !make_bond(c, canonical))
        return call_refuse(
            c, "%s was not done: its arguments cannot be digested (memory or OpenSSL); see the log", c->name);
    digest_hex(digest, sizeof digest, hex);
    c->record.arguments_sha256 = hex;
    c->record.policy = host_policy_version(c->host);
    if (c->misuse)
        return call_misused(c, c->misuse);
    if (c->in->review)
        return call_stop(c, CALL_COMPLETE, "%s", c->sentence);
    return true;
}

/* The plan once more, after all questions and right before the intent: what is acted on is still what the
 * policy ruled on and people agreed to. */
bool phase_look(struct call *c)
{
    uint8_t found[DIGEST_SIZE];
    kmcp_rc rc;

    if (c->safety == KMCP_READ || !c->tool->decl.plan)
        return true;
    c->subjects = NULL;
    c->facts = NULL;
    c->n_subjects = c->n_facts = 0;
    c->sentence = NULL;
    c->phase = CALL_PLANNING;
    c->client.planning = true;
    client_look_anew(c->host->client, &c->client);
    rc = call_enter(c, STEP_PLAN);
    c->client.planning = false;
    if (rc != KMCP_OK)
        return call_refuse(c, "%s was not done: %s", c->name,
                           rc == KMCP_AGAIN ? "it asks something else than before" : c->failure.text);
    c->failure.rc = KMCP_OK;
    take_plan(c);
    if (!digest_plan(c, found))
        return call_refuse(c, "%s was not done: its target cannot be digested; see the log", c->name);
    return digest_equal(found, c->found, sizeof found) ||
           call_refuse(c,
                       "%s was not done: the device, its user, blueprint or another fact about it changed "
                       "at this moment; nothing was sent. Call again",
                       c->name);
}

/* A tool that may take long gets a life of its own here, where all questions that come before it are settled.
 */
bool phase_detach(struct call *c)
{
    const struct call_events *e = &c->in->events;

    if (!(c->tool->decl.flags & (KMCP_TOOL_TASK | KMCP_TOOL_TASK_ONLY)) || !e->detach)
        return true;
    return e->detach(e->arg, c->tool)
               ? true
               : call_refuse(c, "%s was not started: too many jobs are under way; wait for one to end",
                             c->name);
}
