/* call_find.c - the first phases: what is asked, of which plugin, with which arguments.
 * SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "base/text.h"
#include "base/uri.h"
#include "call_phase.h"

/* The tool that was meant, for a model that mistyped: one that begins alike, or differs by few letters. */
static const char *nearest_tool(const struct registry *r, const char *name)
{
    size_t best_len = 3, best_edits = 4;
    const char *best = NULL;

    for (size_t i = 0; i < r->n_tools; i++) {
        const char *known = r->tools[i]->decl.name;
        size_t len = 0;

        while (known[len] && known[len] == name[len])
            len++;
        if (text_nearer(name, known, &best_edits) || (best_edits == 4 && len > best_len)) {
            best = known;
            best_len = len;
        }
    }
    return best;
}

static bool hidden(const int *flag)
{
    return __atomic_load_n(flag, __ATOMIC_ACQUIRE) != 0;
}

static bool find_tool(struct call *c)
{
    char why[400];

    c->tool = registry_find(&c->host->registry, c->in->name);
    if (!c->tool || hidden(&c->tool->hidden)) {
        const char *near = nearest_tool(&c->host->registry, c->in->name);

        c->tool = NULL;
        return call_stop(
            c, CALL_NO_TOOL, "unknown tool \"%.64s\"; %s%s%s", c->in->name, near ? "did you mean \"" : "",
            near ? near
                 : "the list of tools shows what there is; modules that the INI does not name are not loaded",
            near ? "\"?" : "");
    }
    c->plugin = c->tool->plugin;
    c->name = c->tool->decl.name;
    c->safety = c->client.tool = c->tool->decl.safety;
    if (c->tool->decl.flags & (KMCP_TOOL_TASK | KMCP_TOOL_TASK_ONLY))
        c->client.deadline_ms += c->host->task_timeout_ms - c->host->call_timeout_ms;
    c->record = (struct audit_call){
        .tool = c->tool->decl.name,
        .plugin = c->plugin->decl.name,
        .safety = c->tool->decl.safety,
        .principal = c->in->principal,
        .client = c->in->client,
        .transport = c->in->transport,
        .trace = c->in->traceparent,
        .reason = json_str(json_get(c->args, "reason")),
        .redact = c->host->policy.redact_pii,
    };
    if (c->safety != KMCP_READ && !call_is_inline(c)) {
        c->client.keep_secret = call_keep_secret;
        c->client.keep_arg = c;
    }
    if (c->in->unfinished)
        return true;
    if (!policy_offers(&c->host->policy, c->tool->decl.safety, why, sizeof why))
        return call_refuse(c, "%s is not offered: %s", c->tool->decl.name, why);
    return true;
}

static bool find_prompt(struct call *c, const char *name)
{
    c->prompt = registry_prompt(&c->host->registry, name);
    if (!c->prompt || hidden(&c->prompt->hidden)) {
        c->prompt = NULL;
        return call_stop(c, CALL_NO_TOOL, "unknown prompt \"%.64s\"; prompts/list shows what there is", name);
    }
    c->plugin = c->prompt->plugin;
    c->name = c->prompt->decl.name;
    c->out.prompt_description = c->prompt->decl.description;
    return true;
}

static bool find_resource(struct call *c, const char *uri)
{
    kmcp_json *vars = NULL;

    if (!uri_is_valid(uri))
        return call_stop(c, CALL_NO_TOOL, "\"%.80s\" is not a URI", uri);
    c->resource = registry_resource_at(&c->host->registry, &c->arena, uri, &vars);
    if (!c->resource || hidden(&c->resource->hidden)) {
        c->resource = NULL;
        return call_stop(c, CALL_NOT_FOUND, "there is no resource %.200s; resources/list shows what there is",
                         uri);
    }
    c->plugin = c->resource->plugin;
    c->name = c->resource->decl.name;
    c->args = vars;
    c->out.ttl_ms = (int64_t)c->resource->decl.ttl_s * 1000;
    return true;
}

/* What a completion is for: the argument must be one the prompt or the template has. */
static bool find_completed(struct call *c)
{
    bool known = false;

    if (!c->in->of_resource) {
        if (!find_prompt(c, c->in->name))
            return false;
        for (size_t i = 0; i < c->prompt->n_args; i++)
            known = known || strcmp(c->prompt->args[i].name, c->in->argument) == 0;
    } else {
        const char *named;

        c->resource = registry_resource(&c->host->registry, c->in->name);
        if (!c->resource || hidden(&c->resource->hidden)) {
            c->resource = NULL;
            return call_stop(c, CALL_NO_TOOL, "there is no resource template %.200s", c->in->name);
        }
        c->plugin = c->resource->plugin;
        c->name = c->resource->decl.name;
        named = arena_format(&c->arena, "{%s}", c->in->argument);
        known = named && c->resource->is_template && strstr(c->resource->decl.uri, named);
    }
    if (!known)
        return call_stop(c, CALL_NO_TOOL, "%s has no argument \"%.64s\"", c->name, c->in->argument);
    return true;
}

bool phase_find(struct call *c)
{
    c->args = c->in->args ? c->in->args : json_object(&c->arena);
    c->safety = c->client.tool = KMCP_READ;
    c->name = c->in->name;
    switch (c->in->kind) {
    case CALL_TOOL:
        return find_tool(c);
    case CALL_PROMPT:
        return find_prompt(c, c->in->name);
    case CALL_RESOURCE:
        return find_resource(c, c->in->name);
    case CALL_COMPLETION:
        return find_completed(c);
    }
    return false;
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

/* A prompt's arguments are strings, those it has, and all it needs. */
static bool validate_prompt(struct call *c)
{
    for (const kmcp_json *arg = json_first(c->args); arg; arg = json_next(arg)) {
        bool known = false;

        for (size_t i = 0; i < c->prompt->n_args; i++)
            known = known || strcmp(c->prompt->args[i].name, json_key(arg)) == 0;
        if (!known)
            return call_stop(c, CALL_NO_TOOL, "prompt \"%s\" has no argument \"%.64s\"", c->name,
                             json_key(arg));
        if (json_kind(arg) != KMCP_JSON_STRING)
            return call_stop(c, CALL_NO_TOOL, "argument \"%.64s\" must be a string", json_key(arg));
    }
    for (size_t i = 0; i < c->prompt->n_args; i++)
        if ((c->prompt->args[i].flags & KMCP_ARG_REQUIRED) && !json_get(c->args, c->prompt->args[i].name))
            return call_stop(c, CALL_NO_TOOL, "prompt \"%s\" needs the argument \"%s\"", c->name,
                             c->prompt->args[i].name);
    return true;
}

bool phase_validate(struct call *c)
{
    char why[1200];
    const char *nul = find_nul(c->args);

    if (nul)
        return call_stop(c, c->tool ? CALL_TOOL_ERROR : CALL_NO_TOOL,
                         "argument \"%.64s\" holds a NUL character; leave it out", nul);
    if (c->in->kind == CALL_PROMPT)
        return validate_prompt(c);
    if (c->tool && !c->in->unfinished && !c->in->review &&
        !schema_check(c->tool->input, c->args, why, sizeof why))
        return call_stop(c, CALL_TOOL_ERROR, "%s: %s", c->name, why);
    return true;
}
