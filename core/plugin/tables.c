/* tables.c - what a plugin declares, row by row: nothing unknown, nothing missing, nothing the host would not
 * enforce. SPDX-License-Identifier: Apache-2.0 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "client/route.h"
#include "tables.h"

#define OPTIONS_MAX     64
#define ROUTES_MAX      256
#define TOOLS_MAX       256
#define TITLE_MAX       80
#define DESCRIPTION_MAX 1024

struct taker {
    struct plugin *p;
    char *why;
    size_t why_size;
};

static bool no(struct taker *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool no(struct taker *t, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(t->why, t->why_size, fmt, args);
    va_end(args);
    return false;
}

/* COUNT rows of THEIR size from TABLE, each over zeros into OURS. A newer plugin's unknown tail is left
 * behind. */
static void *copy_rows(struct taker *t, const void *table, uint32_t count, uint32_t theirs, size_t ours,
                       unsigned max, const char *what)
{
    char *rows;

    if (count > max || (count && !table)) {
        no(t, "it declares %u %s; %s", (unsigned)count, what,
           table ? "that is too many" : "but no table of them");
        return NULL;
    }
    if (count && (theirs < ours || theirs % sizeof(uint32_t))) {
        no(t,
           "the rows of its table of %s are %u bytes, shorter than ABI 1.0's %zu; build it against "
           "kmcp/plugin.h",
           what, (unsigned)theirs, ours);
        return NULL;
    }
    rows = calloc(count + 1, ours);
    if (!rows) {
        no(t, "out of memory");
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++)
        memcpy(rows + i * ours, (const char *)table + (size_t)i * theirs, ours);
    return rows;
}

static bool check_option(struct taker *t, const struct kmcp_option *o)
{
    if (!o->key || !text_is_name(o->key, 32) || strcmp(o->key, "path") == 0 ||
        strcmp(o->key, "optional") == 0)
        return no(
            t,
            "option \"%.40s\" has no usable key; use lower-case letters, digits and _ (not path, optional)",
            o->key ? o->key : "");
    if (!o->type || (strcmp(o->type, "string") && strcmp(o->type, "int") && strcmp(o->type, "bool")))
        return no(t, "option \"%s\" has the unknown type \"%.20s\"; string, int and bool are known", o->key,
                  o->type ? o->type : "");
    if (!o->help || !*o->help)
        return no(t, "option \"%s\" has no help text", o->key);
    return true;
}

static bool check_routes(struct taker *t)
{
    struct arena scratch;
    const char *fault = NULL;

    arena_init(&scratch, 1 << 16);
    for (size_t i = 0; i < t->p->n_routes && !fault; i++)
        fault = route_fault(&scratch, &t->p->routes[i]);
    if (fault)
        no(t, "%s", fault);
    arena_release(&scratch, 0);
    return !fault;
}

/* Every array says what its items are, or some clients drop the tool. */
static bool arrays_have_items(const kmcp_json *schema)
{
    const char *type = json_str(json_get(schema, "type"));

    if (type && strcmp(type, "array") == 0 && !json_get(schema, "items") && !json_get(schema, "prefixItems"))
        return false;
    for (const kmcp_json *child = json_first(schema); child; child = json_next(child))
        if (!arrays_have_items(child))
            return false;
    return true;
}

static struct schema *take_schema(struct taker *t, const char *tool, const char *which, const char *text)
{
    char why[400];
    struct schema *s = text ? schema_compile(text, why, sizeof why) : NULL;
    const char *type = s ? json_str(json_get(schema_json(s), "type")) : NULL;

    if (!text)
        no(t, "tool \"%s\" has no %s schema", tool, which);
    else if (!s)
        no(t, "the %s schema of tool \"%s\" is refused: %s", which, tool, why);
    else if (!type || strcmp(type, "object") != 0)
        no(t, "the %s schema of tool \"%s\" must have \"type\": \"object\" at its root", which, tool);
    else if (!arrays_have_items(schema_json(s)))
        no(t, "the %s schema of tool \"%s\" has an array without \"items\"; some clients drop such a tool",
           which, tool);
    else
        return s;
    schema_free(s);
    return NULL;
}

