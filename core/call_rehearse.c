/* call_rehearse.c - what exactly a call would send, found out by letting its run() try without sending it.
 * SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "call_phase.h"

/* Is TEXT one of the arguments that the schema calls writeOnly (a PIN)? */
static bool is_hidden(struct call *c, const char *text)
{
    const kmcp_json *properties = json_get(schema_json(c->tool->input), "properties");

    for (const kmcp_json *arg = json_first(c->args); arg; arg = json_next(arg))
        if (json_is_true(json_get(json_get(properties, json_key(arg)), "writeOnly")) && json_str(arg) &&
            strcmp(json_str(arg), text) == 0)
            return true;
    return false;
}

static bool hide(struct call *c, kmcp_json *value)
{
    if (json_str(value))
        return !is_hidden(c, json_str(value)) || json_replace_str(&c->arena, value, "[not shown]");
    if (json_kind(value) == KMCP_JSON_ARRAY || json_kind(value) == KMCP_JSON_OBJECT)
        for (const kmcp_json *item = json_first(value); item; item = json_next(item))
            if (!hide(c, (kmcp_json *)(uintptr_t)item))
                return false;
    return true;
}

static const char *shown(struct call *c)
{
    const struct agreed *g = &c->client.agreed;
    const char *body = "";

    if (g->body && !(hide(c, g->body) && (body = json_text(&c->arena, g->body))))
        return NULL;
    return arena_format(&c->arena, "%s%s%.600s%s", g->line, *body ? " " : "", body,
                        strlen(body) > 600 ? "..." : "");
}

/* The digest of the request for the record and the state. A PIN is found in a digest of it by trying them
 * all, so what shown() has hidden is not in it; the call's own bond (call_plan.c), which has a key, covers
 * that. */
static const char *recorded(struct call *c)
{
    const struct agreed *g = &c->client.agreed;
    const char *body = g->body ? json_canonical(&c->arena, g->body) : "";
    const char *text = body ? arena_format(&c->arena, "%s\n%s", g->line, body) : NULL;
    char *hex = arena_alloc(&c->arena, 2 * DIGEST_SIZE + 1);
    uint8_t digest[DIGEST_SIZE];

    if (!text || !hex || !digest_sha256(text, strlen(text), digest))
        return NULL;
    digest_hex(digest, sizeof digest, hex);
    return hex;
}

bool phase_rehearse(struct call *c)
{
    struct agreed *g = &c->client.agreed;
    kmcp_rc rc;

    if (c->safety == KMCP_READ || !(c->tool->decl.flags & KMCP_TOOL_REHEARSE))
        return true;
    g->rehearsing = true;
    c->phase = CALL_RUNNING;
    rc = call_enter(c, STEP_RUN);
    g->rehearsing = false;
    if (rc != KMCP_OK && !g->taken)
        return call_refuse(c, "%s", c->failure.text);
    call_forget(c);
    if (!g->taken)
        return call_refuse(c,
                           "plugin \"%s\" promised to send something for %s, and did not; this is a fault of "
                           "the plugin",
                           c->plugin->decl.name, c->name);
    g->bound = true;
    c->shown_request = shown(c);
    c->record.request_sha256 = c->shown_request ? recorded(c) : NULL;
    return c->record.request_sha256
               ? true
               : call_refuse(c, "%s was not done: its request cannot be digested (memory or OpenSSL)",
                             c->name);
}
