/* policy.h - what the INI's [policy], [rule NAME] and [cap NAME] allow.  SPDX-License-Identifier: Apache-2.0
 *
 * One case has one ruling: freeze, then what is protected, then the first rule that matches, then the
 * defaults of the tool's class (docs/policy.md). Several subjects: each is ruled on, the strictest ruling
 * counts.
 */
#ifndef KMCP_POLICY_H
#define KMCP_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <kmcp/plugin.h>
#include "base/config.h"
#include "case.h"
#include "scope.h"

/* Strictest last. */
enum policy_verdict {
    POLICY_ALLOW,   /* the tool's own "confirm" is enough                                 */
    POLICY_DEFAULT, /* no rule: what the class asks for (policy_level)                     */
    POLICY_ASK,     /* the person at the client; if it cannot ask, one outside it          */
    POLICY_APPROVE, /* a person outside the client: kmcp approve                           */
    POLICY_TWO,     /* two different people outside the client                             */
    POLICY_DENY
};

/* Who must agree. */
enum policy_level { LEVEL_NONE, LEVEL_CLIENT, LEVEL_PERSON, LEVEL_TWO };

struct policy_rule {
    const char *name;
    int line;
    struct scope scope;
    enum policy_verdict then;
    const char *because; /* or NULL */
};

struct policy_cap {
    const char *name;
    int line;
    struct scope scope;
    const char *each; /* fact or "principal", "tool", "all": what is counted apart */
    int64_t limit, percent, period_ms;
    const char *per; /* the period for people: "a day" */
};

struct policy {
    bool read_only;       /* default yes: only READ tools and routes, whatever else is set        */
    bool pseudonyms;      /* redact_pii = pseudonyms: by stable tokens instead of a mask           */
    bool redact_pii;      /* mask the routes' declared person data                                */
    bool unasked_destroy; /* DESTROY on "confirm" alone when the client cannot ask. Default no    */
    bool unasked_reveal;  /* REVEAL likewise                                                      */
    bool freeze;
    const char *freeze_file; /* NULL: none */
    const char *protected_devices, *protected_users, *protected_tags;
    const char *inline_secrets; /* tools whose secrets stand in the answer, or NULL */
    int64_t secret_ms;          /* how long others are kept for a person */
    const char *approvers;      /* file of approvers, or NULL */
    int64_t approval_ms;        /* how long a pending request and its approval live */
    int64_t repeat_ms;          /* the same act within this time gets the first one's outcome */
    struct policy_rule *rules;  /* in the INI's order */
    size_t n_rules;
    struct policy_cap *caps;
    size_t n_caps;
    const char *file; /* of the INI, for sentences */
};

struct policy_ruling {
    enum policy_verdict verdict;
    char rule[80]; /* "rule it-only", "freeze", "protected", "default" */
    char why[300]; /* a sentence, for DENY; else "" */
};

/* Reads all of it. False with the config's error; then only the strictest holds. Main thread, before others.
 */
bool policy_read(struct policy *p, struct config *c);
void policy_free(struct policy *p);
/* Is a tool of this class offered at all? False with one sentence in WHY that says which line would have to
 * change. */
bool policy_offers(const struct policy *p, kmcp_safety safety, char *why, size_t why_size);
/* Does nothing above READ happen at present? OUT then denies it. */
bool policy_is_frozen(const struct policy *p, struct policy_ruling *out);
void policy_rule_on(const struct policy *p, const struct policy_case *c, struct policy_ruling *out);
/* Who must agree to a case with this ruling, if the client CAN_ASK the person or not. */
enum policy_level policy_level(const struct policy *p, enum policy_verdict verdict, kmcp_safety safety,
                               bool can_ask);
/* Is every call of TOOL refused, whoever makes it and whatever it is about? RULE (80 bytes) says by what. */
bool policy_refuses(const struct policy *p, const char *tool, kmcp_safety safety, char *rule);
/* Makes the change windows good for a time that may be long ago: one thread only. */
void policy_at(struct policy *p, int64_t unix_ms);
/* Does a rule or cap need the fact NAME? */
bool policy_wants(const struct policy *p, const char *name);
/* What decided, for people: RULE of a ruling, or that it is the default of the class. OUT is returned. */
#define POLICY_BY 100
const char *policy_by(const char *rule, kmcp_safety safety, char out[POLICY_BY]);
const char *policy_verdict_name(enum policy_verdict verdict);

/* The first 16 hexadecimal digits of the SHA-256 of every key of [policy], [rule NAME] and [cap NAME], in the
 * INI's order. False without OpenSSL; OUT is then "". */
bool policy_digest(const struct config *c, char out[17]);

/* rules.c */
bool rules_read(struct policy *p, struct config *c);
/* Which rule decides for SUBJECT; NULL: none. NOTE (may be NULL) is told of every rule before it, and why
 * not. */
typedef void (*rules_note_fn)(void *arg, const struct policy_rule *rule, const char *failed);
const struct policy_rule *rules_match(const struct policy *p, const struct policy_case *c, size_t subject,
                                      rules_note_fn note, void *arg);

#endif
