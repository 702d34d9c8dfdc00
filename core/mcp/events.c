/* events.c - what clients hear unasked: lists that change, resources that are updated, tasks that go on.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/uri.h"
#include "request.h"

#define LISTENING_MAX      4096 /* subscriptions/listen at once */
#define LISTENING_URIS_MAX 1024 /* resources, or tasks, of one */

static const char *const list_names[] = { "tools", "prompts", "resources" };

/* ---- subscriptions/listen ---- */

void listening_free(struct listening *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n_uris; i++)
        free(l->uris[i]);
    for (size_t i = 0; i < l->n_tasks; i++)
        free(l->tasks[i]);
    free(l->uris);
    free(l->tasks);
    free(l);
}

/* The strings of LIST that KEEP wants; false if it is no list of strings. */
static bool take_strings(struct request *r, const kmcp_json *list,
                         bool (*keep)(struct request *, const char *), char ***out, size_t *n)
{
    if (!list)
        return true;
    if (json_kind(list) != KMCP_JSON_ARRAY || json_len(list) > LISTENING_URIS_MAX ||
        !(*out = calloc(json_len(list) + 1, sizeof **out)))
        return false;
    for (const kmcp_json *item = json_first(list); item; item = json_next(item)) {
        if (!json_str(item))
            return false;
        if (keep(r, json_str(item)) && !((*out)[(*n)++] = strdup(json_str(item))))
            return false;
    }
    return true;
}

static bool can_update(struct request *r, const char *uri)
{
    const struct resource *found;
    kmcp_json *vars;

    found = uri_is_valid(uri) ? registry_resource_at(&r->server->host->registry, &r->arena, uri, &vars)
                              : NULL;
    return found && (found->decl.flags & KMCP_RESOURCE_UPDATES) && (r->scopes & SCOPE(KMCP_READ));
}

static bool is_own_task(struct request *r, const char *id)
{
    return tasks_known(r->server, id, r->principal);
}

/* What was asked for and is honoured; a sentence if it is malformed. */
static const char *read_filter(struct request *r, const kmcp_json *filter, struct listening *l)
{
    static const char *const keys[] = { "toolsListChanged", "promptsListChanged", "resourcesListChanged" };
    bool changes = registry_has_feature(&r->server->host->registry, KMCP_FEATURE_SHOW);

    for (size_t i = 0; i < 3; i++)
        l->lists[i] = changes && json_is_true(json_get(filter, keys[i]));
    if (!take_strings(r, json_get(filter, "resourceSubscriptions"), can_update, &l->uris, &l->n_uris))
        return "\"resourceSubscriptions\" must be a list of at most 1024 URIs";
    if (!take_strings(r, json_get(filter, "taskIds"), is_own_task, &l->tasks, &l->n_tasks))
        return "\"taskIds\" must be a list of at most 1024 ids";
    return NULL;
}

static void add_strings(struct buf *out, const char **comma, const char *key, char *const *list, size_t n)
{
    if (!n)
        return;
    buf_printf(out, "%s\"%s\":[", *comma, key);
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_putc(out, ',');
        json_quote(out, list[i]);
    }
    buf_putc(out, ']');
    *comma = ",";
}

