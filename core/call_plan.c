/* call_plan.c - what a call would touch, said before it happens; and work that goes on by itself.
 * SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "call_phase.h"

bool phase_plan(struct call *c)
{
    const struct kmcp_tool *tool = &c->tool->decl;
    kmcp_rc rc;

    if (tool->safety == KMCP_READ && !tool->plan && !c->in->plan_only)
        return true;
    if (tool->plan) {
        c->phase = CALL_PLANNING;
        c->client.planning = true;
        rc = call_enter(c, true);
        if (rc == KMCP_AGAIN)
            return call_stop_asking(c);
        if (rc != KMCP_OK)
            return c->bad_answer || c->lacks ? call_stop_failed(c, rc)
                                             : call_refuse(c, "%s", c->failure.text);
        c->client.planning = false;
        c->failure.rc = KMCP_OK;
    }
    c->record.subjects = c->subjects;
    c->record.n_subjects = c->n_subjects;
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
    if (c->in->plan_only)
        return call_stop(c, CALL_COMPLETE, "plan only, nothing was done: %s", c->sentence);
    return true;
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
