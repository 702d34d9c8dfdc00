/* command_doctor.c - `kmcp doctor`: what is wrong, found out by asking the tenant too.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only GET requests of READ routes are sent, through the same client as everything else.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

void doctor_say(struct doctor *d, const char *level, const char *fmt, ...)
{
    char text[2000], shown[TERMINAL_TEXT];
    va_list args;

    d->failed += strcmp(level, "FAIL") == 0;
    d->warned += strcmp(level, "warn") == 0;
    d->unproven += strcmp(level, "?") == 0;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    printf("%-4s  %s\n", level, terminal_line(text, 2000, shown, sizeof shown));
}

int command_doctor(const struct cli *cli)
{
    static void (*const checks[])(struct doctor *) = { doctor_files,       doctor_token, doctor_reach,
                                                       doctor_certificate, doctor_clock, doctor_budget,
                                                       doctor_permissions };
    struct doctor *d = calloc(1, sizeof *d);
    size_t workers;
    int status;

    if (!d || !host_build(&d->host, cli->config, &workers)) {
        free(d);
        return 1;
    }
    arena_init(&d->arena, 64 << 20);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        checks[i](d);
    printf("%u failure%s, %u warning%s, %u unproven\n", d->failed, d->failed == 1 ? "" : "s", d->warned,
           d->warned == 1 ? "" : "s", d->unproven);
    status = d->failed ? 1 : 0;
    arena_release(&d->arena, false);
    host_free(&d->host);
    free(d);
    return status;
}
