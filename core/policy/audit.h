/* audit.h - who did what to which device, written before and after it happens.  SPDX-License-Identifier:
 * Apache-2.0
 *
 * JSON lines, chained (audit_chain.h), synced in batches, mode 0600. If an intent cannot be written, the act
 * does not happen. Fields: docs/audit.md. Functions may be called from any thread.
 */
#ifndef KMCP_AUDIT_H
#define KMCP_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kmcp/plugin.h>
#include "base/config.h"

struct audit;

struct audit_subject {
    const char *kind, *id, *label;
};

/* What a plan said about subject number SUBJECT, for `kmcp policy replay`. */
struct policy_fact;

/* A file that a question about a list leaves. SHA256 NULL: it is not whole yet. */
struct audit_export {
    const char *file; /* its name, without the folder */
    int64_t rows, bytes;
    const char *sha256;
    bool complete; /* it covers all that was asked for */
};

/* One call, as the records tell it. Strings may be NULL and are then left out. */
struct audit_call {
    char id[33]; /* 128 random bits, hexadecimal: joins intent and outcome */
    const char *tool, *plugin;
    kmcp_safety safety;
    const char *principal; /* who runs the host: "local:1000(ana)" */
    const char *client;    /* "claude-code 2.1": what the client says it is */
    const char *transport; /* "stdio", "http", "command line" */
    const char *trace;     /* W3C traceparent of the request, or NULL */
    const char *arguments_sha256;
    const char *query;                   /* of an export: those arguments */
    const struct audit_export *exported; /* NULL: the call leaves no file */
    const char *reason;                  /* the caller's own "reason" argument */
    const char *consent;        /* "confirm", "elicitation NONCE", "terminal NONCE", "approval ID by WHO" */
    const char *rule;           /* which rule of the policy decided */
    const char *policy;         /* the policy's version: a digest's first 16 digits */
    const char *request_sha256; /* of the request that is agreed to */
    uint64_t archived;          /* "accepted" only, or 0: records up to this one are kept elsewhere */
    const char *result;         /* "resolved" only: "ok", "failed" or "unknown" */
    const struct audit_subject *subjects;
    size_t n_subjects;
    const struct policy_fact *facts;
    size_t n_facts;
    bool redact;      /* labels, reason, query and client words are left out */
    bool by_operator; /* ... but not the reason: it is the word of who runs the command, who was asked for it
                       */
};

/* Reads [audit] (conf/kmcp.ini; the file's default $XDG_STATE_HOME/kmcp/audit.jsonl, else
 * ~/.local/state/kmcp/audit.jsonl). Opens nothing yet. NULL with the config's error. */
struct audit *audit_new(struct config *c);
void audit_free(struct audit *a);
/* From now on the state remembers where the chain ends; S must outlive the audit. */
struct state;
void audit_use_state(struct audit *a, struct state *s);
const char *audit_path(const struct audit *a);
/* Opens (creating 0600, its directory 0700) and checks: ours, regular, not readable by others. For `kmcp
 * check` and before the first record. */
bool audit_ready(struct audit *a, char *why, size_t why_size);
/* Could anchors be written to [audit] anchor_file now, if there is one? False with a sentence in WHY. */
bool audit_anchors(const struct audit *a, char *why, size_t why_size);

/* Gives the call its id, if it has none. False without random numbers. */
bool audit_name(struct audit_call *call);
/* Before the act: "intent". Fills call->id if it is empty. False with one sentence in WHY: then the act must
 * not happen. */
bool audit_intent(struct audit *a, struct audit_call *call, char *why, size_t why_size);
/* After it: "outcome" with result "ok", "failed", "unknown" or "cancelled", the request line and HTTP status.
 * False: it is not on record, and was logged. An act that audit_close_open() has closed counts as recorded; a
 * file does not, for what is in it is not on record. */
bool audit_outcome(struct audit *a, const struct audit_call *call, const char *result,
                   const char *request_line, int status, const char *detail);
/* Something else that belongs to the call: EVENT "asked", "pending", "approved", "denied", "repeated",
 * "resolved", "unanswered", and "accepted" for what is archived. False with a sentence in WHY. */
bool audit_event(struct audit *a, struct audit_call *call, const char *event, const char *detail, char *why,
                 size_t why_size);
/* It was not allowed: "refused", with why. Best effort; a failure is logged. */
void audit_refused(struct audit *a, struct audit_call *call, const char *why_refused);
/* A person accepts that the record is not whole, and it goes on: "accepted". SEQ, MAC and TORN as in
 * chain_accept(). One thread, and no other function of A at the same time. */
bool audit_accept(struct audit *a, struct audit_call *call, const char *detail, uint64_t seq, const char *mac,
                  uint64_t torn, char *why, size_t why_size);
/* At exit: an "unknown" outcome for every intent that has none. */
void audit_close_open(struct audit *a, const char *detail);

#endif
