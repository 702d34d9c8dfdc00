/* audit_record.c - what a record says: of a call, of its subjects and facts; and what it does not say with
 * redact_pii.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit_record.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "case.h"

#define TEXT_MAX 300

/* TEXT as a JSON string, neutralised; what is longer than TEXT_MAX bytes ends with an ellipsis. */
static void quote(struct buf *b, const char *text)
{
    struct buf clean;
    size_t len = strlen(text);

    if (len > TEXT_MAX)
        for (len = TEXT_MAX; len && ((unsigned char)text[len] & 0xC0) == 0x80;)
            len--;
    buf_init(&clean, 8 * 1024);
    text_neutral(&clean, text, len);
    if (text[len])
        buf_puts(&clean, "\xE2\x80\xA6");
    json_quote(b, clean.data ? clean.data : "");
    buf_free(&clean);
}

void record_str(struct buf *b, const char *key, const char *value)
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
        record_str(b, "id", call->subjects[i].id);
        if (!call->redact)
            record_str(b, "label", call->subjects[i].label);
        add_facts(b, call, i);
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
}

static void add_export(struct buf *b, const struct audit_export *x)
{
    buf_puts(b, ",\"export\":{\"file\":");
    quote(b, x->file);
    if (x->sha256)
        buf_printf(b, ",\"rows\":%lld,\"bytes\":%lld,\"sha256\":\"%s\",\"complete\":%s", (long long)x->rows,
                   (long long)x->bytes, x->sha256, x->complete ? "true" : "false");
    buf_putc(b, '}');
}

void record_call(struct buf *b, const struct audit_call *call)
{
    static const char *const classes[] = { "UNSET", "READ", "REVEAL", "WRITE", "DESTROY" };

    record_str(b, "tool", call->tool);
    record_str(b, "plugin", call->plugin);
    record_str(b, "class", classes[call->safety <= KMCP_DESTROY ? call->safety : 0]);
    record_str(b, "principal", call->principal);
    if (!call->redact || call->by_operator)
        record_str(b, "client", call->client);
    record_str(b, "transport", call->transport);
    record_str(b, "trace", call->trace);
    add_subjects(b, call);
    record_str(b, "arguments_sha256", call->arguments_sha256);
    if (!call->redact)
        record_str(b, "query", call->query);
    if (call->exported)
        add_export(b, call->exported);
    if (!call->redact || call->by_operator)
        record_str(b, "reason", call->reason);
    record_str(b, "rule", call->rule);
    record_str(b, "policy", call->policy);
    record_str(b, "request_sha256", call->request_sha256);
    record_str(b, "consent", call->consent);
}

void record_begin(struct buf *b, const char *event, const char *id)
{
    char when[32];

    buf_init(b, 64 * 1024);
    buf_printf(b, "\"time\":\"%s\",\"event\":\"%s\",\"id\":\"%s\",\"pid\":%ld",
               clock_iso_ms(clock_unix_ms(), when, sizeof when), event, id, (long)getpid());
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
