/* command_audit.c - `kmcp audit`: which files; `verify` and `accept`.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyfile.h"
#include "base/text.h"
#include "cli.h"
#include "policy/audit_files.h"
#include "policy/audit_mark.h"
#include "policy/audit_verify.h"

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "kmcp: %s%s\n", what, why);
    return 1;
}

/* ---- verify ---- */

static void say(void *arg, const char *file, uint64_t line, const char *what)
{
    (void)arg;
    if (line)
        printf("%s:%llu: %s\n", file, (unsigned long long)line, what);
    else
        printf("%s: %s\n", file, what);
}

static int verify(struct host *host, const struct cli *cli, struct audit_files *f)
{
    struct verify v = { .say = say };
    const char *anchors = cli->values[OPT_ANCHORS];
    uint8_t key[DIGEST_SIZE];
    char key_path[1100], why[700];
    struct chain_mark mark;

    chain_key_path(f->current, config_path(&host->config, "audit", "key_file"), key_path, sizeof key_path);
    if (!cli->no_key) {
        if (!keyfile_read(key_path, false, key, why, sizeof why))
            return complain(why, "; --no-key checks what can be checked without it");
        v.key = key;
    }
    for (size_t i = 0; i < f->n; i++)
        if (!f->list[i] || !verify_file(&v, f->list[i])) {
            digest_wipe(key, sizeof key);
            return complain("cannot be opened: ", f->list[i] ? f->list[i] : "out of memory");
        }
    verify_end(&v, f->current);
    digest_wipe(key, sizeof key);
    mark_read(host->state, f->current, &mark);
    verify_mark(&v, f->current, (const char *const *)f->list, f->n, mark.seq, mark.mac);
    if (anchors && !verify_anchors(&v, anchors, (const char *const *)f->list, f->n))
        return complain("the anchors cannot be opened: ", anchors);
    printf("%llu record%s, %llu to %llu, in %zu file%s; %llu torn, %llu fault%s\n",
           (unsigned long long)v.records, v.records == 1 ? "" : "s", (unsigned long long)v.first,
           (unsigned long long)v.last, f->n, f->n == 1 ? "" : "s", (unsigned long long)v.torn,
           (unsigned long long)v.faults, v.faults == 1 ? "" : "s");
    if (v.accepted)
        printf("%llu times it was not whole and accepted: kmcp audit show --event accepted\n",
               (unsigned long long)v.accepted);
    printf("last MAC %s\n", v.begun ? v.mac : "(none)");
    if (!v.key)
        printf("without the key only numbers and form were checked: who can write the file can forge both\n");
    return v.faults ? 1 : 0;
}

/* ---- accept ---- */

/* By a person, on a terminal: who may edit the file is not who says that it may be gone on with. */
static int accept_loss(struct host *host, struct audit_files *f)
{
    struct verify v = { .key = NULL };
    char why[900], detail[1000], who[120], answer[16];
    struct audit_call record = {
        .tool = "audit accept", .principal = who, .client = "kmcp audit", .transport = "command line"
    };

    if (!terminal_is_there())
        return complain("a person has to do this on a terminal; ", "standard input is none");
    if (audit_ready(host->audit, why, sizeof why)) {
        printf("nothing is wrong with it; there is nothing to accept\n");
        return 0;
    }
    for (size_t i = 0; i < f->n; i++)
        if (f->list[i])
            verify_file(&v, f->list[i]);
    fprintf(stderr, "%s\n", why);
    if (!terminal_ask("Type \"yes\" to go on with this file all the same; that is recorded: ", answer,
                      sizeof answer, false) ||
        strcmp(answer, "yes") != 0)
        return complain("nothing was accepted", "");
    terminal_who(who, sizeof who);
    snprintf(detail, sizeof detail, "goes on after record %llu: %s", (unsigned long long)v.last, why);
    if (!audit_accept(host->audit, &record, detail, v.last, v.begun ? v.mac : "", v.tail, why, sizeof why))
        return complain(why, "");
    printf("accepted, and on record\n");
    return 0;
}

int command_audit(const struct cli *cli)
{
    const char *what = cli->args[0];
    struct audit_files *f = calloc(1, sizeof *f);
    struct host host;
    size_t workers;
    int status = EXIT_USAGE;

    if (!f || !host_build(&host, cli->config, &workers)) {
        free(f);
        return 1;
    }
    audit_files_find(f, cli->n_args > 1 ? cli->args[1] : audit_path(host.audit));
    if (strcmp(what, "verify") == 0)
        status = verify(&host, cli, f);
    else if (strcmp(what, "show") == 0)
        status = audit_show(&host, cli, (const char *const *)f->list, f->n);
    else if (strcmp(what, "accept") == 0 && cli->n_args == 1)
        status = accept_loss(&host, f);
    else if (strcmp(what, "reconcile") == 0)
        status = reconcile(&host, cli, (const char *const *)f->list, f->n);
    else
        fprintf(stderr, "kmcp: unknown \"%s\"; kmcp audit verify, show, accept or reconcile\n", what);
    audit_files_free(f);
    free(f);
    host_free(&host);
    return status;
}
