/* command_pseudonym.c - `kmcp pseudonym`: for who has the key.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* Where they are switched off, none are made: then only who had some before has any. */
static bool has_any(struct host *host)
{
    char why[600];

    if (host->policy.pseudonyms || pseudonyms_ready(host->pseudonyms, false, why, sizeof why))
        return true;
    fprintf(stderr, "kmcp: nobody has a pseudonym here: redact_pii is not pseudonyms in %s\n",
            host->config.file);
    return false;
}

/* By a person, as a secret is opened: who may run a command is not who may see who somebody is. */
static int open_token(struct host *host, const struct cli *cli, const char *token)
{
    const char *reason = cli->values[OPT_REASON], *lacks, *value = NULL;
    char why[600], who[PERSON_SIZE], shown[TERMINAL_TEXT];
    struct arena a;
    struct audit_call record = { .tool = "pseudonym open",
                                 .safety = KMCP_REVEAL,
                                 .client = "kmcp pseudonym",
                                 .transport = "command line",
                                 .reason = reason,
                                 .consent = token };

    if (!has_any(host))
        return 1;
    if ((lacks = person_lacks(reason, true)))
        return cli_complain(lacks);
    arena_init(&a, 1 << 20);
    if (state_clock(host->state, why, sizeof why) == STATE_YES &&
        person_may_open(host, &record, who, why, sizeof why))
        value = pseudonym_open(host->pseudonyms, &a, token, why, sizeof why);
    if (value && !audit_intent(host->audit, &record, why, sizeof why))
        value = NULL;
    if (value) {
        printf("%s\n", isatty(STDOUT_FILENO) ? terminal_text(value, shown) : value);
        audit_outcome(host->audit, &record, "ok", NULL, 0, NULL);
    } else {
        cli_complain(why);
    }
    arena_release(&a, true);
    return value ? 0 : 1;
}

static int name_value(struct host *host, const char *kind, const char *value)
{
    char token[PSEUDONYM_MAX], why[600];

    if (!has_any(host))
        return 1;
    /* the key is made when it is first needed, as by an answer that names somebody */
    if (!pseudonyms_ready(host->pseudonyms, true, why, sizeof why))
        return cli_complain(why);
    if (!pseudonym_of(host->pseudonyms, kind, value, token))
        return cli_complain("OpenSSL cannot be used; see the log");
    printf("%s\n", token);
    return 0;
}

int command_pseudonym(const struct cli *cli)
{
    bool opens = strcmp(cli->args[0], "open") == 0;
    struct host host;
    size_t workers;
    int status;

    if (!opens && !pseudonym_is_kind(cli->args[1])) {
        cli_complain("KIND is user, mail, serial, device, asset, phone, place or person");
        return EXIT_USAGE;
    }
    if (opens && (!*cli->args[1] || pseudonym_at(cli->args[1]) != strlen(cli->args[1]))) {
        fprintf(stderr, "kmcp: \"%.60s\" is no pseudonym; they look like mail:7f3a9c2e4150\n", cli->args[1]);
        return EXIT_USAGE;
    }
    if (!host_build(&host, cli->config, &workers))
        return 1;
    status = opens ? open_token(&host, cli, cli->args[1]) : name_value(&host, cli->args[1], cli->args[2]);
    host_free(&host);
    return status;
}
