/* fault.c - the service's eight ways of saying no, turned into one sentence with a remedy.
 * SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "fault.h"

#define WORDS_MAX 200

/* Every string in VALUE, "field: text" for members, joined by "; ". */
static void join(struct buf *out, const kmcp_json *value, const char *name)
{
    const char *text = json_str(value);

    if (out->len > 2 * WORDS_MAX)
        return;
    if (text) {
        if (out->len)
            buf_puts(out, "; ");
        if (name)
            buf_printf(out, "%s: ", name);
        buf_puts(out, text);
        return;
    }
    for (const kmcp_json *item = json_first(value); item; item = json_next(item))
        join(out, item, json_key(item) ? json_key(item) : name);
}

static const char *const keys[] = { "detail", "error", "message", "errors" };

/* FastAPI's {"detail":[{"loc":[...],"msg":"..."}]}, or the members that carry a sentence, or a field map. */
static void read_object(struct buf *out, const kmcp_json *object)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const kmcp_json *said = json_get(object, keys[i]);

        for (const kmcp_json *item = json_first(said); item && json_get(item, "msg");
             item = json_next(item)) {
            join(out, json_get(item, "msg"), NULL);
            said = NULL;
        }
        join(out, said, NULL);
        if (out->len)
            return;
    }
    join(out, object, NULL);
}

static void read_html(struct buf *out, const char *body, size_t len)
{
    bool in_tag = false;

    for (size_t i = 0; i < len && out->len < 2 * WORDS_MAX; i++) {
        if (body[i] == '<')
            in_tag = true;
        else if (body[i] == '>' && in_tag) {
            in_tag = false;
            if (out->len && out->data[out->len - 1] != ' ')
                buf_putc(out, ' ');
        } else if (!in_tag && (unsigned char)body[i] > 0x20)
            buf_putc(out, body[i]);
        else if (!in_tag && out->len && out->data[out->len - 1] != ' ')
            buf_putc(out, ' ');
    }
}

static kmcp_json *parse(struct arena *scratch, const char *body, size_t len)
{
    return len < 256 * 1024 ? json_parse(scratch, body, len, JSON_NUL_REPLACED, NULL) : NULL;
}

/* The words of an answer that is JSON, without what HIDE names. */
static bool read_json(struct buf *out, struct arena *scratch, kmcp_json *value, const struct fault_hide *hide)
{
    if (!mask_apply(scratch, value, hide->secrets, MASK_SECRET, NULL))
        return false;
    if (!hide->sentence) {
        if (json_kind(value) == KMCP_JSON_OBJECT)
            read_object(out, value);
        else
            join(out, value, NULL);
        return true;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !out->len; i++)
        if (json_str(json_get(value, keys[i])))
            buf_puts(out, json_str(json_get(value, keys[i])));
    return true;
}

static void read_body(struct buf *out, struct arena *scratch, const char *body, size_t len,
                      const struct fault_hide *hide)
{
    kmcp_json *value = len && *body == '<' ? NULL : parse(scratch, body, len);
    const char *known;

    if (!value && (hide->secrets || hide->sentence || (hide->values && hide->values->n)))
        return; /* nobody can tell what in it is secret */
    if (value && !read_json(out, scratch, value, hide))
        buf_reset(out);
    else if (!value && len && *body == '<')
        read_html(out, body, len > 64 * 1024 ? 64 * 1024 : len);
    else if (!value)
        buf_add(out, body, len > WORDS_MAX ? WORDS_MAX : len);
    if (!out->data || !hide->values || !hide->values->n)
        return;
    known = mask_rename(scratch, hide->values, out->data);
    if (known == out->data)
        return;
    buf_reset(out);
    if (known)
        buf_puts(out, known);
}

bool fault_is_own(const char *body, size_t len)
{
    struct arena scratch;
    const kmcp_json *value;
    bool own = false;

    arena_init(&scratch, 4 << 20);
    value = parse(&scratch, body, len);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        own = own || json_get(value, keys[i]);
    arena_release(&scratch, 0);
    return own;
}

