/* audit.c - the record: intent before, outcome after.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit.h"
#include "audit_file.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "case.h"

#define TEXT_MAX 300

/* An intent without an outcome yet. */
struct open_intent {
    struct open_intent *next;
    char id[33], tool[65];
    int64_t since_ms;
};

struct audit {
    pthread_mutex_t lock;
    struct audit_file file;
    uint64_t seq;
    struct open_intent *open;
};

/* Where state is kept when the INI does not say: $XDG_STATE_HOME, ~/.local/state, and for root /var/lib. */
static bool default_path(char *out, size_t size)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (geteuid() == 0)
        return snprintf(out, size, "/var/lib/kmcp/audit.jsonl") < (int)size;
    if (state && *state == '/')
        return snprintf(out, size, "%s/kmcp/audit.jsonl", state) < (int)size;
    return home && *home == '/' && snprintf(out, size, "%s/.local/state/kmcp/audit.jsonl", home) < (int)size;
}

struct audit *audit_new(struct config *c)
{
    const char *path = config_str(c, "audit", "file", NULL);
    const struct config_entry *e = config_find(c, "audit", "file");
    struct audit *a = calloc(1, sizeof *a);
    char dflt[600] = "";

    if (path && *path != '/') {
        config_fail(c, e->line, "the audit file must be a full path, beginning with /");
        free(a);
        return NULL;
    }
    if (!path && default_path(dflt, sizeof dflt))
        path = dflt;
    if (!a || !audit_file_init(&a->file, path ? path : "")) {
        config_fail(c, 0, "out of memory");
        free(a);
        return NULL;
    }
    pthread_mutex_init(&a->lock, NULL);
    return a;
}

