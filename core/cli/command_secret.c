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

static int complain(const char *why)
{
    fprintf(stderr, "kmcp: %s\n", why);
    return 1;
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
        status = complain(why);
    } else {
        for (size_t i = 0; i < n; i++) {
            char what[TERMINAL_TEXT], of[TERMINAL_TEXT], tool[TERMINAL_TEXT], who[TERMINAL_TEXT];

            printf("%s  %s of %s, by %s for %s, until %s\n", items[i].handle,
                   terminal_text(items[i].what, what),
                   terminal_text(items[i].label     ? items[i].label
                                 : items[i].subject ? items[i].subject
                                                    : "?",
                                 of),
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
static int show(const char *value)
{
    char enter[8], shown[TERMINAL_TEXT];

    printf("\033[?1049h\033[H%s\n\n(Enter to clear)\n", terminal_line(value, SIZE_MAX, shown, sizeof shown));
    digest_wipe(shown, sizeof shown);
    fflush(stdout);
    terminal_ask("", enter, sizeof enter, true);
    printf("\033[2J\033[3J\033[?1049l");
    fflush(stdout);
    return 0;
}

static int write_out(int fd, const char *value)
{
    size_t len = strlen(value);
    bool ok = write(fd, value, len) == (ssize_t)len && write(fd, "\n", 1) == 1 && fsync(fd) == 0;

    close(fd);
    return ok ? 0
              : complain(
                    "the file cannot be written; the secret was taken from the vault, read it again from the "
                    "tenant");
}

/* The new file, before anything is opened. */
static int make_out(const char *path)
{
    char why[400];
    int fd;

    if (!trust_above(path, why, sizeof why)) {
        complain(why);
        return -1;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        fprintf(stderr, "kmcp: the file \"%s\" cannot be made (%s); --out names a new one\n", path,
                strerror(errno));
    return fd;
}

static struct audit_call record_of(const struct vault_item *item, struct audit_subject *subject,
                                   const char *who, const char *reason, bool redact)
{
    *subject = (struct audit_subject){ "device", item->subject ? item->subject : "?",
                                       item->label ? item->label : "" };
    return (struct audit_call){ .tool = "secret open",
                                .safety = KMCP_REVEAL,
                                .principal = who,
                                .client = "kmcp secret",
                                .transport = "command line",
                                .reason = reason,
                                .consent = item->handle,
                                .subjects = subject,
                                .n_subjects = 1,
                                .redact = redact,
                                .by_operator = true };
}

static int open_one(struct host *host, const struct cli *cli, const char *handle)
{
    const char *reason = cli->values[OPT_REASON], *out = cli->values[OPT_OUT];
    struct audit_subject subject;
    struct audit_call record;
    struct vault_item item;
    char why[600], who[120];
    struct arena a;
    int fd = -1, status = 1;
    enum state_rc rc;

    if (!reason || strlen(reason) < 3)
        return complain("say why, with --reason TEXT of at least three characters; it is recorded");
    if (!out && !(isatty(STDOUT_FILENO) && terminal_is_there()))
        return complain("standard output is no terminal; use one, or --out FILE");
    if (state_clock(host->state, why, sizeof why) != STATE_YES)
        return complain(why);
    arena_init(&a, 1 << 20);
    rc = vault_find(host->vault, &a, handle, true, &item, why, sizeof why);
    terminal_who(who, sizeof who);
    record = record_of(&item, &subject, who, reason, host->policy.redact_pii);
    if (rc == STATE_NO)
        complain("there is no such secret: it was opened, has expired, or never was");
    else if (rc == STATE_LOST)
        complain(why);
    else if (out && (fd = make_out(out)) < 0)
        status = 1;
    else if (!audit_intent(host->audit, &record, why, sizeof why))
        complain(why);
    else if ((rc = vault_drop(host->vault, &item)) != STATE_YES) {
        audit_outcome(host->audit, &record, "failed", NULL, 0, "somebody else was faster");
        complain(rc == STATE_NO ? "somebody else opened it at this moment"
                                : "the state was lost; nothing was opened");
    } else {
        status = out ? write_out(fd, item.value) : show(item.value);
        fd = -1;
        audit_outcome(host->audit, &record, status ? "failed" : "ok", NULL, 0, NULL);
    }
    if (fd >= 0) {
        close(fd);
        unlink(out);
    }
    arena_release(&a, true);
    return status;
}

static int drop(struct host *host, const char *handle)
{
    struct vault_item item;
    struct arena a;
    char why[600];
    enum state_rc rc;

    arena_init(&a, 1 << 20);
    rc = vault_find(host->vault, &a, handle, false, &item, why, sizeof why);
    if (rc == STATE_YES)
        rc = vault_drop(host->vault, &item);
    arena_release(&a, true);
    return rc == STATE_YES ? 0 : complain(rc == STATE_NO ? "there is no such secret" : why);
}

int command_secret(const struct cli *cli)
{
    const char *what = cli->args[0];
    bool needs = strcmp(what, "open") == 0 || strcmp(what, "drop") == 0;
    struct host host;
    size_t workers;
    int status;

    if ((!needs && strcmp(what, "list") != 0) || needs != (cli->n_args == 2)) {
        fprintf(
            stderr,
            "kmcp: use kmcp secret open HANDLE --reason TEXT, kmcp secret list or kmcp secret drop HANDLE\n");
        return EXIT_USAGE;
    }
    if (!host_build(&host, cli->config, &workers))
        return 1;
    status = !needs                      ? list(&host)
             : strcmp(what, "open") == 0 ? open_one(&host, cli, cli->args[1])
                                         : drop(&host, cli->args[1]);
    host_free(&host);
    return status;
}
