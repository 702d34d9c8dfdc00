/* command_audit.c - `kmcp audit`: which files; `verify` and `accept`.  SPDX-License-Identifier: Apache-2.0 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyfile.h"
#include "base/text.h"
#include "cli.h"
#include "policy/audit_anchor.h"
#include "policy/audit_file.h"
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
static bool anchored_as(const struct cli *cli, const char *current, bool archive, char host[256],
                        char path[1100])
{
    const char *as = cli->values[OPT_ANCHORED_AS], *colon = as ? strchr(as, ':') : NULL;
    char whole[PATH_MAX];
    size_t before;

    if (as && (!colon || colon == as || colon - as >= 256 || colon[1] != '/'))
        return false;
    if (as)
        snprintf(host, 256, "%.*s", (int)(colon - as), as);
    else
        anchor_host(host, 256);
    if (as || *current == '/' || !realpath(current, whole))
        snprintf(whole, sizeof whole, "%s", as ? colon + 1 : current);
    if (!as && archive && audit_file_number(whole, &before))
        whole[before] = '\0';
    snprintf(path, 1100, "%s", whole);
    return true;
}

static bool compare_anchors(struct verify *v, const struct cli *cli, const struct audit_files *f)
{
    const char *anchors = cli->values[OPT_ANCHORS];
    char host[256], path[1100];

    if (!anchors)
        return true;
    if (!anchored_as(cli, f->current, v->archive, host, path))
        return complain("--anchored-as must look like HOST:/var/lib/kmcp/audit.jsonl", "") == 0;
    if (!verify_anchors(v, anchors, host, path, f))
        return complain("the anchors cannot be opened: ", anchors) == 0;
    printf("%llu anchor%s compared", (unsigned long long)v->compared, v->compared == 1 ? "" : "s");
    if (v->earlier)
        printf(", %llu are for %s records", (unsigned long long)v->earlier, v->archive ? "other" : "earlier");
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
            v->key || v->from || v->archive
                ? ""
                : "; without the key what was archived cannot be told from what was removed");
    if (v->accepted)
        printf("%llu times it was not whole and accepted: kmcp audit show --event accepted\n",
               (unsigned long long)v->accepted);
    printf("last MAC %s\n", v->begun ? v->mac : "(none)");
    if (v->archive)
        printf("an archive alone does not tell that it is whole: its last record and MAC must be those that "
               "`accepted` has on record (kmcp audit show --event accepted), or that the next file begins "
               "after\n");
    if (!v->key)
        printf("without the key only numbers and form were checked: who can write the file can forge both\n");
    return v->faults ? 1 : 0;
}

/* What was rotated away has the key of what it was rotated from. HOST NULL: a copy, of which neither INI nor
 * state is known. */
static bool read_key(struct host *host, const struct cli *cli, const char *path, bool archive,
                     uint8_t key[DIGEST_SIZE], char *why, size_t why_size)
{
    char key_path[1100], base[1100];
    size_t before;

    snprintf(base, sizeof base, "%s", path);
    if (archive && audit_file_number(path, &before) && before < sizeof base)
        base[before] = '\0';
    chain_key_path(base,
                   cli->values[OPT_KEY] ? cli->values[OPT_KEY]
                   : host               ? config_path(&host->config, "audit", "key_file")
                                        : NULL,
                   key_path, sizeof key_path);
    return keyfile_read(key_path, false, key, why, why_size);
}

static int verify_all(struct verify *v, const struct cli *cli, const struct audit_files *f,
                      const struct chain_mark *mark)
{
    for (size_t i = 0; i < f->n; i++)
        if (!verify_file(v, f, i))
            return complain("cannot be opened: ", f->list[i]);
    verify_begin(v, f->current);
    verify_end(v, f->current);
    verify_mark(v, f, mark->seq, mark->mac);
    return compare_anchors(v, cli, f) ? sum_up(v, f) : 1;
}

static int verify(struct host *host, const struct cli *cli, const char *path)
{
    const char *from = cli->values[OPT_FROM];
    struct verify v = { .say = say, .from = from ? record_number(from) : 0 };
    struct chain_mark mark = { 0 };
    uint8_t key[DIGEST_SIZE];
    struct audit_files f;
    char why[1200];
    size_t before;
    int status;

    v.archive = cli->n_args > 1 && audit_file_number(path, &before);
    if (from && !v.from)
        return complain("--from must be the number of a record, not ", from);
    if (!cli->no_key) {
        if (!read_key(host, cli, path, v.archive, key, why, sizeof why))
            return complain(why,
                            "; --key FILE names another, --no-key checks what can be checked without it");
        v.key = key;
    }
    if (host) /* before the files, which may go on since, but not fall behind it */
        mark_read(host->state, path, &mark);
    if (verify_find(&v, &f, path, cli->values[OPT_ANCHORS], why, sizeof why)) {
        status = verify_all(&v, cli, &f, &mark);
        audit_files_free(&f);
    } else {
        status = complain(why, "");
    }
    digest_wipe(key, sizeof key);
    return status;
}