void audit_free(struct audit *a)
{
    if (!a)
        return;
    for (struct open_intent *o = a->open, *next; o; o = next) {
        next = o->next;
        free(o);
    }
    audit_file_close(&a->file);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

const char *audit_path(const struct audit *a)
{
    return a->file.path;
}

bool audit_ready(struct audit *a, char *why, size_t why_size)
{
    bool ok;

    pthread_mutex_lock(&a->lock);
    ok = audit_file_open(&a->file, why, why_size);
    pthread_mutex_unlock(&a->lock);
    return ok;
}

/* ---- one record ---- */

/* TEXT as a JSON string, neutralised, at most TEXT_MAX bytes of it. */
static void quote(struct buf *b, const char *text)
{
    struct buf clean;
    size_t len = strlen(text);

    if (len > TEXT_MAX)
        for (len = TEXT_MAX; len && ((unsigned char)text[len] & 0xC0) == 0x80;)
            len--;
    buf_init(&clean, 8 * 1024);
    text_neutral(&clean, text, len);
    json_quote(b, clean.data ? clean.data : "");
    buf_free(&clean);
}

static void add_str(struct buf *b, const char *key, const char *value)
{
    if (!value)
        return;
    buf_printf(b, ",\"%s\":", key);
    quote(b, value);
}

/* Names one of the facts that name a person or the one device. */
static bool is_personal(const char *name)
{
    static const char *const personal[] = { "name", "serial", "user", "user_name" };

    for (size_t i = 0; i < sizeof personal / sizeof *personal; i++)
        if (strcmp(name, personal[i]) == 0)
            return true;
    return false;
}

static void add_facts(struct buf *b, const struct audit_call *call, size_t subject)
{
    bool any = false;

    for (size_t i = 0; i < call->n_facts; i++) {
        const struct policy_fact *f = &call->facts[i];

        if (f->subject != subject || (call->redact && is_personal(f->name)))
            continue;
        buf_puts(b, any ? "," : ",\"facts\":[");
        any = true;
        buf_putc(b, '[');
        json_quote(b, f->name);
        buf_putc(b, ',');
        quote(b, f->value);
        buf_putc(b, ']');
    }
    if (any)
        buf_putc(b, ']');
}

static void add_subjects(struct buf *b, const struct audit_call *call)
{
    if (!call->n_subjects)
        return;
    buf_puts(b, ",\"subjects\":[");
    for (size_t i = 0; i < call->n_subjects; i++) {
        buf_puts(b, i ? ",{\"kind\":" : "{\"kind\":");
        json_quote(b, call->subjects[i].kind);
        add_str(b, "id", call->subjects[i].id);
        if (!call->redact)
            add_str(b, "label", call->subjects[i].label);
        add_facts(b, call, i);
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
}

/* The part that all records share. Under the lock. */
static void begin(struct audit *a, struct buf *b, const char *event, const struct audit_call *call)
{
    static const char *const classes[] = { "UNSET", "READ", "REVEAL", "WRITE", "DESTROY" };
    char when[32];

    buf_init(b, 64 * 1024);
    buf_printf(b, "{\"v\":1,\"time\":\"%s\",\"event\":\"%s\",\"id\":\"%s\",\"seq\":%llu,\"pid\":%ld",
               clock_iso_ms(clock_unix_ms(), when, sizeof when), event, call->id,
               (unsigned long long)++a->seq, (long)getpid());
    add_str(b, "tool", call->tool);
    add_str(b, "plugin", call->plugin);
    add_str(b, "class", classes[call->safety <= KMCP_DESTROY ? call->safety : 0]);
    add_str(b, "principal", call->principal);
    if (!call->redact)
        add_str(b, "client", call->client);
    add_str(b, "transport", call->transport);
    if (call->trace)
        add_str(b, "trace", call->trace);
    add_subjects(b, call);
    add_str(b, "arguments_sha256", call->arguments_sha256);
    if (!call->redact)
        add_str(b, "reason", call->reason);
    add_str(b, "rule", call->rule);
    add_str(b, "policy", call->policy);
    add_str(b, "request_sha256", call->request_sha256);
    add_str(b, "consent", call->consent);
}

static bool make_id(char id[33])
{
    uint8_t bytes[16];

    if (!digest_random(bytes, sizeof bytes))
        return false;
    digest_hex(bytes, sizeof bytes, id);
    return true;
}

bool audit_name(struct audit_call *call)
{
    return call->id[0] || make_id(call->id);
}

bool audit_intent(struct audit *a, struct audit_call *call, char *why, size_t why_size)
{
    struct open_intent *o = calloc(1, sizeof *o);
    struct buf b;
    bool ok;

    if (!o || !audit_name(call)) {
        free(o);
        snprintf(why, why_size, "it cannot be recorded (no memory or no random numbers)");
        return false;
    }
    pthread_mutex_lock(&a->lock);
    begin(a, &b, "intent", call);
    buf_puts(&b, "}\n");
    ok = audit_file_add(&a->file, &b, why, why_size);
    buf_free(&b);
    if (ok) {
        snprintf(o->id, sizeof o->id, "%s", call->id);
        snprintf(o->tool, sizeof o->tool, "%s", call->tool);
        o->since_ms = clock_ms();
        o->next = a->open;
        a->open = o;
    } else {
        free(o);
    }
    pthread_mutex_unlock(&a->lock);
    return ok;
}

/* Takes the intent of ID off the list; how long it was open, or -1. Under the lock. */
static int64_t close_intent(struct audit *a, const char *id)
{
    for (struct open_intent **at = &a->open; *at; at = &(*at)->next)
        if (strcmp((*at)->id, id) == 0) {
            struct open_intent *o = *at;
            int64_t since = clock_ms() - o->since_ms;

            *at = o->next;
            free(o);
            return since;
        }
    return -1;
}

bool audit_outcome(struct audit *a, const struct audit_call *call, const char *result,
                   const char *request_line, int status, const char *detail)
{
    char why[400];
    struct buf b;
    int64_t ms;
    bool ok;

    pthread_mutex_lock(&a->lock);
    ms = close_intent(a, call->id);
    begin(a, &b, "outcome", call);
    add_str(&b, "result", result);
    add_str(&b, "request", request_line);
    if (status)
        buf_printf(&b, ",\"http_status\":%d", status);
    if (!call->redact)
        add_str(&b, "detail", detail);
    buf_printf(&b, ",\"ms\":%lld}\n", (long long)(ms < 0 ? 0 : ms));
    ok = ms >= 0 && audit_file_add(&a->file, &b, why, sizeof why);
    buf_free(&b);
    pthread_mutex_unlock(&a->lock);
    if (!ok && ms >= 0)
        log_line(KMCP_LOG_ERROR, "audit", "%s", why);
    return ok || ms < 0; /* it was closed by audit_close_open already */
}

bool audit_event(struct audit *a, struct audit_call *call, const char *event, const char *detail, char *why,
                 size_t why_size)
{
    struct buf b;
    bool ok;

    if (!audit_name(call)) {
        snprintf(why, why_size, "it cannot be recorded (no random numbers)");
        return false;
    }
    pthread_mutex_lock(&a->lock);
    begin(a, &b, event, call);
    if (!call->redact)
        add_str(&b, "detail", detail);
    buf_puts(&b, "}\n");
    ok = audit_file_add(&a->file, &b, why, why_size);
    buf_free(&b);
    pthread_mutex_unlock(&a->lock);
    return ok;
}

void audit_refused(struct audit *a, struct audit_call *call, const char *why_refused)
{
    char why[400];

    if (!audit_event(a, call, "refused", why_refused, why, sizeof why))
        log_line(KMCP_LOG_ERROR, "audit", "a refused %s could not be recorded: %s", call->tool, why);
}

void audit_close_open(struct audit *a, const char *detail)
{
    pthread_mutex_lock(&a->lock);
    while (a->open) {
        struct audit_call call = { .tool = a->open->tool };
        char why[400];
        struct buf b;

        snprintf(call.id, sizeof call.id, "%s", a->open->id);
        begin(a, &b, "outcome", &call);
        add_str(&b, "result", "unknown");
        add_str(&b, "detail", detail);
        buf_printf(&b, ",\"ms\":%lld}\n", (long long)close_intent(a, call.id));
        if (!audit_file_add(&a->file, &b, why, sizeof why))
            log_line(KMCP_LOG_ERROR, "audit", "%s", why);
        buf_free(&b);
    }
    pthread_mutex_unlock(&a->lock);
}
