/* call_rehearse.c - what exactly a call would send, found out by letting its run() try without sending it.
 * SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "call_phase.h"

#define VALUE_MAX 200   /* bytes shown of one value */
#define SHOWN_MAX 16384 /* of all of them; what a person cannot be shown is not done */

/* Takes what the schema calls writeOnly (a PIN) out of VALUE. */
static bool hide(struct call *c, kmcp_json *value)
{
    const char *text = json_str(value), *known;

    if (text)
        return (known = mask_rename(&c->arena, &c->client.hidden, text)) &&
               (known == text || json_replace_str(&c->arena, value, known));
    if (json_kind(value) == KMCP_JSON_NUMBER) {
        text = json_text(&c->arena, value);
        known = text ? mask_rename(&c->arena, &c->client.hidden, text) : NULL;
        return known && (known == text || json_replace_str(&c->arena, value, known));
    }
    for (const kmcp_json *item = json_first(value); item; item = json_next(item))
        if (!hide(c, (kmcp_json *)(uintptr_t)item))
            return false;
    return true;
}

/* Cuts each long string in VALUE, so that none hides what comes after it. */
static bool shorten(struct call *c, kmcp_json *value)
{
    const char *text = json_str(value), *less;
    size_t len = text ? strlen(text) : 0, cut = VALUE_MAX;

    if (len > VALUE_MAX) {
        while (cut && ((unsigned char)text[cut] & 0xC0) == 0x80)
            cut--;
        less = arena_format(&c->arena, "%.*s... (%zu bytes in all)", (int)cut, text, len);
        return less && json_replace_str(&c->arena, value, less);
    }
    for (const kmcp_json *item = json_first(value); item; item = json_next(item))
        if (!shorten(c, (kmcp_json *)(uintptr_t)item))
            return false;
    return true;
}

/* The request as a person is shown it, all its members. NULL: out of memory. */
static const char *shown(struct call *c)
{
    const struct agreed *g = &c->client.agreed;
    kmcp_json *body = g->body ? json_copy(&c->arena, g->body) : NULL;
    const char *text = "";

    if (g->body && !(body && shorten(c, body) && (text = json_text(&c->arena, body))))
        return NULL;
    return arena_format(&c->arena, "%s%s%s", g->line, *text ? " " : "", text);
}

/* The digest of the request for the record and the state. A PIN is found in a digest of it by trying them
 * all, so what hide() took out is not in it; the call's own bond (call_plan.c), which has a key, covers
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
    if (!g->body || hide(c, g->body)) {
        c->record.request_sha256 = recorded(c);
        c->shown_request = shown(c);
    }
    if (!c->record.request_sha256 || !c->shown_request)
        return call_refuse(c, "%s was not done: its request cannot be digested (memory or OpenSSL)", c->name);
    return strlen(c->shown_request) <= SHOWN_MAX ||
           call_refuse(c, "%s was not done: its request has too many parts to be shown to a person", c->name);
}
