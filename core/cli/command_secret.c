/* command_secret.c - `kmcp secret`: a person opens what the conversation only has a handle of.
 * SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/trust.h"
#include "cli.h"

#define DESCRIPTION (2 * TERMINAL_TEXT)

/* What ITEM is, as it may be shown where persons are masked: REDACT. */
static const char *describe(const struct vault_item *item, bool redact, char out[DESCRIPTION])
{
    char what[TERMINAL_TEXT], of[TERMINAL_TEXT];
    const char *label = redact ? NULL : item->label;

    terminal_text(label ? label : item->subject ? item->subject : "?", of);
    snprintf(out, DESCRIPTION, "%s of %s", terminal_text(item->what, what), of);
    return out;
}

static int list(struct host *host)
{
    struct vault_item *items;
    char why[600], until[32];
    struct arena a;
    size_t n;
    int status = 0;

    arena_init(&a, 16 << 20);
    if (vault_all(host->vault, &a, &items, &n) != STATE_YES) {
        state_why(host->state, why, sizeof why);
        status = cli_complain(why);
    } else {
        for (size_t i = 0; i < n; i++) {
            char title[DESCRIPTION], tool[TERMINAL_TEXT], who[TERMINAL_TEXT];

            printf("%s  %s, by %s for %s, until %s\n", items[i].handle,
                   describe(&items[i], host->policy.redact_pii, title),
                   terminal_text(items[i].tool ? items[i].tool : "?", tool),
                   terminal_text(items[i].principal ? items[i].principal : "?", who),
                   clock_iso(items[i].expires_ms, until, sizeof until));
        }
        printf("%zu kept\n", n);
    }
    arena_release(&a, false);
    return status;
}

/* On the alternate screen, so that it does not stay in the scroll-back. */
static int show(const char *title, const char *value)
{
    char shown[TERMINAL_TEXT];
    bool ok;

    printf("\033[?1049h\033[H%s\n\n%s\n\n", title, terminal_line(value, SIZE_MAX, shown, sizeof shown));
    digest_wipe(shown, sizeof shown);
    ok = fflush(stdout) == 0;
    return ok ? 0
              : cli_complain(
                    "it could not be shown, and was taken from the vault; read it again from the tenant");
}

/* Takes it off the screen, when the person has read it. */
static void clear(void)
{
    char enter[8];

    terminal_ask("(Enter to clear)\n", enter, sizeof enter, true);
    printf("\033[2J\033[3J\033[?1049l");
    fflush(stdout);
}

static int write_out(int fd, const char *value)
{
    size_t len = strlen(value);
    bool ok = write(fd, value, len) == (ssize_t)len && write(fd, "\n", 1) == 1 && fsync(fd) == 0;

    close(fd);
    return ok ? 0
              : cli_complain(
                    "the file cannot be written; the secret was taken from the vault, read it again from the "
                    "tenant");
}