static void add_subscription(struct buf *out, const struct request *r)
{
    buf_puts(out, "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":");
    buf_add(out, r->message.id.text, r->message.id.len);
    buf_puts(out, "}");
}

static void acknowledge(struct request *r)
{
    const struct listening *l = r->listening;
    const char *comma = "";
    struct buf out;

    buf_init(&out, 1 << 22);
    buf_puts(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{"
                   "\"notifications\":{");
    for (size_t i = 0; i < 3; i++)
        if (l->lists[i]) {
            buf_printf(&out, "%s\"%sListChanged\":true", comma, list_names[i]);
            comma = ",";
        }
    add_strings(&out, &comma, "resourceSubscriptions", l->uris, l->n_uris);
    add_strings(&out, &comma, "taskIds", l->tasks, l->n_tasks);
    buf_puts(&out, "},");
    add_subscription(&out, r);
    buf_puts(&out, "}}");
    request_write(r, &out);
    buf_free(&out);
}

static size_t count_listening(const struct server *s)
{
    size_t n = 0;

    for (const struct request *r = s->under_way; r; r = r->next)
        n += r->listening != NULL;
    return n;
}

static void refuse(struct request *r, int status, int code, const char *why, const char *data)
{
    request_error_as(r, status, code, why, data);
    request_free(r);
}

void do_listen(struct request *r)
{
    const kmcp_json *filter = json_get(r->message.params, "notifications");
    struct server *s = r->server;
    const char *why;
    bool room;

    if (json_kind(filter) != KMCP_JSON_OBJECT) {
        refuse(r, 400, RPC_PARAMS, "\"notifications\" must be an object that says what to listen to", NULL);
        return;
    }
    if (json_get(filter, "taskIds") && !(r->context.can & KMCP_CAN_TASKS)) {
        refuse(r, 400, RPC_LACKS, "\"taskIds\" needs the extension io.modelcontextprotocol/tasks",
               "{\"requiredCapabilities\":{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}}");
        return;
    }
    if (r->sink->ops->streams && !r->sink->ops->streams(r->sink)) {
        refuse(r, 406, RPC_INVALID, "listening needs a client that accepts text/event-stream", NULL);
        return;
    }
    r->listening = calloc(1, sizeof *r->listening);
    why = r->listening ? read_filter(r, filter, r->listening) : "out of memory";
    if (why) {
        refuse(r, 200, RPC_PARAMS, why, NULL);
        return;
    }
    pthread_mutex_lock(&s->lock);
    room = count_listening(s) < LISTENING_MAX;
    if (room) { /* acknowledged before anything else can be heard */
        r->next = s->under_way;
        s->under_way = r;
        acknowledge(r);
    }
    pthread_mutex_unlock(&s->lock);
    if (!room)
        refuse(r, 200, RPC_INTERNAL, "too many subscriptions are open", NULL);
}

void server_end_listening(struct server *s)
{
    struct request *ended = NULL, *r;

    pthread_mutex_lock(&s->lock);
    for (struct request *each = s->under_way, *next; each; each = next) {
        next = each->next;
        if (!each->listening)
            continue;
        calls_unlink(s, each);
        each->next = ended;
        ended = each;
    }
    pthread_mutex_unlock(&s->lock);
    while ((r = ended)) {
        struct buf out, meta;

        ended = r->next;
        buf_init(&out, 1 << 16);
        buf_init(&meta, 1 << 12);
        buf_puts(&meta, "\"io.modelcontextprotocol/subscriptionId\":");
        buf_add(&meta, r->message.id.text, r->message.id.len);
        encode_result(&out, r->context.rev, r->message.id, "complete", "", ENCODE_TTL_NONE, meta.data);
        request_respond(r, 200, &out);
        if (strcmp(r->transport, "stdio") == 0) {
            buf_reset(&out);
            buf_puts(
                &out,
                "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":");
            buf_add(&out, r->message.id.text, r->message.id.len);
            buf_puts(&out, "}}");
            request_write(r, &out);
        }
        buf_free(&meta);
        buf_free(&out);
        request_free(r);
    }
}

/* ---- resources/subscribe, unsubscribe ---- */

static void subscribe(struct request *r, bool on)
{
    const char *uri = json_str(json_get(r->message.params, "uri"));

    if (!uri)
        request_error(r, RPC_PARAMS, "\"uri\" must be a string: the resource", NULL);
    else if (on && !can_update(r, uri))
        request_error(r, RPC_MISSING, "there is no such resource that is ever updated", NULL);
    else if (!session_subscribe(r->session, uri, on))
        request_error(r, RPC_INTERNAL, "too many subscriptions; end some first", NULL);
    else
        request_result(r, "", ENCODE_TTL_NONE);
}

void do_subscribe(struct request *r)
{
    subscribe(r, true);
}

void do_unsubscribe(struct request *r)
{
    subscribe(r, false);
}

/* ---- publishing ---- */

static bool has(char *const *list, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], what) == 0)
            return true;
    return false;
}

/* {"method": METHOD, "params": {MEMBERS, _meta}} for one listener. */
static void notify_listener(struct request *r, const char *method, const char *members)
{
    struct buf out;

    buf_init(&out, ENCODE_MAX);
    buf_printf(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{%s%s", method, members,
               *members ? "," : "");
    add_subscription(&out, r);
    buf_puts(&out, "}}");
    request_write(r, &out);
    buf_free(&out);
}

static void notify_session(struct session *session, const char *method, const char *members)
{
    struct sink *sink = session_standing(session);
    struct buf out;

    if (!sink)
        return;
    buf_init(&out, 1 << 16);
    if (*members)
        buf_printf(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{%s}}", method, members);
    else
        buf_printf(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\"}", method);
    sink->ops->write(sink, out.data, out.len);
    sink_drop(sink);
    buf_free(&out);
}

void events_publish(void *server, uint32_t list, const char *uri)
{
    static const char *const changed[] = { "notifications/tools/list_changed",
                                           "notifications/prompts/list_changed",
                                           "notifications/resources/list_changed" };
    const char *method = uri ? "notifications/resources/updated" : changed[list];
    struct server *s = server;
    struct buf members;

    if (!uri)
        lists_changed(&s->lists);
    buf_init(&members, 1 << 14);
    if (uri) {
        buf_puts(&members, "\"uri\":");
        json_quote(&members, uri);
    }
    pthread_mutex_lock(&s->lock);
    for (struct request *r = s->under_way; r; r = r->next)
        if (r->listening &&
            (uri ? has(r->listening->uris, r->listening->n_uris, uri) : r->listening->lists[list]))
            notify_listener(r, method, uri ? members.data : "");
    for (struct session *session = s->sessions; session; session = session->next)
        if (!uri || session_subscribed(session, uri))
            notify_session(session, method, uri ? members.data : "");
    pthread_mutex_unlock(&s->lock);
    buf_free(&members);
}

void events_task(struct server *s, const char *id, const char *members)
{
    for (struct request *r = s->under_way; r; r = r->next)
        if (r->listening && has(r->listening->tasks, r->listening->n_tasks, id))
            notify_listener(r, "notifications/tasks", members);
}

void server_add_session(struct server *s, struct session *session)
{
    session_hold(session);
    pthread_mutex_lock(&s->lock);
    session->next = s->sessions;
    s->sessions = session;
    pthread_mutex_unlock(&s->lock);
}
