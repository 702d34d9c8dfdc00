/* tools.c - tool definitions as a client sees them, spelled per revision.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "tools.h"

void tools_init(struct tools *t, struct host *host)
{
    memset(t, 0, sizeof *t);
    t->host = host;
    pthread_mutex_init(&t->lock, NULL);
}

void tools_free(struct tools *t)
{
    for (size_t i = 0; i < TOOLS_VARIANTS; i++)
        free(t->texts[i]);
    pthread_mutex_destroy(&t->lock);
}

/* All four hints, always: their defaults are pessimistic, and some clients show them. Reading a secret is not
 * called read-only: some clients run what is without asking. */
static void add_annotations(struct buf *out, const struct kmcp_tool *d)
{
    bool reads = d->safety == KMCP_READ;

    buf_printf(out,
               ",\"annotations\":{\"readOnlyHint\":%s,\"destructiveHint\":%s,\"idempotentHint\":%s,"
               "\"openWorldHint\":true}",
               reads ? "true" : "false", d->safety == KMCP_DESTROY ? "true" : "false",
               reads || d->safety == KMCP_REVEAL || (d->flags & KMCP_TOOL_IDEMPOTENT) ? "true" : "false");
}

void tools_add(struct buf *out, const struct tool *tool, const struct rev *rev, bool structured)
{
    const struct kmcp_tool *d = &tool->decl;

    buf_puts(out, "{\"name\":");
    json_quote(out, d->name);
    if (rev->features & REV_TITLE) {
        buf_puts(out, ",\"title\":");
        json_quote(out, d->title);
    }
    buf_puts(out, ",\"description\":");
    json_quote(out, d->description);
    buf_printf(out, ",\"inputSchema\":%s", schema_text(tool->input));
    if (tool->output && structured && (rev->features & REV_STRUCTURED))
        buf_printf(out, ",\"outputSchema\":%s", schema_text(tool->output));
    if (rev->features & REV_ANNOTATIONS)
        add_annotations(out, d);
    buf_putc(out, '}');
}

static char *make_list(struct tools *t, const struct rev *rev)
{
    const struct registry *r = &t->host->registry;
    char why[400], *text;
    struct buf out;
    bool any = false;

    buf_init(&out, 16 << 20);
    buf_puts(&out, "\"tools\":[");
    for (size_t i = 0; i < r->n_tools; i++) {
        if (!policy_offers(&t->host->policy, r->tools[i]->decl.safety, why, sizeof why))
            continue;
        if (any)
            buf_putc(&out, ',');
        tools_add(&out, r->tools[i], rev, t->host->structured);
        any = true;
    }
    buf_putc(&out, ']');
    text = buf_steal(&out);
    buf_free(&out);
    return text;
}

const char *tools_list(struct tools *t, const struct rev *rev)
{
    size_t variant = (rev->features & REV_ANNOTATIONS ? 1u : 0u) + (rev->features & REV_TITLE ? 2u : 0u) +
                     (rev->features & REV_STRUCTURED ? 4u : 0u);
    const char *text;

    pthread_mutex_lock(&t->lock);
    if (!t->texts[variant])
        t->texts[variant] = make_list(t, rev);
    text = t->texts[variant];
    pthread_mutex_unlock(&t->lock);
    return text;
}
