/* terminal.c - a person at the terminal.  SPDX-License-Identifier: Apache-2.0 */

#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "cli.h"

int cli_complain(const char *why)
{
    fprintf(stderr, "kmcp: %s\n", why);
    return 1;
}

bool terminal_is_there(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool terminal_ask(const char *question, char *answer, size_t size, bool secret)
{
    struct termios was, now;
    bool hidden = secret && tcgetattr(STDIN_FILENO, &was) == 0, got;

    if (hidden) {
        now = was;
        now.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &now);
    } else {
        tcflush(STDIN_FILENO, TCIFLUSH); /* a yes to what nobody has seen yet is none */
    }
    fprintf(stderr, "%s", question);
    fflush(stderr);
    got = fgets(answer, (int)size, stdin) != NULL;
    if (hidden) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        fputc('\n', stderr);
    }
    if (!got)
        answer[0] = '\0';
    answer[strcspn(answer, "\r\n")] = '\0';
    return got;
}

const char *terminal_line(const char *text, size_t max, char *out, size_t size)
{
    struct buf clean;

    buf_init(&clean, 1 << 20);
    text_line(&clean, text ? text : "", max, false);
    snprintf(out, size, "%s", clean.data ? clean.data : "");
    buf_wipe(&clean);
    return out;
}

const char *terminal_text(const char *text, char out[TERMINAL_TEXT])
{
    return terminal_line(text, 200, out, TERMINAL_TEXT);
}

/* The user that logged in, whatever became of him since; false where the kernel does not say. */
static bool login_uid(unsigned long *uid)
{
    FILE *in = fopen("/proc/self/loginuid", "r");
    bool ok = in && fscanf(in, "%lu", uid) == 1 && *uid != UINT32_MAX;

    if (in)
        fclose(in);
    return ok;
}

void terminal_who(char *out, size_t size)
{
    const struct passwd *user = getpwuid(getuid());
    const char *sudo = getenv("SUDO_USER");
    char name[TERMINAL_TEXT];
    unsigned long login;
    int n = snprintf(out, size, "uid %lu (%.40s)", (unsigned long)getuid(), user ? user->pw_name : "unknown");

    if (n < 0 || (size_t)n >= size)
        return;
    if (login_uid(&login)) {
        user = login == getuid() ? NULL : getpwuid((uid_t)login);
        if (login != getuid())
            snprintf(out + n, size - (size_t)n, ", login uid %lu (%.30s)", login,
                     user ? user->pw_name : "unknown");
    } else if (sudo && *sudo) {
        snprintf(out + n, size - (size_t)n, ", sudo by %s (unverified)",
                 terminal_line(sudo, 30, name, sizeof name));
    }
}
