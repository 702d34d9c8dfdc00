/* tables.c - what a plugin declares, row by row: nothing unknown, nothing missing, nothing the host would not
 * enforce. SPDX-License-Identifier: Apache-2.0 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "base/uri.h"
#include "client/route.h"
#include "tables.h"

#define OPTIONS_MAX     64
#define ROUTES_MAX      256
#define TOOLS_MAX       256
#define RESOURCES_MAX   256
#define PROMPTS_MAX     256
#define ARGS_MAX        32
#define TITLE_MAX       80
#define DESCRIPTION_MAX 1024
#define ICONS_MAX       16384

/* Rows as short as ABI 1.0 made them are taken; what they lack is 0. */
#define OPTION_MIN   sizeof(struct kmcp_option)
#define ROUTE_MIN    sizeof(struct kmcp_route)
#define TOOL_MIN     offsetof(struct kmcp_tool, icons)
#define RESOURCE_MIN sizeof(struct kmcp_resource)
#define PROMPT_MIN   sizeof(struct kmcp_prompt)
#define ARG_MIN      sizeof(struct kmcp_prompt_arg)

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
static void *copy_rows(struct taker *t, const void *table, uint32_t count, uint32_t theirs, size_t least,
                       size_t ours, unsigned max, const char *what)
{
    char *rows;

    if (count > max || (count && !table)) {
        no(t, "it declares %u %s; %s", (unsigned)count, what,
           table ? "that is too many" : "but no table of them");
        return NULL;
    }
    if (count && (theirs < least || theirs % sizeof(uint32_t))) {
        no(t,
           "the rows of its table of %s are %u bytes, shorter than the first ABI's %zu; build it against "
           "kmcp/plugin.h",
           what, (unsigned)theirs, least);
        return NULL;
    }
    rows = calloc(count + 1, ours);
    if (!rows) {
        no(t, "out of memory");
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++)
        memcpy(rows + i * ours, (const char *)table + (size_t)i * theirs, theirs < ours ? theirs : ours);
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

    if (wants && tool->decl.safety == KMCP_READ)
        return no(t, "tool \"%s\" is READ but wants a confirmation; declare WRITE, DESTROY or REVEAL",
                  tool->decl.name);
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

/* A JSON array of objects whose src a client may fetch or has at hand (MCP basic, icons). */
static bool check_icons(struct taker *t, const char *name, const char *icons)
{
    struct arena scratch;
    const kmcp_json *list;
    bool good;

    if (!icons)
        return true;
    arena_init(&scratch, 1 << 20);
    list = strlen(icons) > ICONS_MAX ? NULL : json_parse(&scratch, icons, strlen(icons), JSON_UNIQUE, NULL);
    good = json_kind(list) == KMCP_JSON_ARRAY && json_len(list);
    for (const kmcp_json *icon = json_first(list); icon && good; icon = json_next(icon)) {
        const char *src = json_str(json_get(icon, "src"));

        good = src && (strncmp(src, "https://", 8) == 0 || strncmp(src, "data:", 5) == 0);
    }
    arena_release(&scratch, 0);
    return good ? true
                : no(t,
                     "the icons of \"%s\" are refused; give a JSON array of {\"src\": \"https://... or "
                     "data:...\"}, at most %d bytes",
                     name, ICONS_MAX);
}

static bool is_token(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~");

    return n && n <= 64 && !text[n];
}

/* How often does SCHEMA say x-mcp-header at all? */
static size_t count_headers(const kmcp_json *schema)
{
    size_t n = 0;

    for (const kmcp_json *child = json_first(schema); child; child = json_next(child))
        n += count_headers(child) + (json_key(child) && strcmp(json_key(child), "x-mcp-header") == 0);
    return n;
}

/* Collects those reachable through properties alone; false at one that a client would drop the tool for. */
static bool collect_headers(const kmcp_json *schema, const char **seen, size_t *n)
{
    for (const kmcp_json *p = json_first(json_get(schema, "properties")); p; p = json_next(p)) {
        const char *header = json_str(json_get(p, "x-mcp-header")), *type = json_str(json_get(p, "type"));

        if (json_get(p, "x-mcp-header")) {
            if (!header || !is_token(header) || !type || *n == TOOL_HEADERS_MAX ||
                (strcmp(type, "string") && strcmp(type, "integer") && strcmp(type, "boolean")))
                return false;
            for (size_t i = 0; i < *n; i++)
                if (text_casecmp(seen[i], header) == 0)
                    return false;
            seen[(*n)++] = header;
        }
        if (!collect_headers(p, seen, n))
            return false;
    }
    return true;
}

/* MCP 2026-07-28, Streamable HTTP, x-mcp-header: a tool that breaks its rules is dropped by clients. */
static bool check_headers(struct taker *t, const struct tool *tool)
{
    const char *seen[TOOL_HEADERS_MAX];
    size_t n = 0;

    if (!collect_headers(schema_json(tool->input), seen, &n) || n != count_headers(schema_json(tool->input)))
        return no(
            t,
            "tool \"%s\" has an x-mcp-header that is refused: it must be a header token, used once, on a "
            "string, integer or boolean property that is reached through properties alone",
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
    if (strcmp(d->name, "get_job") == 0)
        return no(t, "tool name \"get_job\" is the host's own; choose another");
    if (!d->title || !*d->title || strlen(d->title) > TITLE_MAX)
        return no(t, "tool \"%s\" needs a title of at most %d bytes", d->name, TITLE_MAX);
    if (!d->description || !*d->description || strlen(d->description) > DESCRIPTION_MAX)
        return no(t, "tool \"%s\" needs a description of at most %d bytes", d->name, DESCRIPTION_MAX);
    if (d->safety == KMCP_SAFETY_UNSET)
        return no(t, "tool \"%s\" has no safety class; declare READ, REVEAL, WRITE or DESTROY", d->name);
    if (d->safety > KMCP_DESTROY)
        return no(t, "tool \"%s\" has an unknown safety class", d->name);
    if (d->flags & 0xFFFF &
        ~(KMCP_TOOL_IDEMPOTENT | KMCP_TOOL_CONFIRM | KMCP_TOOL_TASK | KMCP_TOOL_TASK_ONLY |
          KMCP_TOOL_REHEARSE))
        return no(t, "tool \"%s\" carries a flag this host does not know; it must understand it", d->name);
    if (d->safety == KMCP_REVEAL && (d->flags & (KMCP_TOOL_TASK | KMCP_TOOL_TASK_ONLY)))
        return no(t, "tool \"%s\" is REVEAL and a task; a secret is not kept for later", d->name);
    if (!d->run)
        return no(t, "tool \"%s\" has no run function", d->name);
    if (!d->plan && (d->safety == KMCP_REVEAL || d->safety == KMCP_DESTROY))
        return no(t, "tool \"%s\" is %s but has no plan function; the person could not be told what it does",
                  d->name, route_class_name(d->safety));
    if (!check_icons(t, d->name, d->icons) ||
        !(tool->input = take_schema(t, d->name, "input", d->input_schema)) || !check_headers(t, tool))
        return false;
    if (d->output_schema && !(tool->output = take_schema(t, d->name, "output", d->output_schema)))
        return false;
    return check_confirm(t, tool);
}

static bool take_resources(struct taker *t)
{
    const struct kmcp_plugin *d = &t->p->decl;
    struct kmcp_resource *rows = copy_rows(t, d->resources, d->n_resources, d->resource_size, RESOURCE_MIN,
                                           sizeof *rows, RESOURCES_MAX, "resources");

    t->p->resources = rows ? calloc(d->n_resources + 1, sizeof *t->p->resources) : NULL;
    for (size_t i = 0; t->p->resources && i < d->n_resources; i++) {
        struct resource *r = &t->p->resources[i];
        const char *why;

        r->decl = rows[i];
        r->plugin = t->p;
        if (!r->decl.uri || (why = uri_template_fault(r->decl.uri))) {
            no(t, "resource URI \"%.80s\" is refused: %s", r->decl.uri ? r->decl.uri : "",
               r->decl.uri ? why : "there is none");
            break;
        }
        r->is_template = strchr(r->decl.uri, '{') != NULL;
        if (!r->decl.name || !*r->decl.name || !r->decl.read)
            no(t, "resource \"%s\" needs a name and a read function", r->decl.uri);
        else if (r->decl.flags & 0xFFFF & ~KMCP_RESOURCE_UPDATES)
            no(t, "resource \"%s\" carries a flag this host does not know; it must understand it",
               r->decl.uri);
        else if (check_icons(t, r->decl.uri, r->decl.icons))
            continue;
        break;
    }
    free(rows);
    t->p->n_resources = d->n_resources;
    return t->p->resources && !t->why[0];
}

static bool check_prompt(struct taker *t, const struct prompt *p)
{
    if (!p->decl.name || !text_is_name(p->decl.name, 64))
        return no(t, "prompt name \"%.70s\" is refused; use lower-case letters, digits and _, at most 64",
                  p->decl.name ? p->decl.name : "");
    if (!p->decl.description || !*p->decl.description || !p->decl.get)
        return no(t, "prompt \"%s\" needs a description and a get function", p->decl.name);
    for (size_t i = 0; i < p->n_args; i++)
        if (!p->args[i].name || !*p->args[i].name || (p->args[i].flags & ~KMCP_ARG_REQUIRED) ||
            p->args[i].reserved)
            return no(t, "an argument of prompt \"%s\" has no name, or a flag this host does not know",
                      p->decl.name);
    return check_icons(t, p->decl.name, p->decl.icons);
}

static bool take_prompts(struct taker *t)
{
    const struct kmcp_plugin *d = &t->p->decl;
    struct kmcp_prompt *rows = copy_rows(t, d->prompts, d->n_prompts, d->prompt_size, PROMPT_MIN,
                                         sizeof *rows, PROMPTS_MAX, "prompts");

    t->p->prompts = rows ? calloc(d->n_prompts + 1, sizeof *t->p->prompts) : NULL;
    for (size_t i = 0; t->p->prompts && i < d->n_prompts; i++) {
        struct prompt *p = &t->p->prompts[i];

        p->decl = rows[i];
        p->plugin = t->p;
        p->args = copy_rows(t, p->decl.args, p->decl.n_args, p->decl.arg_size, ARG_MIN, sizeof *p->args,
                            ARGS_MAX, "arguments");
        p->n_args = p->args ? p->decl.n_args : 0;
        t->p->n_prompts = i + 1;
        if (!p->args || !check_prompt(t, p))
            break;
    }
    free(rows);
    return t->p->prompts && !t->why[0];
}

bool tables_take(struct plugin *p, char *why, size_t why_size)
{
    struct taker t = { p, why, why_size };
    const struct kmcp_plugin *d = &p->decl;
    struct kmcp_tool *tools;

    p->raw_routes = (const char *)d->routes;
    p->options = copy_rows(&t, d->options, d->n_options, d->option_size, OPTION_MIN, sizeof *p->options,
                           OPTIONS_MAX, "options");
    p->routes = p->options ? copy_rows(&t, d->routes, d->n_routes, d->route_size, ROUTE_MIN,
                                       sizeof *p->routes, ROUTES_MAX, "routes")
                           : NULL;
    tools = p->routes ? copy_rows(&t, d->tools, d->n_tools, d->tool_size, TOOL_MIN, sizeof *tools, TOOLS_MAX,
                                  "tools")
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
    if (!d->n_tools && !d->n_resources && !d->n_prompts)
        return no(&t, "it declares no tools, no resources and no prompts");
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
    return take_resources(&t) && take_prompts(&t);
}
