/* lists.c - what there is, as a client sees it, spelled per revision.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/json.h"
#include "lists.h"
#include "server.h"

#define CURSOR_MAC 16 /* bytes of the HMAC that a cursor carries */

void lists_init(struct lists *l, struct host *host)
{
    memset(l, 0, sizeof *l);
    l->host = host;
    pthread_mutex_init(&l->lock, NULL);
}

static void forget(struct lists *l)
{
    for (size_t k = 0; k < LIST_KINDS; k++)
        for (size_t r = 0; r < REV_COUNT; r++) {
            free(l->kept[k][r]);
            l->kept[k][r] = NULL;
        }
}

void lists_free(struct lists *l)
{
    forget(l);
    pthread_mutex_destroy(&l->lock);
}

void lists_changed(struct lists *l)
{
    pthread_mutex_lock(&l->lock);
    forget(l);
    l->generation++;
    pthread_mutex_unlock(&l->lock);
}

/* ---- one definition ---- */

static void add_str(struct buf *out, const char *key, const char *value)
{
    if (!value)
        return;
    buf_printf(out, ",\"%s\":", key);
    json_quote(out, value);
}

/* The two that clients act on, always: their defaults are pessimistic, and some clients show them. The others
 * where they are not the default (MCP server/tools, ToolAnnotations); a model pays for each byte. Reading a
 * secret is not called read-only: some clients run what is without asking. */
static void add_annotations(struct buf *out, const struct kmcp_tool *d)
{
    bool reads = d->safety == KMCP_READ;

    buf_printf(out, ",\"annotations\":{\"readOnlyHint\":%s,\"destructiveHint\":%s%s}",
               reads ? "true" : "false", d->safety == KMCP_DESTROY ? "true" : "false",
               !reads && (d->safety == KMCP_REVEAL || (d->flags & KMCP_TOOL_IDEMPOTENT))
                   ? ",\"idempotentHint\":true"
                   : "");
}

/* Does TITLE say more than NAME does? "Get device" says nothing beside get_device. */
static bool says_more(const char *title, const char *name)
{
    while (title && (*title || *name)) {
        title += strspn(title, " ");
        name += strspn(name, "_");
        if ((*title | 0x20) != (*name | 0x20) && (*title || *name))
            return true;
        title += *title != '\0';
        name += *name != '\0';
    }
    return false;
}

void lists_add_tool(struct buf *out, const struct tool *tool, const struct rev *rev, bool structured)
{
    const struct kmcp_tool *d = &tool->decl;

    buf_puts(out, "{\"name\":");
    json_quote(out, d->name);
    if ((rev->features & REV_TITLE) && says_more(d->title, d->name))
        add_str(out, "title", d->title);
    add_str(out, "description", d->description);
    buf_printf(out, ",\"inputSchema\":%s", schema_text(tool->input));
    if (tool->output && structured && (rev->features & REV_STRUCTURED))
        buf_printf(out, ",\"outputSchema\":%s", schema_text(tool->output));
    if (rev->features & REV_ANNOTATIONS)
        add_annotations(out, d);
    if (d->icons && (rev->features & REV_ICONS))
        buf_printf(out, ",\"icons\":%s", d->icons);
    buf_putc(out, '}');
}

void lists_add_get_job(struct buf *out, const struct rev *rev)
{
    buf_puts(out, "{\"name\":\"get_job\",");
    if (rev->features & REV_TITLE)
        buf_puts(out, "\"title\":\"Get a job's result\",");
    buf_puts(out, "\"description\":\"The state or result of a job that another tool started.\","
                  "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"job_id\":{\"type\":\"string\"}},"
                  "\"required\":[\"job_id\"],\"additionalProperties\":false}");
    if (rev->features & REV_ANNOTATIONS)
        buf_puts(
            out,
            ",\"annotations\":{\"readOnlyHint\":true,\"destructiveHint\":false,\"openWorldHint\":false}");
    buf_putc(out, '}');
}

bool lists_have_get_job(const struct host *host)
{
    return registry_has_tool_flag(&host->registry, KMCP_TOOL_TASK | KMCP_TOOL_TASK_ONLY);
}

static void add_prompt(struct buf *out, const struct prompt *p, const struct rev *rev)
{
    buf_puts(out, "{\"name\":");
    json_quote(out, p->decl.name);
    if (rev->features & REV_TITLE)
        add_str(out, "title", p->decl.title);
    add_str(out, "description", p->decl.description);
    if (p->n_args)
        buf_puts(out, ",\"arguments\":[");
    for (size_t i = 0; i < p->n_args; i++) {
        buf_puts(out, i ? ",{\"name\":" : "{\"name\":");
        json_quote(out, p->args[i].name);
        if (rev->features & REV_TITLE)
            add_str(out, "title", p->args[i].title);
        add_str(out, "description", p->args[i].description);
        buf_printf(out, ",\"required\":%s}", p->args[i].flags & KMCP_ARG_REQUIRED ? "true" : "false");
    }
    if (p->n_args)
        buf_putc(out, ']');
    if (p->decl.icons && (rev->features & REV_ICONS))
        buf_printf(out, ",\"icons\":%s", p->decl.icons);
    buf_putc(out, '}');
}

static void add_resource(struct buf *out, const struct resource *r, const struct rev *rev)
{
    buf_puts(out, r->is_template ? "{\"uriTemplate\":" : "{\"uri\":");
    json_quote(out, r->decl.uri);
    add_str(out, "name", r->decl.name);
    if (rev->features & REV_TITLE)
        add_str(out, "title", r->decl.title);
    add_str(out, "description", r->decl.description);
    add_str(out, "mimeType", r->decl.mime_type);
    if (r->decl.icons && (rev->features & REV_ICONS))
        buf_printf(out, ",\"icons\":%s", r->decl.icons);
    buf_putc(out, '}');
}

