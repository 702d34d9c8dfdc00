/* command_audit.c - `kmcp audit`: which files; `verify` and `accept`.  SPDX-License-Identifier: Apache-2.0 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyfile.h"
#include "base/text.h"
#include "cli.h"
#include "policy/audit_anchor.h"
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

/* The number of a record, or 0. */
static uint64_t record_number(const char *text)
{
    return *text && strlen(text) <= 18 && !text[strspn(text, "0123456789")] ? strtoull(text, NULL, 10) : 0;
}

/* HOST and PATH that anchors for these files name: those of the file that is looked at, unless it is a copy.
 */
static bool anchored_as(const struct cli *cli, const char *current, char host[256], char path[1100])
{
    const char *as = cli->values[OPT_ANCHORED_AS], *colon = as ? strchr(as, ':') : NULL;
    char whole[PATH_MAX];

    if (as && (!colon || colon == as || colon - as >= 256 || colon[1] != '/'))
        return false;
    if (as)
        snprintf(host, 256, "%.*s", (int)(colon - as), as);
    else
        anchor_host(host, 256);
    if (as || *current == '/' || !realpath(current, whole))
        snprintf(whole, sizeof whole, "%s", as ? colon + 1 : current);
    snprintf(path, 1100, "%s", whole);
    return true;
}

static bool compare_anchors(struct verify *v, const struct cli *cli, const struct audit_files *f)
{
    const char *anchors = cli->values[OPT_ANCHORS];
    char host[256], path[1100];

    if (!anchors)
        return true;
    if (!anchored_as(cli, f->current, host, path))
        return complain("--anchored-as must look like HOST:/var/lib/kmcp/audit.jsonl", "") == 0;
    if (!verify_anchors(v, anchors, host, path, (const char *const *)f->list, f->n))
        return complain("the anchors cannot be opened: ", anchors) == 0;
    printf("%llu anchor%s compared", (unsigned long long)v->compared, v->compared == 1 ? "" : "s");
    if (v->earlier)
        printf(", %llu are for earlier records", (unsigned long long)v->earlier);
    if (v->others)
        printf(", %llu are for other files such as %s (--anchored-as says what a copy is of)",
               (unsigned long long)v->others, v->other);
    printf("\n");
    return true;
}

static int sum_up(const struct verify *v, const struct audit_files *f)
{
    unsigned long long first = v->first;

    printf("%llu record%s, %llu to %llu, in %zu file%s; %llu torn, %llu fault%s\n",
           (unsigned long long)v->records, v->records == 1 ? "" : "s", first, (unsigned long long)v->last,
           f->n, f->n == 1 ? "" : "s", (unsigned long long)v->torn, (unsigned long long)v->faults,
           v->faults == 1 ? "" : "s");
    if (first > 1 && v->before[0])
        printf(
            "it begins at record %llu: records 1 to %llu must be in files kept elsewhere, the last of them "
            "with MAC %s%s\n",
            first, first - 1, v->before,
            v->key || v->from ? ""
                              : "; without the key what was archived cannot be told from what was removed");
    if (v->accepted)
        printf("%llu times it was not whole and accepted: kmcp audit show --event accepted\n",
               (unsigned long long)v->accepted);
    printf("last MAC %s\n", v->begun ? v->mac : "(none)");
    if (!v->key)
        printf("without the key only numbers and form were checked: who can write the file can forge both\n");
    return v->faults ? 1 : 0;
}

/* HOST NULL: a copy, of which neither INI nor state is known. */
static bool read_key(struct host *host, const struct cli *cli, const struct audit_files *f,
                     uint8_t key[DIGEST_SIZE], char *why, size_t why_size)
{
    char path[1100];

    chain_key_path(f->current,
                   cli->values[OPT_KEY] ? cli->values[OPT_KEY]
                   : host               ? config_path(&host->config, "audit", "key_file")
                                        : NULL,
                   path, sizeof path);
    return keyfile_read(path, false, key, why, why_size);
}

static int verify(struct host *host, const struct cli *cli, struct audit_files *f)
{
    const char *from = cli->values[OPT_FROM];
    struct verify v = { .say = say, .from = from ? record_number(from) : 0 };
    uint8_t key[DIGEST_SIZE];
    char why[700];
    struct chain_mark mark;

    if (from && !v.from)
        return complain("--from must be the number of a record, not ", from);
    if (!cli->no_key) {
        if (!read_key(host, cli, f, key, why, sizeof why))
            return complain(why,
                            "; --key FILE names another, --no-key checks what can be checked without it");
        v.key = key;
    }
    for (size_t i = 0; i < f->n; i++)
        if (!verify_file(&v, f->list[i])) {
            digest_wipe(key, sizeof key);
            return complain("cannot be opened: ", f->list[i]);
        }
    verify_begin(&v, f->current);
    verify_end(&v, f->current);
    digest_wipe(key, sizeof key);
    if (host) {
        mark_read(host->state, f->current, &mark);
        verify_mark(&v, f->current, (const char *const *)f->list, f->n, mark.seq, mark.mac);
    }
    return compare_anchors(&v, cli, f) ? sum_up(&v, f) : 1;
}

