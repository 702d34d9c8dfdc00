/* cli.h - the commands, and the host they share.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_CLI_H
#define KMCP_CLI_H

#include "call.h"

#define EXIT_USAGE 2

/* Options with a value; options.c says which command takes which. */
enum cli_option {
    OPT_AS,
    OPT_SINCE,
    OPT_UNTIL,
    OPT_TOOL,
    OPT_DEVICE,
    OPT_PRINCIPAL,
    OPT_EVENT,
    OPT_RESULT,
    OPT_ID,
    OPT_ANCHORS,
    OPT_ANCHORED_AS,
    OPT_FROM,
    OPT_KEY,
    OPT_ACTOR,
    OPT_REASON,
    OPT_OUT,
    OPT_AT,
    OPT_TRANSPORT,
    OPTIONS
};

struct cli {
    const char *command; /* NULL: serve */
    const char *args[4];
    int n_args;
    const char *config;          /* --config, or NULL */
    const char *values[OPTIONS]; /* of --NAME VALUE; NULL: not given */
    bool json, cost, plan_only, no_key, open, real, cannot_ask, help, version;
};

/* Reads the command line. False with a sentence on stderr: exit EXIT_USAGE. */
bool cli_parse(struct cli *cli, int argc, char **argv);
extern const char cli_help_usage[], cli_help_options[];

/* Builds the host from the INI: reads it, loads and opens the plugins, checks that every key was meant.
 * Nothing is sent, no thread started, neither curl nor OpenSSL mapped. False with a sentence on stderr. */
bool host_build(struct host *host, const char *config_file, size_t *workers);
void host_free(struct host *host);

int command_serve(const struct cli *cli);
int command_check(const struct cli *cli);
int command_list(const struct cli *cli);
int command_dump(const struct cli *cli);
int command_call(const struct cli *cli);
int command_http(const struct cli *cli);
int command_token(const struct cli *cli);
int command_policy(const struct cli *cli);
int command_approve(const struct cli *cli);
int command_deny(const struct cli *cli);
int command_approver(const struct cli *cli);
int command_acts(const struct cli *cli);
int command_state(const struct cli *cli);
int command_audit(const struct cli *cli);
int command_secret(const struct cli *cli);
int command_doctor(const struct cli *cli);
int command_attest(const struct cli *cli);
int command_pseudonym(const struct cli *cli);
/* command_policy_test.c, command_policy_replay.c, for command_policy.c: exit status. */
int policy_test(struct host *host, const char *file);
int policy_replay(struct host *host, const char *file);
/* command_reconcile.c, for command_audit.c: PATH is the audit file. */
int reconcile(struct host *host, const struct cli *cli, const char *path);

/* audit_show.c, likewise. */
int audit_show(const struct host *host, const struct cli *cli, const char *path);

/* terminal.c: a person at the terminal, who is asked on /dev/tty. */
/* One sentence on stderr; returns the exit status, 1. */
int cli_complain(const char *why);
bool terminal_is_there(void);
/* A line, without its end, typed after the question was there; false at the end of input. SECRET: not echoed.
 */
bool terminal_ask(const char *question, char *answer, size_t size, bool secret);
/* TEXT, which came from outside, as it may stand on a terminal: one line, neutral, at most MAX characters of
 * it (200). OUT holds it and is returned; NULL is "". */
#define TERMINAL_TEXT 1024
const char *terminal_line(const char *text, size_t max, char *out, size_t size);
const char *terminal_text(const char *text, char out[TERMINAL_TEXT]);
/* Who runs this: "uid 0 (root)", and who that was at login, as the kernel knows it. What sudo says instead is
 * only a variable that anybody may set, and named so. */
void terminal_who(char *out, size_t size);

/* person.c: who is it? With an approvers file: who knows a passphrase in it; else the user of this terminal.
 * WHO is how the record names them. WRONG: that belongs on record as well. Not KNOWN: a sentence in WHY. */
#define PERSON_SIZE 160
enum person { PERSON_KNOWN, PERSON_WRONG, PERSON_NONE };
enum person person_identify(struct host *host, char who[PERSON_SIZE], char *why, size_t why_size);
/* Why nothing is opened like this: without a REASON of some words (NULL: none), or without a person at a
 * terminal. NULL: it may be. NEEDS_REASON: not for what only drops something. */
const char *person_lacks(const char *reason, bool needs_reason);
/* May the person at the terminal see what RECORD, whose principal is WHO, is about? Not while acts are
 * frozen, and with an approvers file only who knows a passphrase. False with a sentence in WHY; what belongs
 * on record is. */
bool person_may_open(struct host *host, struct audit_call *record, char who[PERSON_SIZE], char *why,
                     size_t why_size);

#endif
