/* call.h - one call of a plugin (a tool, a prompt, a resource, a completion), from its name to its outcome,
 * through named phases (call.c holds the table).  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CALL_H
#define KMCP_CALL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/failure.h"
#include "client/client.h"
#include "plugin/registry.h"
#include "policy/audit.h"
#include "policy/consent.h"
#include "policy/ledger.h"
#include "policy/pending.h"
#include "policy/policy.h"
#include "policy/pseudonym.h"
#include "policy/vault.h"
#include "state/state.h"

#define CALL_ASKS_MAX   16
#define CALL_ROUNDS_MAX 8
#define CALL_FACTS_MAX  256

/* What all calls share; built by main, read-only afterwards but for what has its lock. */
struct host {
    struct config config;
    struct tenant tenant;
    struct policy policy;
    struct registry registry;
    struct client *client;
    struct state *state;
    struct vault *vault;
    struct pseudonyms *pseudonyms;
    struct consent *consent;
    struct audit *audit;
    int64_t call_timeout_ms;   /* [limits] call_seconds */
    int64_t task_timeout_ms;   /* [limits] task_seconds */
    int64_t job_after_ms;      /* [server] job_after */
    size_t call_bytes;         /* [limits] call_bytes: arena ceiling */
    size_t list_page;          /* [server] list_page */
    bool structured;           /* [server] structured_content */
    size_t answer_bytes;       /* [server] answer_bytes */
    const char *export_folder; /* [export] folder, or NULL */
    int64_t export_bytes;      /* [export] max_bytes */
    char policy_version[17];   /* a digest's first digits; made when first needed (host_policy_version) */
    char principal[96];        /* of who started the process */
    char config_option[600];   /* " --config FILE" for commands that people are told to run, or "": it is the
                                  default */
    /* told when show() or updated() was called: LIST is a KMCP_LIST_*, URI NULL or what was updated; may be
     * NULL */
    void (*publish)(void *arg, uint32_t list, const char *uri);
    void *publish_arg;
    pthread_mutex_t wait_lock; /* wait() sleeps here */
    pthread_cond_t wait_wake;
    pthread_mutex_t key_lock;
    int asked; /* __atomic: this process has put a question to a person */
    bool has_key;
    uint8_t key[DIGEST_SIZE]; /* seals what clients carry for us; made when first needed */
};

void host_init(struct host *host);
/* Everybody who waits looks at his cancel flag. */
void host_wake(struct host *host);
/* The digest of all that [policy], the rules and the caps say; "" without OpenSSL. */
const char *host_policy_version(struct host *host);
/* The sealing key; NULL if there is no randomness to be had. */
const uint8_t *host_key(struct host *host);
/* A key made of it for one PURPOSE (a short word); the caller wipes it. False as above. */
bool host_key_for(struct host *host, const char *purpose, uint8_t out[DIGEST_SIZE]);

enum call_kind { CALL_TOOL, CALL_PROMPT, CALL_RESOURCE, CALL_COMPLETION };

/* Can the person be asked to agree? */
enum call_ask_how { CALL_ASK_NO, CALL_ASK_YES };

/* How a running call speaks to its client. Any may be NULL. */
struct call_events {
    void *arg;
    void (*progress)(void *arg, double done, double total, const char *message);
    void (*tell)(void *arg, uint32_t level, const char *logger, const char *text);
    void (*let_go)(void *arg, uint32_t retry_ms);
    /* A tool that may take long is about to run: false refuses it (too many tasks). */
    bool (*detach)(void *arg, const struct tool *tool);
};

/* What comes in. Readable until call_run returns. */
struct call_input {
    enum call_kind kind;
    const char
        *name; /* the tool's or prompt's; the resource's URI; for a completion that of what it is for */
    const kmcp_json *args; /* an object, or NULL for {} */
    bool of_resource;      /* CALL_COMPLETION: for a template's variable, not a prompt's argument */
    const char *argument, *value;
    const char *principal; /* who asks */
    const char *client, *transport;
    const char *traceparent, *tracestate; /* W3C Trace Context, or NULL */
    uint32_t can;                         /* KMCP_CAN_* */
    enum call_ask_how can_ask;
    const kmcp_json *answers; /* by key, this round's; from outside, unchecked. Or NULL */
    const char *state;        /* the sealed state that came with them, or NULL */
    const char *malformed;    /* why what came in place of them, or of the state, is none; or NULL */
    bool plan_only;           /* stop after the policy; show the plan, and what the policy says to it */
    bool review;              /* stop after the plan is bound: for who looks at a pending request */
    bool explain;             /* stop after the policy and say which rule decides, and why */
    bool real;                /* explain: with persons in clear, whatever redact_pii says */
    int64_t at_ms;            /* explain: as if it were then, Unix milliseconds; 0: now */
    const struct ledger_entry *unfinished; /* only find out what became of this act */
    const volatile int *cancelled; /* set by another thread: read and written with __atomic builtins only */
    struct call_events events;
};

