/* call_recover.c - acts whose process ended before they did.  SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "call_question.h"
#include "call_recover.h"
#include "call_restore.h"
#include "policy/sealed.h"

static const char *opened_args(struct host *host, struct arena *a, const struct ledger_entry *e)
{
    uint8_t key[DIGEST_SIZE];
    const char *args = e->args && host_key_for(host, "ledger", key) ? sealed_open(a, key, e->args) : NULL;

    digest_wipe(key, sizeof key);
    return args;
}

/* Settles E; what is known then. */
static const char *settle(struct host *host, struct arena *a, const struct ledger_entry *e,
                          const volatile int *cancelled)
{
    const char *args = opened_args(host, a, e);
    struct call_input in = { .kind = CALL_TOOL,
                             .name = e->tool,
                             .args = args ? json_parse(a, args, strlen(args), 0, NULL) : NULL,
                             .principal = e->principal,
                             .client = "kmcp",
                             .transport = "recovery",
                             .unfinished = e,
                             .cancelled = cancelled };
    struct call *c = call_run(host, &in);
    const char *text = "out of memory";

    if (!c)
        return text;
    text = call_output(c)->end == CALL_COMPLETE
               ? arena_format(a, "%s%s%s", call_output(c)->text, c->act.text ? ", " : "",
                              c->act.text ? c->act.text : "")
               : arena_format(a, "cannot be found out: %s", call_output(c)->text);
    call_release(c);
    return text ? text : "out of memory";
}

enum state_rc recover_all(struct host *host, const volatile int *cancelled, recover_fn each, void *arg,
                          size_t *n, size_t *bad)
{
    struct ledger_entry *open;
    struct arena arena;
    enum state_rc rc;
    size_t count = 0, unread = 0;
    char why[600];

    if (!restore_ledger(host, why, sizeof why)) {
        log_line(KMCP_LOG_ERROR, "acts", "what was done before cannot be looked up: %s", why);
        return STATE_LOST;
    }
    question_sweep(host, false);
    arena_init(&arena, 64 << 20);
    rc = ledger_all(host->state, &arena, true, &open, &count, &unread);
    if (unread)
        log_line(KMCP_LOG_ERROR, "acts", "%zu entries of the ledger cannot be read; nobody knows of what",
                 unread);
    for (size_t i = 0; rc == STATE_YES && i < count; i++) {
        const char *now = NULL;

        if (cancelled && __atomic_load_n(cancelled, __ATOMIC_ACQUIRE))
            break;
        if (open[i].owed || open[i].stage == LEDGER_UNKNOWN ||
            ledger_is_dead(&open[i], state_now(host->state)))
            now = settle(host, &arena, &open[i], cancelled);
        if (now && !each) /* else it says so */
            log_line(KMCP_LOG_WARN, "acts", "%s (%s), begun by a process that is gone: %s", open[i].tool,
                     open[i].id, now);
        if (each)
            each(arg, &open[i], now);
    }
    if (n)
        *n = count;
    if (bad)
        *bad = unread;
    arena_release(&arena, false);
    return rc;
}

struct recovery {
    pthread_t thread;
    struct host *host;
    int cancelled;
};

static void *recover(void *arg)
{
    struct recovery *r = arg;

    recover_all(r->host, &r->cancelled, NULL, NULL, NULL, NULL);
    return NULL;
}

struct recovery *recover_start(struct host *host)
{
    struct recovery *r;

    if (host->policy.read_only || !state_exists(host->state))
        return NULL;
    r = calloc(1, sizeof *r);
    if (r)
        r->host = host;
    if (!r || pthread_create(&r->thread, NULL, recover, r) != 0) {
        log_line(KMCP_LOG_ERROR, "acts", "acts that another process left open are not looked up: no thread");
        free(r);
        return NULL;
    }
    return r;
}

void recover_leave(struct host *host)
{
    audit_close_open(host->audit, "kmcp ended before the answer came");
    question_sweep(host, true);
}

void recover_stop(struct recovery *r)
{
    if (!r)
        return;
    __atomic_store_n(&r->cancelled, 1, __ATOMIC_RELEASE);
    host_wake(r->host);
    pthread_join(r->thread, NULL);
    free(r);
}