char *fault_words(struct arena *a, const char *body, size_t len, const struct fault_hide *hide)
{
    static const struct fault_hide nothing = { 0 };
    struct arena scratch;
    struct buf raw, clean;
    char *words;
    size_t cut;

    while (len && strchr(" \t\r\n", *body) && *body) {
        body++;
        len--;
    }
    arena_init(&scratch, 4 << 20);
    buf_init(&raw, 64 * 1024);
    buf_init(&clean, 256 * 1024);
    read_body(&raw, &scratch, body, len, hide ? hide : &nothing);
    if (raw.data && !raw.failed)
        text_neutral(&clean, raw.data, raw.len);
    cut = clean.len > WORDS_MAX ? WORDS_MAX : clean.len;
    while (cut && cut < clean.len && ((unsigned char)clean.data[cut] & 0xC0) == 0x80)
        cut--;
    while (cut && strchr(" .\n\t", clean.data[cut - 1]))
        cut--;
    words = arena_strndup(a, clean.data ? clean.data : "", cut);
    for (char *p = words; p && *p; p++)
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    buf_wipe(&raw);
    buf_free(&clean);
    arena_release(&scratch, 1);
    return words;
}

/* What to do when an act is refused because it is there already, or perhaps: WORDS are NULL where they may
 * not be shown. What else is refused needs other arguments, and the words say which. */
static const char *advice_on_act(const struct kmcp_route *r, const char *words)
{
    const char *action = strstr(r->path, "/action/");

    if (!action || (words && !text_casestr(words, "already")))
        return "";
    if (strcmp(action, "/action/lock") == 0)
        return "; what is locked, or will be, needs no other lock: get_device_commands shows it (for Android "
               "get_device_activity), and get_device_secret with secret unlock_pin has the PIN of a Mac";
    return "; what is queued needs no other: get_device_commands shows it (for Android and Windows "
           "get_device_activity, once it was carried out)";
}

kmcp_rc fault_set(struct failure *f, const struct kmcp_route *r, int status, const char *words,
                  int64_t retry_ms)
{
    const char *said = words && *words ? words : NULL;
    const char *open = said ? " (it said: " : "", *text = said ? said : "", *close = said ? ")" : "";

    switch (status) {
    case 401:
        return failure_set(
            f, KMCP_E_DENIED,
            "the API refused the token%s%s%s; either it is wrong, revoked or expired, or it lacks the "
            "permission \"%s\": an administrator makes or edits it under Settings > Access",
            open, text, close, r->permission);
    case 403:
        return failure_set(
            f, KMCP_E_DENIED,
            "the token lacks the permission \"%s\" (%s %s)%s%s%s; an administrator grants it under "
            "Settings > Access > API token",
            r->permission, r->method, r->path, open, text, close);
    case 404:
        return failure_set(
            f, KMCP_E_NOTFOUND,
            "the API knows no such thing%s%s%s; check the id (list_devices and list_blueprints show ids), "
            "and that subdomain and region are right",
            open, text, close);
    case 429:
        if (retry_ms > 0)
            return failure_set(
                f, KMCP_E_RATE, "the tenant's request limit is used up%s%s%s; try again in %lld second%s",
                open, text, close, (long long)((retry_ms + 999) / 1000), retry_ms > 1000 ? "s" : "");
        return failure_set(f, KMCP_E_RATE,
                           "the tenant's request limit is used up%s%s%s; try again in a minute", open, text,
                           close);
    default:
        if (status >= 500)
            return failure_set(f, KMCP_E_UPSTREAM, "the API failed with HTTP %d%s%s%s; try again later",
                               status, open, text, close);
        if (status == 400 || status == 409)
            return failure_set(f, KMCP_E_CONFLICT, "the API refused%s%s%s", said ? ": " : " with HTTP 400",
                               text, advice_on_act(r, said));
        return failure_set(f, KMCP_E_UPSTREAM, "the API answered HTTP %d to %s %s%s%s%s", status, r->method,
                           r->path, open, text, close);
    }
}
