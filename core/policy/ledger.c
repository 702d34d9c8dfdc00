/* ledger.c - acts, so that none is done twice.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "ledger.h"

#define SPACE "act"
#define DONE  "done" /* by call */

static const char *const stages[] = { "claimed", "open", "ok", "failed", "unknown" };

const char *ledger_stage_name(enum ledger_stage stage)
{
    return stages[stage];
}

static const char *text_of(struct arena *a, const kmcp_json *object, const char *key)
{
    const char *text = json_str(json_get(object, key));

    return text ? arena_strdup(a, text) : NULL;
}

static bool read_members(struct arena *a, const char *key, const kmcp_json *v, struct ledger_entry *out)
{
    const char *stage = json_str(json_get(v, "stage")), *call = json_str(json_get(v, "call"));
    const kmcp_json *prior = json_get(v, "prior");
    size_t i = 0;

    while (stage && i < sizeof stages / sizeof *stages && strcmp(stage, stages[i]) != 0)
        i++;
    if (!stage || i == sizeof stages / sizeof *stages || !call || strlen(call) >= sizeof out->call ||
        strlen(key) >= sizeof out->key)
        return false;
    out->stage = (enum ledger_stage)i;
    memcpy(out->call, call, strlen(call) + 1);
    memcpy(out->key, key, strlen(key) + 1);
    out->id = text_of(a, v, "id");
    out->tool = text_of(a, v, "tool");
    out->plugin = text_of(a, v, "plugin");
    out->principal = text_of(a, v, "principal");
    out->args = text_of(a, v, "args");
    out->target = text_of(a, v, "target");
    out->request = text_of(a, v, "request");
    out->text = text_of(a, v, "text");
    out->structured = text_of(a, v, "structured");
    out->host = text_of(a, v, "host");
    json_int(json_get(v, "api"), &out->api_ms);
    json_int(json_get(v, "ended"), &out->ended_ms);
    json_int(json_get(v, "after"), &out->after_ms);
    json_int(json_get(v, "ending"), &out->ending_ms);
    out->owed = json_is_true(json_get(v, "owed"));
    if (prior) {
        if (!(out->prior = arena_alloc(a, sizeof *out->prior)))
            return false;
        *out->prior = (struct ledger_entry){ .version = 0 };
        if (!read_members(a, key, prior, out->prior))
            return false;
    }
    return json_int(json_get(v, "at"), &out->at_ms) && json_int(json_get(v, "until"), &out->until_ms) &&
           json_int(json_get(v, "pid"), &out->pid) && out->id && out->tool && out->host;
}

static bool read_entry(struct arena *a, const char *key, const struct state_record *record,
                       struct ledger_entry *out)
{
    *out = (struct ledger_entry){ .version = record->version };
    return read_members(a, key, json_parse(a, record->value, record->len, 0, NULL), out);
}

static enum state_rc get(struct state *s, struct arena *a, const char *space, const char *key,
                         struct ledger_entry *out)
{
    struct state_record record;
    enum state_rc rc = state_get(s, space, key, &record);

    if (rc != STATE_YES)
        return rc;
    rc = read_entry(a, key, &record, out) ? STATE_YES : STATE_LOST;
    free(record.value);
    return rc;
}

enum state_rc ledger_get(struct state *s, struct arena *a, const char *key, struct ledger_entry *out)
{
    return get(s, a, SPACE, key, out);
}

enum state_rc ledger_done(struct state *s, struct arena *a, const char *call, struct ledger_entry *out)
{
    return get(s, a, DONE, call, out);
}

static bool add(struct arena *a, kmcp_json *v, const char *key, const char *text)
{
    return !text || json_set(a, v, key, json_string(a, text));
}

static kmcp_json *members(struct arena *a, const struct ledger_entry *e)
{
    kmcp_json *v = json_object(a), *prior = NULL;

    if (!add(a, v, "stage", stages[e->stage]) || !add(a, v, "call", e->call) || !add(a, v, "id", e->id) ||
        !add(a, v, "tool", e->tool) || !add(a, v, "plugin", e->plugin) ||
        !add(a, v, "principal", e->principal) || !add(a, v, "args", e->args) ||
        !add(a, v, "target", e->target) || !add(a, v, "request", e->request) || !add(a, v, "text", e->text) ||
        !add(a, v, "structured", e->structured) || !add(a, v, "host", e->host) ||
        !json_set(a, v, "at", json_integer(a, e->at_ms)) ||
        !json_set(a, v, "api", json_integer(a, e->api_ms)) ||
        !json_set(a, v, "ended", json_integer(a, e->ended_ms)) ||
        !json_set(a, v, "after", json_integer(a, e->after_ms)) ||
        !json_set(a, v, "until", json_integer(a, e->until_ms)) ||
        !json_set(a, v, "pid", json_integer(a, e->pid)) ||
        (e->owed && !json_set(a, v, "owed", json_boolean(a, true))) ||
        (e->ending_ms && !json_set(a, v, "ending", json_integer(a, e->ending_ms))) ||
        (e->prior && (!(prior = members(a, e->prior)) || !json_set(a, v, "prior", prior))))
        return NULL;
    return v;
}

