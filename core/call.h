/* call.h - one tool call, from its name to its outcome, through named phases (call.c holds the table).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CALL_H
#define KMCP_CALL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/failure.h"
#include "client/client.h"
#include "plugin/registry.h"
#include "policy/audit.h"
#include "policy/consent.h"
#include "policy/policy.h"

/* What all calls share; built by main, read-only afterwards. */
struct host {
    struct config config;
    struct tenant tenant;
    struct policy policy;
    struct registry registry;
    struct client *client;
    struct consent *consent;
    struct audit *audit;
    int64_t call_timeout_ms; /* [limits] call_seconds */
    size_t call_bytes;       /* [limits] call_bytes: arena ceiling */
    bool structured;         /* [server] structured_content */
    char principal[96];
};

/* How the caller can be asked, and has answered. */
enum call_ask { CALL_ASK_NO, CALL_ASK_YES };
enum call_answer { CALL_ANSWER_NONE, CALL_ANSWER_ACCEPT, CALL_ANSWER_DECLINE };

/* What comes in. Readable until call_run returns. */
struct call_input {
    const char *tool;
    const kmcp_json *args; /* an object, or NULL for {} */
    const char *client, *transport;
    enum call_ask can_ask;
    enum call_answer answer;
    const char *state;             /* the sealed state that came with the answer, or NULL */
    bool plan_only;                /* stop after the plan and show it */
    const volatile int *cancelled; /* set by another thread: read and written with __atomic builtins only */
    void (*progress)(void *arg, double done, double total, const char *message); /* NULL: nobody asked */
    void *progress_arg;
};

enum call_end {
    CALL_COMPLETE,   /* text and maybe structured                                   */
    CALL_TOOL_ERROR, /* text says what went wrong and what to do: isError           */
    CALL_ASK,        /* question and state: ask the person, then call again         */
    CALL_NO_TOOL,    /* no such tool: a protocol error                              */
    CALL_BAD_STATE,  /* the state does not verify: a protocol error, text says why  */
    CALL_CANCELLED   /* nothing to answer                                           */
};

/* What comes out; lives in the call's arena until call_release. */
struct call_output {
    enum call_end end;
    const char *text;
    const kmcp_json *structured; /* NULL: none */
    const char *question;        /* CALL_ASK: one sentence for the person */
    char state[CONSENT_TEXT_MAX];
};

struct call; /* begins with the plugin's kmcp_ctx */

/* Runs the phases. The returned call owns the output; release it once the answer is written. Any thread. */
struct call *call_run(struct host *host, const struct call_input *in);
const struct call_output *call_output(const struct call *c);
void call_release(struct call *c);

/* ---- for plugin/api.c: the private side of a kmcp_ctx ---- */

enum call_phase { CALL_OPENING, CALL_PLANNING, CALL_RUNNING };

struct call {
    kmcp_ctx ctx; /* first: the plugin's view */
    struct host *host;
    struct plugin *plugin;
    struct tool *tool;
    const struct call_input *in;
    enum call_phase phase;
    struct arena arena;
    struct failure failure;
    struct client_call client;
    const kmcp_json *args;
    /* plan */
    struct audit_subject *subjects;
    size_t n_subjects;
    char *sentence;
    struct consent_bond bond;
    /* result */
    struct buf text;
    const kmcp_json *structured;
    struct audit_call record;
    bool intended; /* an intent is on record and needs its outcome */
    char consent_word[64];
    int64_t progress_ms; /* when the client was last told */
    double progress_done;
    struct call_output out;
};

static inline struct call *call_of(kmcp_ctx *ctx)
{
    return (struct call *)ctx;
}

#endif
