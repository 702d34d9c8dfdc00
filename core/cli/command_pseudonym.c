/* command_pseudonym.c - `kmcp pseudonym`: for who has the key.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static int open_token(struct host *host, const struct cli *cli, const char *token)
{
    char why[600], who[120];
    struct arena a;
    const char *value;
    struct audit_call record = { .tool = "pseudonym open",
                                 .safety = KMCP_REVEAL,
                                 .client = "kmcp pseudonym",
                                 .transport = "command line",
                                 .reason = cli->values[OPT_REASON],
                                 .consent = token };
    char shown[TERMINAL_TEXT];
    int status = 1;

    if (!host->policy.pseudonyms && !pseudonyms_ready(host->pseudonyms, false, why, sizeof why)) {
        fprintf(stderr, "kmcp: nobody has a pseudonym here: redact_pii is not pseudonyms in %s\n",
                host->config.file);
        return 1;
    }
    terminal_who(who, sizeof who);
    record.principal = who;
    arena_init(&a, 1 << 20);
    value = pseudonym_open(host->pseudonyms, &a, token, why, sizeof why);
    if (!value || !audit_intent(host->audit, &record, why, sizeof why)) {
        cli_complain(why);
    } else {
        printf("%s\n", isatty(STDOUT_FILENO) ? terminal_text(value, shown) : value);
        audit_outcome(host->audit, &record, "ok", NULL, 0, NULL);
        status = 0;
    }
    arena_release(&a, true);
    return status;
}

static int name_value(struct host *host, const char *kind, const char *value)
{
    char token[PSEUDONYM_MAX], why[600];

    if (!pseudonyms_ready(host->pseudonyms, false, why, sizeof why))
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
    if (opens && pseudonym_at(cli->args[1]) != strlen(cli->args[1])) {
        fprintf(stderr, "kmcp: \"%.60s\" is no pseudonym; they look like mail:7f3a9c2e4150\n", cli->args[1]);
        return EXIT_USAGE;
    }
    if (!host_build(&host, cli->config, &workers))
        return 1;
    status = opens ? open_token(&host, cli, cli->args[1]) : name_value(&host, cli->args[1], cli->args[2]);
    host_free(&host);
    return status;
}
