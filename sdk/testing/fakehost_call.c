/* fakehost_call.c - what a plugin tells the fake host of its call: plan, result, questions to the person,
 * events. SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "fakehost_inner.h"

kmcp_rc fake_subject(kmcp_ctx *ctx, const char *kind, const char *id, const char *label)
{
    struct fakehost *h = of(ctx);

    if (!h->planning || h->n_subjects == FAKEHOST_MAX)
        return fake_fail(ctx, KMCP_E_BUG, "a subject outside plan()");
    h->subjects[h->n_subjects++] = fake_format(ctx, "%s %s %s", kind, id, label);
    return KMCP_OK;
}

kmcp_rc fake_fact(kmcp_ctx *ctx, const char *name, const char *value)
{
    struct fakehost *h = of(ctx);

    if (!h->planning || !h->n_subjects || h->n_facts == FAKEHOST_MAX)
        return fake_fail(ctx, KMCP_E_BUG, "a fact outside plan(), or about nothing");
    h->facts[h->n_facts++] = value && *value ? fake_format(ctx, "%s %s", name, value)
                                             : fake_format(ctx, "%s", name);
    return KMCP_OK;
}

int fake_wants(kmcp_ctx *ctx, const char *name)
{
    const char *wanted = of(ctx)->wanted;

    return wanted && strcmp(wanted, name) == 0;
}

kmcp_rc fake_say(kmcp_ctx *ctx, const char *fmt, ...)
{
    struct fakehost *h = of(ctx);
    va_list args;

    if (!h->planning || h->sentence)
        return fake_fail(ctx, KMCP_E_BUG, "said twice, or outside plan()");
    va_start(args, fmt);
    h->sentence = fake_vformat(h, fmt, args);
    va_end(args);
    return KMCP_OK;
}

void fake_progress(kmcp_ctx *ctx, double done, double total, const char *message)
{
    (void)ctx;
    (void)done;
    (void)total;
    (void)message;
}

int fake_cancelled(kmcp_ctx *ctx)
{
    return of(ctx)->cancelled;
}

kmcp_rc fake_result_text(kmcp_ctx *ctx, const char *fmt, ...)
{
    struct fakehost *h = of(ctx);
    va_list args;
    char *more;

    if (h->planning)
        return fake_fail(ctx, KMCP_E_BUG, "a result in plan()");
    va_start(args, fmt);
    more = fake_vformat(h, fmt, args);
    va_end(args);
    h->text = h->text ? fake_format(ctx, "%s%s", h->text, more) : more;
    return KMCP_OK;
}

kmcp_rc fake_result_json(kmcp_ctx *ctx, const kmcp_json *value)
{
    struct fakehost *h = of(ctx);

    if (h->planning || !value)
        return fake_fail(ctx, KMCP_E_BUG, "no result, or one in plan()");
    h->result = fake_block(h, cJSON_PrintUnformatted(in(value)));
    return KMCP_OK;
}

static kmcp_rc note(kmcp_ctx *ctx, char **list, int *n, char *text)
{
    if (*n == FAKEHOST_MAX)
        return fake_fail(ctx, KMCP_E_NOMEM, "more than the fake host notes");
    list[(*n)++] = text;
    return KMCP_OK;
}

kmcp_rc fake_content(kmcp_ctx *ctx, const struct kmcp_content *c)
{
    static const char *const kinds[] = { "text", "image", "audio", "resource", "link" };
    struct fakehost *h = of(ctx);
    const char *role = h->prompting ? (c->role ? c->role : "user") : "";
    char *text;

    if (h->planning || !c->struct_size || c->kind > KMCP_CONTENT_LINK)
        return fake_fail(ctx, KMCP_E_BUG, "content in plan(), without struct_size, or of an unknown kind");
    if (c->kind == KMCP_CONTENT_TEXT)
        text = fake_format(ctx, "%s%stext %s", role, *role ? " " : "", c->text);
    else if (c->data)
        text = fake_format(ctx, "%s%s%s %s %zu", role, *role ? " " : "", kinds[c->kind],
                           c->mime_type ? c->mime_type : "-", c->len);
    else
        text = fake_format(ctx, "%s%s%s %s %s", role, *role ? " " : "", kinds[c->kind], c->uri ? c->uri : "-",
                           c->kind == KMCP_CONTENT_LINK ? c->name : c->text);
    return note(ctx, h->contents, &h->n_contents, text);
}

kmcp_rc fake_result_meta(kmcp_ctx *ctx, const char *key, const kmcp_json *value)
{
    struct fakehost *h = of(ctx);

    return note(ctx, h->events, &h->n_events,
                fake_format(ctx, "meta %s %s", key, fake_json_text(ctx, value)));
}

kmcp_rc fake_suggest(kmcp_ctx *ctx, const char *value)
{
    struct fakehost *h = of(ctx);

    return note(ctx, h->values, &h->n_values, fake_format(ctx, "%s", value));
}

kmcp_rc fake_ask(kmcp_ctx *ctx, const struct kmcp_ask *q, const kmcp_json **answer)
{
    static const uint32_t needs[] = { KMCP_CAN_FORM, KMCP_CAN_URL, KMCP_CAN_SAMPLE, KMCP_CAN_ROOTS };
    struct fakehost *h = of(ctx);

    *answer = NULL;
    if (!q->struct_size || q->kind > KMCP_ASK_ROOTS || !q->key)
        return fake_fail(ctx, KMCP_E_BUG, "a malformed question");
    for (int i = 0; i < h->n_replies; i++)
        if (strcmp(h->replies[i][0], q->key) == 0) {
            *answer = fake_json_new(ctx, h->replies[i][1]);
            return KMCP_OK;
        }
    if (!h->planning && h->tool && h->tool->safety != KMCP_READ)
        return fake_fail(ctx, KMCP_E_BUG, "asked in the run() of a tool that acts");
    if (!(h->can & needs[q->kind]))
        return fake_fail(ctx, KMCP_E_DENIED, "the client does not offer what \"%s\" needs", q->key);
    note(ctx, h->asked, &h->n_asked, fake_format(ctx, "%s", q->key));
    return KMCP_AGAIN;
}

kmcp_rc fake_keep(kmcp_ctx *ctx, const char *key, const kmcp_json *value)
{
    struct fakehost *h = of(ctx);
    kmcp_json *all = fake_json_new(ctx, h->kept ? h->kept : "{}");

    if (fake_json_set(ctx, all, key, value) != KMCP_OK)
        return KMCP_E_NOMEM;
    free(h->kept);
    h->kept = cJSON_PrintUnformatted(in(all));
    return KMCP_OK;
}

const kmcp_json *fake_kept(kmcp_ctx *ctx, const char *key)
{
    struct fakehost *h = of(ctx);

    return h->kept ? fake_json_get(fake_json_new(ctx, h->kept), key) : NULL;
}

uint32_t fake_client_can(kmcp_ctx *ctx)
{
    return of(ctx)->can;
}

void fake_tell(kmcp_ctx *ctx, uint32_t level, const char *fmt, ...)
{
    struct fakehost *h = of(ctx);
    va_list args;

    va_start(args, fmt);
    note(ctx, h->events, &h->n_events,
         fake_format(ctx, "tell %u %s", (unsigned)level, fake_vformat(h, fmt, args)));
    va_end(args);
}

kmcp_rc fake_wait(kmcp_ctx *ctx, uint32_t ms) /* no time passes in a test */
{
    struct fakehost *h = of(ctx);

    note(ctx, h->events, &h->n_events, fake_format(ctx, "wait %u", (unsigned)ms));
    return h->cancelled ? fake_fail(ctx, KMCP_E_CANCELLED, "the call was cancelled") : KMCP_OK;
}

void fake_let_go(kmcp_ctx *ctx, uint32_t retry_ms)
{
    struct fakehost *h = of(ctx);

    note(ctx, h->events, &h->n_events, fake_format(ctx, "let_go %u", (unsigned)retry_ms));
}

kmcp_rc fake_show(kmcp_ctx *ctx, uint32_t list, const char *name, int shown)
{
    struct fakehost *h = of(ctx);

    if (!(h->plugin->features & KMCP_FEATURE_SHOW))
        return fake_fail(ctx, KMCP_E_BUG, "show() without KMCP_FEATURE_SHOW");
    return note(ctx, h->events, &h->n_events,
                fake_format(ctx, "%s %u %s", shown ? "show" : "hide", (unsigned)list, name));
}

kmcp_rc fake_updated(kmcp_ctx *ctx, const char *uri)
{
    struct fakehost *h = of(ctx);

    return note(ctx, h->events, &h->n_events, fake_format(ctx, "updated %s", uri));
}
