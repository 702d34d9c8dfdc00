/* call_question.c - questions to the person at the client that have no end yet.  SPDX-License-Identifier:
 * Apache-2.0
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "call_phase.h"
#include "call_question.h"

#define SPACE     "asked"
#define ENDING    "ending"
#define KEEP_MS   (INT64_C(30) * 86400000) /* for the next start to find it */
#define WRITES_MS INT64_C(60000)           /* so long others leave its end to who writes it */

static const char *nonce_of(const char *consent)
{
    const char *space = consent ? strchr(consent, ' ') : NULL;

    return space ? space + 1 : "";
}

static bool add(struct arena *a, kmcp_json *v, const char *key, const char *text)
{
    return !text || json_set(a, v, key, json_string(a, text));
}

bool question_begin(struct call *c)
{
    struct audit_call *r = &c->record;
    const struct audit_subject *subject = c->n_subjects ? &c->subjects[0] : NULL;
    kmcp_json *v = json_object(&c->arena);
    int64_t now = state_now(c->host->state);
    char name[256] = "";
    const char *text;

    question_sweep(c->host, false);
    gethostname(name, sizeof name - 1);
    if (!audit_name(r) || !add(&c->arena, v, "id", r->id) || !add(&c->arena, v, "tool", r->tool) ||
        !add(&c->arena, v, "plugin", r->plugin) || !add(&c->arena, v, "principal", r->principal) ||
        !add(&c->arena, v, "client", r->redact ? NULL : r->client) ||
        !add(&c->arena, v, "transport", r->transport) || !add(&c->arena, v, "consent", r->consent) ||
        !add(&c->arena, v, "kind", subject ? subject->kind : NULL) ||
        !add(&c->arena, v, "subject", subject ? subject->id : NULL) || !add(&c->arena, v, "host", name) ||
        !json_set(&c->arena, v, "class", json_integer(&c->arena, r->safety)) ||
        !json_set(&c->arena, v, "pid", json_integer(&c->arena, getpid())) ||
        !json_set(&c->arena, v, "until", json_integer(&c->arena, now + CONSENT_LIFE_MS)) ||
        !(text = json_text(&c->arena, v)))
        return false;
    if (state_put(c->host->state, SPACE, nonce_of(r->consent), 0, text, strlen(text), now + KEEP_MS) !=
        STATE_YES)
        return false;
    __atomic_store_n(&c->host->asked, 1, __ATOMIC_RELEASE);
    return true;
}

void question_end(struct call *c)
{
    const char *nonce = nonce_of(c->record.consent);

    if (*nonce && state_drop(c->host->state, SPACE, nonce, 0) == STATE_LOST)
        log_line(KMCP_LOG_ERROR, "state", "that a question was answered could not be entered");
}

/* ---- those without an answer ---- */

struct found {
    struct found *next;
    const char *nonce;
    struct audit_call record;
    struct audit_subject subject;
    const char *detail;
};

struct sweep {
    struct arena a;
    struct found *first;
    int64_t now_ms;
    bool leaving;
    char host[256];
};

/* Why nobody will answer V any more; NULL: somebody may. */
static const char *is_over(const struct sweep *s, const kmcp_json *v)
{
    const char *transport = json_str(json_get(v, "transport")), *host = json_str(json_get(v, "host"));
    int64_t until = 0, pid = 0;

    if (!json_int(json_get(v, "until"), &until) || until <= s->now_ms)
        return "nobody answered in ten minutes";
    if (!json_int(json_get(v, "pid"), &pid) || !host || strcmp(host, s->host) != 0 ||
        (transport && strcmp(transport, "http") == 0))
        return NULL;
    if (pid == getpid() ? s->leaving : kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return "kmcp ended before an answer came";
    return NULL;
}

static const char *text_of(struct sweep *s, const kmcp_json *v, const char *key)
{
    const char *text = json_str(json_get(v, key));

    return text ? arena_strdup(&s->a, text) : NULL;
}

static bool gather(void *arg, const char *key, const struct state_record *record)
{
    struct sweep *s = arg;
    const kmcp_json *v = json_parse(&s->a, record->value, record->len, 0, NULL);
    const char *over = is_over(s, v), *id = json_str(json_get(v, "id"));
    struct found *f = over ? arena_alloc(&s->a, sizeof *f) : NULL;
    int64_t class = 0;

    if (!f)
        return true;
    json_int(json_get(v, "class"), &class);
    *f = (struct found){ .next = s->first,
                         .nonce = arena_strdup(&s->a, key),
                         .record = { .tool = text_of(s, v, "tool"),
                                     .plugin = text_of(s, v, "plugin"),
                                     .safety = (kmcp_safety) class,
                                     .principal = text_of(s, v, "principal"),
                                     .client = text_of(s, v, "client"),
                                     .transport = text_of(s, v, "transport"),
                                     .consent = text_of(s, v, "consent") },
                         .subject = { .kind = text_of(s, v, "kind"), .id = text_of(s, v, "subject") },
                         .detail = over };
    snprintf(f->record.id, sizeof f->record.id, "%s", id ? id : "");
    s->first = f;
    return true;
}

/* Of several processes that find a question over, one says so. */
static bool is_mine(struct host *host, const struct sweep *s, const struct found *f)
{
    struct state_record by = { .value = NULL };
    char text[300];
    int at = 0;
    bool taken;

    if (!f->nonce || state_get(host->state, ENDING, f->nonce, &by) == STATE_LOST)
        return false;
    /* who died at it leaves it to the next */
    taken = by.value && !(sscanf(by.value, "%*d %n", &at) == 0 && at && strcmp(by.value + at, s->host) == 0 &&
                          kill((pid_t)strtol(by.value, NULL, 10), 0) != 0 && errno == ESRCH);
    free(by.value);
    snprintf(text, sizeof text, "%ld %s", (long)getpid(), s->host);
    if (taken || state_put(host->state, ENDING, f->nonce, by.version, text, strlen(text),
                           s->now_ms + WRITES_MS) != STATE_YES)
        return false;
    if (state_get(host->state, SPACE, f->nonce, &by) != STATE_YES)
        return false; /* it has been said since it was looked for */
    free(by.value);
    return true;
}

static bool write_one(struct host *host, struct found *f)
{
    char why[400];

    f->record.subjects = &f->subject;
    f->record.n_subjects = f->subject.kind && f->subject.id;
    f->record.redact = host->policy.redact_pii;
    if (!f->nonce || !f->record.tool || strlen(f->record.id) != 32)
        return true; /* not one of ours */
    if (audit_event(host->audit, &f->record, "unanswered", f->detail, why, sizeof why))
        return true;
    log_line(KMCP_LOG_ERROR, "audit", "a question that nobody answered could not be recorded: %s", why);
    return false;
}

void question_sweep(struct host *host, bool leaving)
{
    struct sweep s = { .leaving = leaving };

    if (leaving && !__atomic_load_n(&host->asked, __ATOMIC_ACQUIRE))
        return;
    arena_init(&s.a, 16 << 20);
    gethostname(s.host, sizeof s.host - 1);
    s.now_ms = state_now(host->state);
    if (state_each(host->state, SPACE, gather, &s) == STATE_YES)
        for (struct found *f = s.first; f; f = f->next) {
            if (!is_mine(host, &s, f))
                continue;
            if (!write_one(host, f)) {
                state_drop(host->state, ENDING, f->nonce, 0);
                break;
            }
            state_drop(host->state, SPACE, f->nonce, 0);
        }
    arena_release(&s.a, false);
}