/* ---- a page of them ---- */

static bool shown(const int *hidden)
{
    return __atomic_load_n(hidden, __ATOMIC_ACQUIRE) == 0;
}

struct page {
    struct buf *out;
    const struct rev *rev;
    size_t from, room; /* items to leave out; items to take */
    size_t seen, taken;
    bool more;
};

/* Is the next item on this page? Then its comma is written. */
static bool take(struct page *p)
{
    if (p->seen++ < p->from)
        return false;
    if (p->taken == p->room) {
        p->more = true;
        return false;
    }
    if (p->taken++)
        buf_putc(p->out, ',');
    return true;
}

static void page_of_tools(struct lists *l, struct page *p, uint32_t scopes)
{
    const struct registry *r = &l->host->registry;
    bool jobs = lists_have_get_job(l->host);
    char why[400];

    for (size_t i = 0; i <= r->n_tools; i++) {
        const struct tool *tool = i < r->n_tools ? r->tools[i] : NULL;

        if (jobs && (!tool || strcmp(tool->decl.name, LISTS_GET_JOB) > 0)) {
            jobs = false;
            if (take(p))
                lists_add_get_job(p->out, p->rev);
        }
        if (tool && shown(&tool->hidden) && (scopes & SCOPE(tool->decl.safety)) &&
            policy_offers(&l->host->policy, tool->decl.safety, why, sizeof why) && take(p))
            lists_add_tool(p->out, tool, p->rev, l->host->structured);
    }
}

static void page_of(struct lists *l, enum list_kind kind, struct page *p, uint32_t scopes)
{
    const struct registry *r = &l->host->registry;
    bool reads = scopes & SCOPE(KMCP_READ);

    if (kind == LIST_TOOLS)
        page_of_tools(l, p, scopes);
    for (size_t i = 0; kind == LIST_PROMPTS && reads && i < r->n_prompts; i++)
        if (shown(&r->prompts[i]->hidden) && take(p))
            add_prompt(p->out, r->prompts[i], p->rev);
    for (size_t i = 0; (kind == LIST_RESOURCES || kind == LIST_TEMPLATES) && reads && i < r->n_resources; i++)
        if (r->resources[i]->is_template == (kind == LIST_TEMPLATES) && shown(&r->resources[i]->hidden) &&
            take(p))
            add_resource(p->out, r->resources[i], p->rev);
}

/* A cursor says where in which list of which generation, and that it is ours. */
static bool cursor_mac(struct lists *l, enum list_kind kind, uint64_t generation, size_t from,
                       uint8_t mac[DIGEST_SIZE])
{
    const uint8_t *key = host_key(l->host);
    char text[80];
    int n = snprintf(text, sizeof text, "cursor 1 %d %llu %zu", (int)kind, (unsigned long long)generation,
                     from);

    return key && digest_hmac(key, DIGEST_SIZE, text, (size_t)n, mac);
}

static bool add_cursor(struct lists *l, enum list_kind kind, uint64_t generation, size_t from,
                       struct buf *out)
{
    uint8_t mac[DIGEST_SIZE];
    char text[40];

    if (!cursor_mac(l, kind, generation, from, mac))
        return false;
    digest_b64url(mac, CURSOR_MAC, text);
    return buf_printf(out, ",\"nextCursor\":\"%zu.%s\"", from, text);
}

static bool read_cursor(struct lists *l, enum list_kind kind, uint64_t generation, const char *cursor,
                        size_t *from)
{
    uint8_t mac[DIGEST_SIZE], given[64];
    size_t digits = strspn(cursor, "0123456789");

    if (!digits || digits > 9 || cursor[digits] != '.' || strlen(cursor) > 60)
        return false;
    *from = strtoul(cursor, NULL, 10);
    return digest_b64url_decode(cursor + digits + 1, strlen(cursor + digits + 1), given) == CURSOR_MAC &&
           cursor_mac(l, kind, generation, *from, mac) && digest_equal(mac, given, CURSOR_MAC);
}

static bool make_page(struct lists *l, enum list_kind kind, uint64_t generation, const struct rev *rev,
                      uint32_t scopes, size_t from, struct buf *out)
{
    static const char *const names[] = { "tools", "prompts", "resources", "resourceTemplates" };
    struct page p = { .out = out, .rev = rev, .from = from, .room = l->host->list_page };

    buf_printf(out, "\"%s\":[", names[kind]);
    page_of(l, kind, &p, scopes);
    buf_putc(out, ']');
    return !p.more || add_cursor(l, kind, generation, from + p.taken, out);
}

bool lists_page(struct lists *l, enum list_kind kind, const struct rev *rev, uint32_t scopes,
                const char *cursor, struct buf *out)
{
    bool keep = !cursor && scopes == SCOPE_ALL, done = false;
    char **kept = &l->kept[kind][rev_index(rev)];
    uint64_t generation;
    size_t from = 0;

    pthread_mutex_lock(&l->lock);
    generation = l->generation;
    if (keep && *kept)
        done = buf_puts(out, *kept);
    pthread_mutex_unlock(&l->lock);
    if (done)
        return true;
    if (cursor && !read_cursor(l, kind, generation, cursor, &from))
        return false;
    if (!make_page(l, kind, generation, rev, scopes, from, out))
        return false;
    pthread_mutex_lock(&l->lock);
    if (keep && !*kept && generation == l->generation && !out->failed)
        *kept = strdup(out->data);
    pthread_mutex_unlock(&l->lock);
    return true;
}