/* The new file, before anything is opened. */
static int make_out(const char *path)
{
    char why[400];
    int fd;

    if (!trust_above(path, why, sizeof why)) {
        cli_complain(why);
        return -1;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        fprintf(stderr, "kmcp: the file \"%s\" cannot be made (%s); --out names a new one\n", path,
                strerror(errno));
    return fd;
}

/* What a person does with the vault: who, with what, why. */
struct opening {
    struct host *host;
    struct arena arena;
    struct vault_item item;
    struct audit_subject subject;
    struct audit_call record;
    char who[PERSON_SIZE], why[600];
};

static void begin_record(struct opening *o, const char *tool, const char *reason)
{
    const struct vault_item *item = &o->item;

    o->subject = (struct audit_subject){ "device", item->subject ? item->subject : "?",
                                         item->label ? item->label : "" };
    o->record = (struct audit_call){ .tool = tool,
                                     .safety = KMCP_REVEAL,
                                     .client = "kmcp secret",
                                     .transport = "command line",
                                     .reason = reason,
                                     .consent = item->handle,
                                     .subjects = &o->subject,
                                     .n_subjects = 1,
                                     .redact = o->host->policy.redact_pii,
                                     .by_operator = true };
}

/* Finds HANDLE and who is there. False: it was said why not, and what belongs on record is. */
static bool begin(struct opening *o, const char *tool, const char *handle, const char *reason)
{
    bool opens = strcmp(tool, "secret open") == 0;
    enum state_rc rc;

    if (state_clock(o->host->state, o->why, sizeof o->why) != STATE_YES)
        return cli_complain(o->why) == 0;
    rc = vault_find(o->host->vault, &o->arena, handle, opens, &o->item, o->why, sizeof o->why);
    if (rc != STATE_YES)
        return cli_complain(
                   rc == STATE_NO
                       ? "there is no such secret: it was opened, has expired, or never was; ask for it "
                         "again with the tool that the handle came from"
                       : o->why) == 0;
    begin_record(o, tool, reason);
    return person_may_open(o->host, &o->record, o->who, o->why, sizeof o->why) || cli_complain(o->why) == 0;
}

/* On record, then out of the vault. */
static bool take_out(struct opening *o)
{
    enum state_rc rc;

    if (!audit_intent(o->host->audit, &o->record, o->why, sizeof o->why))
        return cli_complain(o->why) == 0;
    rc = vault_drop(o->host->vault, &o->item);
    if (rc == STATE_YES)
        return true;
    audit_outcome(o->host->audit, &o->record, "failed", NULL, 0, "somebody else was faster");
    return cli_complain(rc == STATE_NO ? "somebody else took it at this moment"
                                       : "the state was lost; nothing was opened") == 0;
}

static int open_it(struct opening *o, const char *out)
{
    char title[DESCRIPTION];
    int fd = -1, status = 1;

    describe(&o->item, o->host->policy.redact_pii, title);
    if (out && (fd = make_out(out)) < 0)
        return 1;
    if (take_out(o)) {
        status = out ? write_out(fd, o->item.value) : show(title, o->item.value);
        audit_outcome(o->host->audit, &o->record, status ? "failed" : "ok", NULL, 0, NULL);
        if (!out) /* it is on record by now, whatever becomes of the terminal */
            clear();
        else if (!status)
            fprintf(stderr, "%s: written to %s, and kept by kmcp no more\n", title, out);
    } else if (out) {
        close(fd);
        unlink(out);
    }
    return status;
}

static int drop_it(struct opening *o)
{
    char title[DESCRIPTION];

    if (!take_out(o))
        return 1;
    audit_outcome(o->host->audit, &o->record, "ok", NULL, 0, NULL);
    fprintf(stderr, "%s: dropped unseen, and kept by kmcp no more\n",
            describe(&o->item, o->host->policy.redact_pii, title));
    return 0;
}

/* By a person, on a terminal: who may run a command is not who may see a secret. */
static int take(struct host *host, const struct cli *cli, bool opens)
{
    const char *reason = cli->values[OPT_REASON], *out = cli->values[OPT_OUT],
               *lacks = person_lacks(reason, opens);
    struct opening o = { .host = host };
    int status = 1;

    if (lacks)
        return cli_complain(lacks);
    if (opens && !out && !isatty(STDOUT_FILENO))
        return cli_complain("standard output is no terminal; use one, or --out FILE");
    arena_init(&o.arena, 1 << 20);
    if (begin(&o, opens ? "secret open" : "secret drop", cli->args[1], reason))
        status = opens ? open_it(&o, out) : drop_it(&o);
    arena_release(&o.arena, true);
    return status;
}

int command_secret(const struct cli *cli)
{
    const char *what = cli->args[0];
    struct host host;
    size_t workers;
    int status;

    if (!host_build(&host, cli->config, &workers))
        return 1;
    status = strcmp(what, "list") == 0 ? list(&host) : take(&host, cli, strcmp(what, "open") == 0);
    host_free(&host);
    return status;
}