enum call_end {
    CALL_COMPLETE,   /* the output is there                                         */
    CALL_TOOL_ERROR, /* text says what went wrong and what to do: isError           */
    CALL_ASK,        /* asks and state: ask, then call again                        */
    CALL_NO_TOOL,    /* no such tool, prompt, argument: a protocol error (params)   */
    CALL_NOT_FOUND,  /* no such resource                                            */
    CALL_BAD_STATE,  /* state or answers do not verify: a protocol error, text says */
    CALL_LACKS,      /* the client does not offer what this needs: out.lacks        */
    CALL_PROTOCOL,   /* a protocol error (internal)                                 */
    CALL_CANCELLED   /* nothing to answer                                           */
};

/* One piece of content, neutralised, bytes encoded. */
struct call_item {
    struct call_item *next;
    uint32_t kind; /* KMCP_CONTENT_* */
    const char *text, *data, *mime_type, *uri, *name, *title, *description, *role, *audience, *last_modified;
    double priority;
};

/* One question. SCHEMA and PARAMS are JSON. */
struct call_ask {
    const char *key, *message, *url;
    uint32_t kind; /* KMCP_ASK_* */
    const kmcp_json *schema, *params;
};

/* What comes out; lives in the call's arena until call_release. */
struct call_output {
    enum call_end end;
    const char *text;              /* of a tool: "" if there are only items */
    const struct call_item *items; /* a tool's further content, a prompt's messages, a resource's contents */
    const kmcp_json *structured;   /* NULL: none */
    const kmcp_json *meta;         /* NULL: none */
    const char *const *values;     /* a completion's */
    size_t n_values, total_values;
    const char *prompt_description;
    int64_t ttl_ms;              /* a resource's */
    uint32_t lacks;              /* CALL_LACKS: KMCP_CAN_* */
    const struct call_ask *asks; /* CALL_ASK */
    size_t n_asks;
    const char *question; /* CALL_ASK: the one about consent, if it is among them */
    const char *state;    /* CALL_ASK: sealed */
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
    struct tool *tool; /* one of these three */
    struct prompt *prompt;
    struct resource *resource;
    const char *name; /* for sentences */
    kmcp_safety safety;
    const struct call_input *in;
    enum call_phase phase;
    struct arena arena;
    struct failure failure;
    struct client_call client;
    const kmcp_json *args;
    /* plan */
    struct audit_subject *subjects;
    size_t n_subjects;
    struct policy_fact *facts;
    size_t n_facts;
    char *sentence;
    struct consent_bond bond;
    uint8_t found[DIGEST_SIZE];         /* of what the plan found */
    char call_hex[2 * DIGEST_SIZE + 1]; /* of principal, tool and arguments, for the ledger */
    const char *machine;                /* a local principal's, where machines share the state; else "" */
    const char *stored_args;            /* as the caller said them; canonical, without writeOnly members */
    struct policy_ruling ruling;
    enum policy_level level;
    struct ledger_entry act;
    bool claimed;        /* act is in the ledger and needs its end */
    const char *unknown; /* the id of an act nobody knows the end of, that this would do again; or NULL */
    const char *preface; /* what the person has to know before the question, or NULL */
    const char *shown_request; /* what would be sent, for people; NULL: not known */
    /* asking */
    struct call_ask asks[CALL_ASKS_MAX];
    size_t n_asks;
    kmcp_json *answered; /* by key: earlier rounds' answers, and this one's as they are taken */
    kmcp_json *kept;
    unsigned round;            /* rounds so far */
    const char *consent_state; /* what consent.c sealed for the round before, or NULL */
    const kmcp_json *asked;    /* the state of the round before, unsealed, or NULL */
    const char *misuse; /* why that state does not count; refused once the plan says for what. Or NULL */
    bool bad_answer;
    bool malformed; /* what came is no answer, and it came for the question of that state: which ends */
    uint32_t lacks;
    /* result */
    struct buf text;
    struct call_item *items, **items_end;
    const kmcp_json *structured;
    kmcp_json *meta;
    const char **values;
    size_t n_values, total_values;
    struct pseudo_map *named; /* redact_pii = pseudonyms: what was named in this call, or NULL */
    unsigned resolved;        /* pseudonyms among the arguments */
    const char *handles;      /* sentences about secrets that were kept, or NULL */
    const char *unkept;       /* one about secrets that were read and are lost, or NULL */
    struct audit_call record;
    bool intended;       /* an intent is on record and needs its outcome */
    int64_t progress_ms; /* when the client was last told */
    double progress_done;
    struct call_output out;
};

static inline struct call *call_of(kmcp_ctx *ctx)
{
    return (struct call *)ctx;
}

/* Has ANSWER the shape of an answer to a question of KIND? Its content is not looked at. Else a sentence in
 * WHY that begins with "must". */
bool call_answer_fits(uint32_t kind, const kmcp_json *answer, char *why, size_t why_size);
/* call_ask.c, for api.c */
kmcp_rc call_ask(struct call *c, const struct kmcp_ask *question, const kmcp_json **answer);

#endif
