/* call_pseudonym.c - redact_pii = pseudonyms: persons come in and go out as tokens.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Replies are renamed as they come in (client/mask.c asks name_person). What arguments stood for is known to
 * the plugin in clear and may come back in what it says; so it is renamed in whatever leaves.
 */

#include <string.h>

#include "base/log.h"
#include "call_phase.h"

static const char *name_person(void *arg, const char *field, const char *value)
{
    struct call *c = arg;
    char token[PSEUDONYM_MAX];

    if (pseudonym_at(value) == strlen(value) ||
        !pseudonym_of(c->host->pseudonyms, pseudonym_kind(field ? field : "", value), value, token))
        return NULL;
    pseudo_map_add(c->named, token, value);
    return arena_strdup(&c->arena, token);
}

bool call_name_persons(struct call *c)
{
    char why[600];

    if (!c->host->policy.pseudonyms)
        return true;
    if (!pseudonyms_ready(c->host->pseudonyms, true, why, sizeof why) || !(c->named = pseudo_map_new())) {
        log_line(KMCP_LOG_ERROR, "pseudonyms", "%s; persons are masked instead", why);
        return true;
    }
    c->client.seen.name = name_person;
    c->client.seen.name_arg = c;
    return true;
}

/* ---- in ---- */

/* TEXT with every token in it replaced; NULL with the call stopped. Unchanged, it is TEXT itself. */
static const char *resolve_text(struct call *c, const char *text)
{
    const char *out = NULL, *from = text;
    char why[600] = "out of memory";
    struct buf b;
    bool ok = true;

    buf_init(&b, c->host->call_bytes);
    for (const char *at = text; *at && ok;) {
        size_t len = at == text || !strchr("abcdefghijklmnopqrstuvwxyz", at[-1]) ? pseudonym_at(at) : 0;
        const char *token, *value;

        if (!len) {
            at++;
            continue;
        }
        token = arena_format(&c->arena, "%.*s", (int)len, at);
        value = token ? pseudonym_open(c->host->pseudonyms, &c->arena, token, why, sizeof why) : NULL;
        ok = value && mask_resolve(&c->client.seen, value, token);
        if (ok) {
            pseudo_map_add(c->named, token, value);
            buf_add(&b, from, (size_t)(at - from));
            buf_puts(&b, value);
            c->resolved++;
        }
        at += len;
        from = at;
    }
    if (ok && from == text)
        out = text;
    else if (ok && buf_puts(&b, from))
        out = arena_strdup(&c->arena, b.data ? b.data : "");
    buf_wipe(&b);
    if (!out)
        call_stop(c, c->tool ? CALL_TOOL_ERROR : CALL_NO_TOOL, "%s", why);
    return out;
}

static bool resolve(struct call *c, kmcp_json *value)
{
    const char *text = json_str(value), *plain;

    if (text) {
        plain = resolve_text(c, text);
        return plain && (plain == text || json_replace_str(&c->arena, value, plain));
    }
    if (json_kind(value) == KMCP_JSON_ARRAY || json_kind(value) == KMCP_JSON_OBJECT)
        for (const kmcp_json *item = json_first(value); item; item = json_next(item))
            if (!resolve(c, (kmcp_json *)(uintptr_t)item))
                return false;
    return true;
}

bool phase_resolve(struct call *c)
{
    kmcp_json *copy;

    if (!call_name_persons(c) || !c->named)
        return true;
    copy = json_copy(&c->arena, c->args);
    if (!copy)
        return call_stop(c, CALL_TOOL_ERROR, "the call needs more memory than [limits] call_bytes allows");
    if (!resolve(c, copy))
        return false;
    c->args = copy;
    if (c->tool) /* recorded as it was said */
        c->record.reason = json_str(json_get(c->in->args, "reason"));
    return true;
}

/* ---- out ---- */

static bool rename_json(struct call *c, kmcp_json *value)
{
    const char *text = json_str(value), *clean;

    if (text) {
        clean = mask_rename(&c->arena, &c->client.seen, text);
        return clean && (clean == text || json_replace_str(&c->arena, value, clean));
    }
    if (json_kind(value) == KMCP_JSON_ARRAY || json_kind(value) == KMCP_JSON_OBJECT)
        for (const kmcp_json *item = json_first(value); item; item = json_next(item))
            if (!rename_json(c, (kmcp_json *)(uintptr_t)item))
                return false;
    return true;
}

static bool rename_all(struct call *c)
{
    const char *clean;

    if (c->text.data && c->text.len) {
        struct buf b;

        clean = mask_rename(&c->arena, &c->client.seen, c->text.data);
        if (!clean)
            return false;
        buf_init(&b, c->host->call_bytes);
        buf_puts(&b, clean);
        buf_wipe(&c->text);
        c->text = b;
    }
    for (struct call_item *item = c->items; item; item = item->next)
        if (item->text && !(item->text = mask_rename(&c->arena, &c->client.seen, item->text)))
            return false;
    for (size_t i = 0; i < c->n_values; i++)
        if (!(c->values[i] = mask_rename(&c->arena, &c->client.seen, c->values[i])))
            return false;
    return !c->structured || rename_json(c, (kmcp_json *)(uintptr_t)c->structured);
}

static void keep_named(struct call *c)
{
    const char *structured = c->structured ? json_text(&c->arena, c->structured) : NULL;
    bool ok = pseudo_map_keep(c->host->pseudonyms, c->named, c->text.data ? c->text.data : "");

    if (ok && c->out.text)
        ok = pseudo_map_keep(c->host->pseudonyms, c->named, c->out.text);
    if (ok && structured)
        ok = pseudo_map_keep(c->host->pseudonyms, c->named, structured);
    for (const struct call_item *item = c->items; item && ok; item = item->next)
        ok = !item->text || pseudo_map_keep(c->host->pseudonyms, c->named, item->text);
    if (!ok)
        log_line(KMCP_LOG_ERROR, "pseudonyms",
                 "what the pseudonyms of %s stand for could not be kept; they cannot be "
                 "passed back",
                 c->name);
}

bool phase_rename(struct call *c)
{
    if (!c->named)
        return true;
    if (c->resolved && !rename_all(c)) {
        c->out.end = CALL_TOOL_ERROR;
        c->out.text = "the call needs more memory than [limits] call_bytes allows";
    }
    /* what went wrong is renamed by the next phase, from the same list: it is needed here to know what to
     * keep */
    if (c->out.text && (c->out.end != CALL_COMPLETE || call_shows_plan(c)))
        c->out.text = mask_scrub(&c->arena, &c->client.seen, c->out.text);
    keep_named(c);
    return true;
}
