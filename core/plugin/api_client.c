/* api_client.c - the host table's functions towards clients: asking, telling, waiting, what all of them see.
 * What each promises: kmcp/plugin.h.  SPDX-License-Identifier: Apache-2.0 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "api_inner.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/uri.h"

kmcp_rc api_ask(kmcp_ctx *ctx, const struct kmcp_ask *theirs, const kmcp_json **answer)
{
    struct kmcp_ask question;

    if (!theirs->struct_size)
        return api_bug(ctx, "asked without struct_size");
    memset(&question, 0, sizeof question);
    memcpy(&question, theirs, theirs->struct_size < sizeof question ? theirs->struct_size : sizeof question);
    return call_ask(call_of(ctx), &question, answer);
}

kmcp_rc api_keep(kmcp_ctx *ctx, const char *key, const kmcp_json *value)
{
    struct call *c = call_of(ctx);

    if (!c->kept)
        c->kept = api_memory(c, json_object(&c->arena));
    return c->kept && json_set(&c->arena, c->kept, key, value) ? KMCP_OK : api_out_of_memory(ctx);
}

const kmcp_json *api_kept(kmcp_ctx *ctx, const char *key)
{
    return json_get(call_of(ctx)->kept, key);
}

uint32_t api_client_can(kmcp_ctx *ctx)
{
    const struct call *c = call_of(ctx);

    return c->in ? c->in->can : 0;
}

/* ---- while it runs ---- */

void api_tell(kmcp_ctx *ctx, uint32_t level, const char *fmt, ...)
{
    struct call *c = call_of(ctx);
    const char *text;
    struct arena scratch;
    bool ok = true;
    va_list args;

    if (!c->in || !c->in->events.tell || level > KMCP_TELL_EMERGENCY ||
        !(c->plugin->decl.features & KMCP_FEATURE_TELL))
        return;
    arena_init(&scratch, 1 << 20);
    va_start(args, fmt);
    text = arena_vformat(&scratch, fmt, args);
    va_end(args);
    if (text && c->client.redact)
        text = mask_scrub(&scratch, &c->client.seen, text);
    if (text && (text = api_clean(c, text, &ok)))
        c->in->events.tell(c->in->events.arg, level, c->plugin->decl.name, text);
    arena_release(&scratch, 0);
}

kmcp_rc api_wait(kmcp_ctx *ctx, uint32_t ms)
{
    struct call *c = call_of(ctx);
    struct host *host = c->host;
    int64_t until = clock_ms() + ms, last = c->client.deadline_ms;

    if (c->phase == CALL_OPENING)
        return api_bug(ctx, "waited in open()");
    client_waits(host->client, &c->client);
    pthread_mutex_lock(&host->wait_lock);
    while (!api_cancelled(ctx) && clock_ms() < until && clock_ms() < last) {
        struct timespec t = clock_after((until < last ? until : last) - clock_ms());

        pthread_cond_timedwait(&host->wait_wake, &host->wait_lock, &t);
    }
    pthread_mutex_unlock(&host->wait_lock);
    if (api_cancelled(ctx))
        return api_fail(ctx, KMCP_E_CANCELLED, "the call was cancelled");
    if (clock_ms() < until)
        return api_fail(ctx, KMCP_E_TIMEOUT, "%s took longer than this host allows", c->name);
    return KMCP_OK;
}

void api_let_go(kmcp_ctx *ctx, uint32_t retry_ms)
{
    struct call *c = call_of(ctx);

    if (c->in && c->in->events.let_go)
        c->in->events.let_go(c->in->events.arg, retry_ms);
}

/* ---- what all clients see ---- */

static int *hidden_flag(const struct plugin *p, uint32_t list, const char *name)
{
    for (size_t i = 0; list == KMCP_LIST_TOOLS && i < p->n_tools; i++)
        if (strcmp(p->tools[i].decl.name, name) == 0)
            return &p->tools[i].hidden;
    for (size_t i = 0; list == KMCP_LIST_PROMPTS && i < p->n_prompts; i++)
        if (strcmp(p->prompts[i].decl.name, name) == 0)
            return &p->prompts[i].hidden;
    for (size_t i = 0; list == KMCP_LIST_RESOURCES && i < p->n_resources; i++)
        if (strcmp(p->resources[i].decl.uri, name) == 0)
            return &p->resources[i].hidden;
    return NULL;
}

kmcp_rc api_show(kmcp_ctx *ctx, uint32_t list, const char *name, int shown)
{
    struct call *c = call_of(ctx);
    int *flag = hidden_flag(c->plugin, list, name), hide = !shown;

    if (!flag || !(c->plugin->decl.features & KMCP_FEATURE_SHOW))
        return api_bug(ctx, flag ? "called show() without KMCP_FEATURE_SHOW"
                                 : "called show() for what it does not declare");
    if (__atomic_exchange_n(flag, hide, __ATOMIC_ACQ_REL) != hide && c->host && c->host->publish)
        c->host->publish(c->host->publish_arg, list, NULL);
    return KMCP_OK;
}

kmcp_rc api_updated(kmcp_ctx *ctx, const char *uri)
{
    struct call *c = call_of(ctx);
    struct arena scratch;
    struct resource *r;
    kmcp_json *vars;

    arena_init(&scratch, 1 << 16);
    r = uri_is_valid(uri) && c->host ? registry_resource_at(&c->host->registry, &scratch, uri, &vars) : NULL;
    arena_release(&scratch, 0);
    if (!r || r->plugin != c->plugin || !(r->decl.flags & KMCP_RESOURCE_UPDATES))
        return api_bug(ctx, "called updated() for what it does not declare with KMCP_RESOURCE_UPDATES");
    if (c->host->publish)
        c->host->publish(c->host->publish_arg, KMCP_LIST_RESOURCES, uri);
    return KMCP_OK;
}
