/* command_approver.c - `kmcp approver`: the lines for the approvers file of one who may approve.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "cli.h"
#include "policy/approvers.h"

int command_approver(const struct cli *cli)
{
    char first[256], second[256], lines[300], why[300];
    bool ok;

    if (!terminal_is_there())
        return cli_complain("a passphrase is typed on a terminal; standard input is none");
    ok = terminal_ask("Passphrase: ", first, sizeof first, true) &&
         terminal_ask("Again: ", second, sizeof second, true);
    snprintf(why, sizeof why, "the two are not the same");
    ok = ok && strcmp(first, second) == 0 &&
         approvers_make(cli->args[0], first, lines, sizeof lines, why, sizeof why);
    digest_wipe(first, sizeof first);
    digest_wipe(second, sizeof second);
    if (!ok)
        return cli_complain(why);
    printf("%s\n", lines);
    fprintf(stderr, "kmcp: add these lines to the file that \"approvers\" in [policy] names (chmod 600)\n");
    return 0;
}