static const char *write_entry(struct arena *a, const struct ledger_entry *e)
{
    const kmcp_json *v = members(a, e);

    return v ? json_text(a, v) : NULL;
}

enum state_rc ledger_put(struct state *s, struct arena *a, struct ledger_entry *e, int64_t keep_ms)
{
    const char *text = write_entry(a, e);
    enum state_rc rc;

    if (!text)
        return STATE_LOST;
    rc = state_put(s, SPACE, e->key, e->version, text, strlen(text), state_now(s) + keep_ms);
    if (rc == STATE_YES)
        e->version++;
    return rc;
}

enum state_rc ledger_end(struct state *s, struct arena *a, struct ledger_entry *e, int64_t keep_ms,
                         int64_t repeat_ms)
{
    struct ledger_entry before;
    int64_t version = e->version;
    const char *text;

    if (e->stage == LEDGER_FAILED && e->prior && !e->owed) {
        *e = *e->prior;
        e->version = version;
    }
    if (e->stage == LEDGER_OK)
        e->prior = NULL;
    if (!(text = write_entry(a, e)))
        return STATE_LOST;
    if (e->stage == LEDGER_OK && repeat_ms) {
        if (ledger_done(s, a, e->call, &before) != STATE_YES)
            before.version = 0;
        if (state_put(s, DONE, e->call, before.version, text, strlen(text), state_now(s) + repeat_ms) ==
            STATE_LOST)
            return STATE_LOST;
    }
    return ledger_put(s, a, e, keep_ms);
}

static const char *this_host(struct arena *a)
{
    char name[256] = "";

    gethostname(name, sizeof name - 1);
    return arena_strdup(a, name);
}

void ledger_sign(struct arena *a, struct ledger_entry *e)
{
    e->host = this_host(a);
    e->pid = (int64_t)getpid();
}

static bool is_gone(const struct ledger_entry *e)
{
    char name[256] = "";

    gethostname(name, sizeof name - 1);
    return e->host && strcmp(name, e->host) == 0 && kill((pid_t)e->pid, 0) != 0 && errno == ESRCH;
}

bool ledger_is_dead(const struct ledger_entry *e, int64_t now_ms)
{
    return now_ms > e->until_ms || is_gone(e);
}

bool ledger_is_ending(const struct ledger_entry *e, int64_t now_ms)
{
    return now_ms < e->ending_ms && !is_gone(e);
}

struct gather {
    struct arena *a;
    struct ledger_entry *list;
    size_t n, cap, bad;
    bool open_only, ok;
};

static bool gather(void *arg, const char *key, const struct state_record *record)
{
    struct gather *g = arg;
    struct ledger_entry e;

    if (!read_entry(g->a, key, record, &e)) {
        g->bad++;
        return true;
    }
    if (g->open_only && !e.owed && e.stage != LEDGER_CLAIMED && e.stage != LEDGER_OPEN &&
        e.stage != LEDGER_UNKNOWN)
        return true;
    if (g->n == g->cap) {
        size_t cap = g->cap ? 2 * g->cap : 16;
        struct ledger_entry *grown = arena_alloc(g->a, cap * sizeof *grown);

        if (!grown)
            return g->ok = false;
        if (g->n)
            memcpy(grown, g->list, g->n * sizeof *grown);
        g->list = grown;
        g->cap = cap;
    }
    g->list[g->n++] = e;
    return true;
}

enum state_rc ledger_all(struct state *s, struct arena *a, bool open_only, struct ledger_entry **out,
                         size_t *n, size_t *bad)
{
    struct gather g = { .a = a, .open_only = open_only, .ok = true };
    enum state_rc rc = state_each(s, SPACE, gather, &g);

    *out = g.list;
    *n = g.n;
    *bad = g.bad;
    return rc == STATE_YES && !g.ok ? STATE_LOST : rc;
}