static bool check_confirm(struct taker *t, const struct tool *tool)
{
    const kmcp_json *confirm = json_get(json_get(schema_json(tool->input), "properties"), "confirm");
    const char *type = json_str(json_get(confirm, "type"));
    bool wants = tool->decl.flags & KMCP_TOOL_CONFIRM;

    if (wants && !(type && strcmp(type, "boolean") == 0))
        return no(t, "tool \"%s\" wants a confirmation, but its input schema has no boolean \"confirm\"",
                  tool->decl.name);
    if (!wants && confirm)
        return no(t,
                  "tool \"%s\" has a \"confirm\" argument but not the flag KMCP_TOOL_CONFIRM, so nobody "
                  "would check it",
                  tool->decl.name);
    return true;
}

static bool take_tool(struct taker *t, struct tool *tool)
{
    const struct kmcp_tool *d = &tool->decl;

    tool->plugin = t->p;
    if (!d->name || !text_is_name(d->name, 64))
        return no(t, "tool name \"%.70s\" is refused; use lower-case letters, digits and _, at most 64",
                  d->name ? d->name : "");
    if (!d->title || !*d->title || strlen(d->title) > TITLE_MAX)
        return no(t, "tool \"%s\" needs a title of at most %d bytes", d->name, TITLE_MAX);
    if (!d->description || !*d->description || strlen(d->description) > DESCRIPTION_MAX)
        return no(t, "tool \"%s\" needs a description of at most %d bytes", d->name, DESCRIPTION_MAX);
    if (d->safety == KMCP_SAFETY_UNSET)
        return no(t, "tool \"%s\" has no safety class; declare READ, REVEAL, WRITE or DESTROY", d->name);
    if (d->safety > KMCP_DESTROY)
        return no(t, "tool \"%s\" has an unknown safety class", d->name);
    if (d->flags & 0xFFFF & ~(KMCP_TOOL_IDEMPOTENT | KMCP_TOOL_CONFIRM))
        return no(t, "tool \"%s\" carries a flag this host does not know; it must understand it", d->name);
    if (!d->run)
        return no(t, "tool \"%s\" has no run function", d->name);
    if (!d->plan && (d->safety == KMCP_REVEAL || d->safety == KMCP_DESTROY))
        return no(t, "tool \"%s\" is %s but has no plan function; the person could not be told what it does",
                  d->name, route_class_name(d->safety));
    if (!(tool->input = take_schema(t, d->name, "input", d->input_schema)))
        return false;
    if (d->output_schema && !(tool->output = take_schema(t, d->name, "output", d->output_schema)))
        return false;
    return check_confirm(t, tool);
}

bool tables_take(struct plugin *p, char *why, size_t why_size)
{
    struct taker t = { p, why, why_size };
    const struct kmcp_plugin *d = &p->decl;
    struct kmcp_tool *tools;

    p->raw_routes = (const char *)d->routes;
    p->options = copy_rows(&t, d->options, d->n_options, d->option_size, sizeof *p->options, OPTIONS_MAX,
                           "options");
    p->routes = p->options ? copy_rows(&t, d->routes, d->n_routes, d->route_size, sizeof *p->routes,
                                       ROUTES_MAX, "routes")
                           : NULL;
    tools = p->routes ? copy_rows(&t, d->tools, d->n_tools, d->tool_size, sizeof *tools, TOOLS_MAX, "tools")
                      : NULL;
    if (!tools)
        return false;
    p->n_options = d->n_options;
    p->n_routes = d->n_routes;
    p->tools = calloc(d->n_tools + 1, sizeof *p->tools);
    for (size_t i = 0; p->tools && i < d->n_tools; i++)
        p->tools[i].decl = tools[i];
    free(tools);
    if (!p->tools)
        return no(&t, "out of memory");
    if (!d->n_tools)
        return no(&t, "it declares no tools");
    p->n_tools = d->n_tools;
    for (size_t i = 0; i < p->n_options; i++)
        if (!check_option(&t, &p->options[i]))
            return false;
    if (!check_routes(&t))
        return false;
    for (size_t i = 0; i < p->n_tools; i++) {
        if (!take_tool(&t, &p->tools[i]))
            return false;
        for (size_t j = 0; j < i; j++)
            if (strcmp(p->tools[i].decl.name, p->tools[j].decl.name) == 0)
                return no(&t, "it declares tool \"%s\" twice", p->tools[i].decl.name);
    }
    return true;
}