/* ---- accept: by a person, on a terminal, for who may edit the file is not who says what that means ---- */

static bool agrees(const char *question)
{
    char answer[16];

    return (terminal_ask(question, answer, sizeof answer, false) && strcmp(answer, "yes") == 0) ||
           complain("nothing was accepted", "") == 0;
}

/* The chain is whole: are its oldest files not there, and not known to be archived? */
static int accept_archive(struct host *host, const struct cli *cli, struct audit_files *f,
                          struct audit_call *record)
{
    uint8_t key[DIGEST_SIZE];
    struct verify v = { .key = key };
    char why[900], detail[200];

    if (!read_key(host, cli, f, key, why, sizeof why))
        return complain(why, "");
    for (size_t i = 0; i < f->n; i++)
        verify_file(&v, f->list[i]);
    digest_wipe(key, sizeof key);
    if (!v.late || v.archived + 1 >= v.first) {
        printf("nothing is wrong with it; there is nothing to accept\n");
        return 0;
    }
    record->archived = v.first - 1;
    snprintf(detail, sizeof detail, "records 1 to %llu are archived, the last of them with MAC %s",
             (unsigned long long)record->archived, v.before);
    fprintf(stderr, "the files begin with record %llu\n", (unsigned long long)v.first);
    if (!agrees("Type \"yes\" if you moved those before it into an archive; that is recorded: "))
        return 1;
    if (!audit_event(host->audit, record, "accepted", detail, why, sizeof why))
        return complain(why, "");
    printf("accepted, and on record: %s\n", detail);
    return 0;
}

static int accept_loss(struct host *host, const struct cli *cli, struct audit_files *f)
{
    struct verify v = { .key = NULL };
    char why[900], detail[1000], who[120];
    struct audit_call record = {
        .tool = "audit accept", .principal = who, .client = "kmcp audit", .transport = "command line"
    };

    if (!terminal_is_there())
        return complain("a person has to do this on a terminal; ", "standard input is none");
    terminal_who(who, sizeof who);
    if (audit_ready(host->audit, why, sizeof why))
        return accept_archive(host, cli, f, &record);
    for (size_t i = 0; i < f->n; i++)
        verify_file(&v, f->list[i]);
    fprintf(stderr, "%s\n", why);
    if (!agrees("Type \"yes\" to go on with this file all the same; that is recorded: "))
        return 1;
    snprintf(detail, sizeof detail, "goes on after record %llu: %s", (unsigned long long)v.last, why);
    if (!audit_accept(host->audit, &record, detail, v.last, v.begun ? v.mac : "", v.tail, why, sizeof why))
        return complain(why, "");
    printf("accepted, and on record\n");
    return 0;
}

/* Of a copy: there need be no configuration where somebody else verifies. */
static int verify_copy(const struct cli *cli)
{
    struct audit_files f;
    char why[1200];
    int status;

    if (!audit_files_find(&f, cli->args[1], why, sizeof why)) {
        fprintf(stderr, "kmcp: %s\n", why);
        return 1;
    }
    status = verify(NULL, cli, &f);
    audit_files_free(&f);
    return status;
}

int command_audit(const struct cli *cli)
{
    const char *what = cli->args[0];
    struct audit_files f;
    struct host host;
    size_t workers;
    char why[1200];
    int status = 1;

    if (strcmp(what, "verify") == 0 && cli->n_args > 1 && !cli->config)
        return verify_copy(cli);
    if (!host_build(&host, cli->config, &workers))
        return 1;
    if (!audit_files_find(&f, cli->n_args > 1 ? cli->args[1] : audit_path(host.audit), why, sizeof why)) {
        fprintf(stderr, "kmcp: %s\n", why);
    } else {
        const char *const *files = (const char *const *)f.list;

        status = strcmp(what, "verify") == 0   ? verify(&host, cli, &f)
                 : strcmp(what, "show") == 0   ? audit_show(&host, cli, files, f.n)
                 : strcmp(what, "accept") == 0 ? accept_loss(&host, cli, &f)
                                               : reconcile(&host, cli, files, f.n);
        audit_files_free(&f);
    }
    host_free(&host);
    return status;
}
