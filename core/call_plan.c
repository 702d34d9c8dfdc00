/* call_plan.c - the first phases: the tool, its arguments, and what it would touch.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <string.h>

#include "call_phase.h"

/* The registered tool whose name is nearest in spirit, for a model that mistyped: shares the longest prefix.
 */
static const char *nearest_tool(const struct registry *r, const char *name)
{
    const char *best = NULL;
    size_t best_len = 3;

    for (size_t i = 0; i < r->n_tools; i++) {
        const char *known = r->tools[i]->decl.name;
        size_t len = 0;

        while (known[len] && known[len] == name[len])
            len++;
        if (len > best_len) {
            best = known;
            best_len = len;
        }
    }
    return best;
}

bool phase_find(struct call *c)
{
    char why[400];

    c->args = c->in->args ? c->in->args : json_object(&c->arena);
    c->tool = registry_find(&c->host->registry, c->in->tool);
    if (!c->tool) {
        const char *near = nearest_tool(&c->host->registry, c->in->tool);

        return call_stop(c, CALL_NO_TOOL, "unknown tool \"%.64s\"; %s%s%s", c->in->tool,
                         near ? "did you mean \"" : "", near ? near : "tools/list shows what there is",
                         near ? "\"?" : "");
    }
    c->plugin = c->tool->plugin;
    c->client.tool = c->tool->decl.safety;
    c->record = (struct audit_call){
        .tool = c->tool->decl.name,
        .plugin = c->plugin->decl.name,
        .safety = c->tool->decl.safety,
        .principal = c->host->principal,
        .client = c->in->client,
        .transport = c->in->transport,
        .reason = json_str(json_get(c->args, "reason")),
        .redact = c->host->policy.redact_pii,
    };
    if (!policy_offers(&c->host->policy, c->tool->decl.safety, why, sizeof why))
        return call_refuse(c, "%s is not offered: %s", c->tool->decl.name, why);
    return true;
}

/* "\u0000" arrives as C0 80 (json.h). Nothing we pass on may hold it: C strings and paths would end there. */
static const char *find_nul(const kmcp_json *value)
{
    uint32_t kind = json_kind(value);

    if (kind == KMCP_JSON_STRING)
        return strstr(json_str(value), "\xC0\x80") ? "a value" : NULL;
    if (kind == KMCP_JSON_ARRAY || kind == KMCP_JSON_OBJECT)
        for (const kmcp_json *item = json_first(value); item; item = json_next(item)) {
            const char *key = json_key(item);

            if (key && strstr(key, "\xC0\x80"))
                return "a name";
            if (find_nul(item))
                return key ? key : "a value";
        }
    return NULL;
}

bool phase_validate(struct call *c)
{
    char why[500];
    const char *nul = find_nul(c->args);

    if (nul)
        return call_stop(c, CALL_TOOL_ERROR, "argument \"%.64s\" holds a NUL character; leave it out", nul);
    if (!schema_check(c->tool->input, c->args, why, sizeof why))
        return call_stop(c, CALL_TOOL_ERROR, "%s: %s", c->tool->decl.name, why);
    return true;
}

bool phase_plan(struct call *c)
{
    const struct kmcp_tool *tool = &c->tool->decl;

    if (tool->safety == KMCP_READ && !c->in->plan_only)
        return true;
    if (tool->plan) {
        c->phase = CALL_PLANNING;
        c->client.planning = true;
        if (call_enter(c, tool->plan) != KMCP_OK)
            return call_refuse(c, "%s", c->failure.text);
        c->client.planning = false;
        c->failure.rc = KMCP_OK;
    }
    c->record.subjects = c->subjects;
    c->record.n_subjects = c->n_subjects;
    if (!c->sentence)
        c->sentence = arena_format(&c->arena, "%s with %s.", tool->title, json_text(&c->arena, c->args));
    if (!c->sentence)
        return call_refuse(c, "the call needs more memory than [limits] call_bytes allows");
    if (tool->plan && tool->safety != KMCP_READ && !c->n_subjects)
        return call_refuse(c, "plugin \"%s\" did not say what %s would touch; this is a fault of the plugin",
                           c->plugin->decl.name, tool->name);
    if (c->in->plan_only)
        return call_stop(c, CALL_COMPLETE, "plan only, nothing was done: %s", c->sentence);
    return true;
}