/* ---- accept: by a person, on a terminal, for who may edit the file is not who says what that means ---- */

static bool agrees(const char *question)
{
    char answer[16];

    return (terminal_ask(question, answer, sizeof answer, false) && strcmp(answer, "yes") == 0) ||
           complain("nothing was accepted", "") == 0;
}

/* What is in the files. False with a sentence in WHY. */
static bool read_files(struct verify *v, const char *path, char *why, size_t why_size)
{
    struct audit_files f;
    bool ok = verify_find(v, &f, path, NULL, why, why_size);

    for (size_t i = 0; ok && i < f.n; i++)
        verify_file(v, &f, i);
    audit_files_free(&f);
    return ok;
}

/* Before a person is asked: all that is known to be wrong, not only what made kmcp ask. */
static void tell_faults(const struct verify *v)
{
    if (v->late && v->archived + 1 < v->first)
        fprintf(stderr, "records %llu to %llu are not in the files, and not on record as archived\n",
                (unsigned long long)v->archived + 1, (unsigned long long)v->first - 1);
    if (v->faults)
        fprintf(stderr,
                "there %s %llu fault%s among the records that are there: kmcp audit verify names %s, now and "
                "ever after; keep a copy as evidence\n",
                v->faults == 1 ? "is" : "are", (unsigned long long)v->faults, v->faults == 1 ? "" : "s",
                v->faults == 1 ? "it" : "each");
}

/* The chain is whole where it goes on: are its oldest files not there, and not known to be archived? */
static int accept_archive(struct host *host, const struct cli *cli, const char *path,
                          struct audit_call *record)
{
    uint8_t key[DIGEST_SIZE];
    struct verify v = { .key = key };
    char why[900], detail[200], question[200];
    bool ok = read_key(host, cli, path, false, key, why, sizeof why) && read_files(&v, path, why, sizeof why);

    digest_wipe(key, sizeof key);
    if (!ok)
        return complain(why, "");
    tell_faults(&v);
    if (!v.late || v.archived + 1 >= v.first) {
        printf(v.faults ? "kmcp goes on with it as it is; there is nothing to accept\n"
                        : "nothing is wrong with it; there is nothing to accept\n");
        return v.faults != 0;
    }
    record->archived = v.first - 1;
    snprintf(detail, sizeof detail, "records 1 to %llu are archived, the last of them with MAC %s",
             (unsigned long long)record->archived, v.before);
    snprintf(question, sizeof question,
             "Type \"yes\" if you moved records %llu to %llu into an archive; that is recorded: ",
             (unsigned long long)v.archived + 1, (unsigned long long)record->archived);
    if (!agrees(question))
        return 1;
    if (!audit_event(host->audit, record, "accepted", detail, why, sizeof why))
        return complain(why, "");
    printf("accepted, and on record: %s\n", detail);
    return 0;
}

static int accept_loss(struct host *host, const struct cli *cli, const char *path)
{
    uint8_t key[DIGEST_SIZE];
    struct verify v = { .key = NULL };
    char why[900], unread[1200], detail[1000], who[120];
    bool ok;
    struct audit_call record = {
        .tool = "audit accept", .principal = who, .client = "kmcp audit", .transport = "command line"
    };

    if (!terminal_is_there())
        return complain("a person has to do this on a terminal; ", "standard input is none");
    terminal_who(who, sizeof who);
    if (audit_ready(host->audit, why, sizeof why))
        return accept_archive(host, cli, path, &record);
    fprintf(stderr, "%s\n", why);
    if (read_key(host, cli, path, false, key, unread, sizeof unread))
        v.key = key; /* without it, less is known to be wrong */
    ok = read_files(&v, path, unread, sizeof unread);
    digest_wipe(key, sizeof key);
    if (!ok)
        return complain(unread, "");
    tell_faults(&v);
    if (!agrees("Type \"yes\" to go on with this file all the same; that is recorded: "))
        return 1;
    snprintf(detail, sizeof detail, "goes on after record %llu: %s", (unsigned long long)v.last, why);
    if (!audit_accept(host->audit, &record, detail, v.last, v.begun ? v.mac : "", v.tail, why, sizeof why))
        return complain(why, "");
    printf("accepted, and on record\n");
    return 0;
}

int command_audit(const struct cli *cli)
{
    const char *what = cli->args[0], *path;
    struct host host;
    size_t workers;
    int status;

    /* of a copy: there need be no configuration where somebody else verifies */
    if (strcmp(what, "verify") == 0 && cli->n_args > 1 && !cli->config)
        return verify(NULL, cli, cli->args[1]);
    if (!host_build(&host, cli->config, &workers))
        return 1;
    path = cli->n_args > 1 ? cli->args[1] : audit_path(host.audit);
    status = strcmp(what, "verify") == 0   ? verify(&host, cli, path)
             : strcmp(what, "show") == 0   ? audit_show(&host, cli, path)
             : strcmp(what, "accept") == 0 ? accept_loss(&host, cli, path)
                                           : reconcile(&host, cli, path);
    host_free(&host);
    return status;
}
