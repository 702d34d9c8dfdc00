/* options.c - the command line.  SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <string.h>

#include "cli.h"

const char cli_help_usage[] =
    "kmcp " KMCP_VERSION " - an MCP host for the Kandji (Iru) API\n"
    "\n"
    "usage: kmcp [--config FILE]                      serve MCP on standard input and output\n"
    "       kmcp http [ADDRESS:PORT] [--config FILE]  serve MCP over HTTP (127.0.0.1:8970)\n"
    "       kmcp check [--config FILE]                read everything, load everything, say what is "
    "wrong\n"
    "       kmcp doctor                               ask the tenant too: token, TLS, clock, "
    "permissions, budget\n"
    "       kmcp attest [--json]                      every request this installation could ever "
    "send\n"
    "       kmcp list [--json | --cost]               the tools a client would see\n"
    "       kmcp dump PLUGIN [--config FILE]          what a plugin declares: options, routes, tools\n"
    "       kmcp call TOOL [JSON] [--plan-only] [--config FILE]\n"
    "                                                 one tool from the shell, under the same rules\n"
    "       kmcp policy explain TOOL [JSON] [--as PRINCIPAL] [--transport NAME] [--at TIME] [--cannot-ask] "
    "[--real]\n"
    "                                                 which rule decides about a call, and why\n"
    "       kmcp policy test FILE                     does the policy decide as FILE expects\n"
    "       kmcp policy replay AUDIT                  what this policy would have said to past calls\n"
    "       kmcp approve [ID]                         agree to a call that waits; without ID: what "
    "waits\n"
    "       kmcp deny ID                              say no to it\n"
    "       kmcp approver NAME                        lines for the approvers file, from a "
    "passphrase\n"
    "       kmcp secret open HANDLE --reason TEXT [--out FILE]\n"
    "                                                 shows a kept secret, once, or writes it to a "
    "new file\n"
    "       kmcp secret list | drop HANDLE            what is kept; what need not be\n"
    "       kmcp pseudonym open TOKEN --reason TEXT | of KIND VALUE\n"
    "                                                 what a token stands for; the token of a value\n"
    "       kmcp acts                                 acts without a known end: find out what became "
    "of them\n"
    "       kmcp state [accept-clock]                 where the state is and what is in it\n"
    "       kmcp audit verify [FILE] [--key FILE | --no-key] [--from N] [--anchors FILE]\n"
    "                                                 is every record there, unchanged, in its place\n"
    "       kmcp audit accept                         go on with a record that is not whole, or whose "
    "oldest files\n"
    "                                                 are archived; on a terminal\n"
    "       kmcp audit show [FILE] [--open] [--json] [FILTERS]\n"
    "                                                 what is on record\n"
    "       kmcp audit reconcile [FILE] [--since TIME] [--actor ID] [--json]\n"
    "                                                 our record beside the tenant's own\n"
    "       kmcp token NAME SCOPES                    a token for HTTP, and its line for the token "
    "file\n"
    "       kmcp --version | --help\n";

const char cli_help_options[] =
    "\n"
    "options:\n"
    "  --config FILE   the INI file; else the first of $XDG_CONFIG_HOME/kmcp/kmcp.ini, "
    "~/.config/kmcp/kmcp.ini,\n"
    "                  /etc/kmcp/kmcp.ini\n"
    "  --json          list: the definitions as JSON, one a line; audit: JSON lines; attest: one\n"
    "                  object\n"
    "  --cost          list: what each module's definitions cost a client\n"
    "  --as PRINCIPAL  policy explain: for this caller (http:ana)\n"
    "  --transport NAME\n"
    "                  policy explain: over stdio, http or \"command line\"\n"
    "  --at TIME       policy explain: as if it were then\n"
    "  --cannot-ask    policy explain: for a client that cannot ask its person\n"
    "  --real          policy explain: with persons in clear, whatever redact_pii says\n"
    "  --since TIME, --until TIME, --tool NAME, --device ID, --principal TEXT, --event NAME, --result NAME, "
    "--id ID\n"
    "                  audit show: only these records\n"
    "  --open          audit show: only intents without a known end, and questions without any\n"
    "  --anchors FILE  audit verify: the anchored records must be there too\n"
    "  --anchored-as HOST:PATH\n"
    "                  audit verify: FILE is a copy of this one\n"
    "  --from N        audit verify: the files must begin with record N\n"
    "  --key FILE      audit verify: this copy of the key\n"
    "  --no-key        audit verify: without the key, which proves less\n"
    "  --actor ID      audit reconcile: who we are in the tenant's events\n"
    "  --reason TEXT   secret open, pseudonym open: why; recorded\n"
    "  --out FILE      secret open: a new file for it (0600) instead of the terminal\n"
    "  --plan-only     call: say what it would do, and do nothing\n"
    "  --version       print the version\n"
    "  --help          print this\n"
    "\n"
    "environment: KANDJI_API_TOKEN, KANDJI_SUBDOMAIN, KANDJI_REGION and KMCP_REDIS_PASSWORD fill in what "
    "the\n"
    "INI leaves out.\n"
    "exit status: 0 good, 1 refused or failed, 2 wrong usage.\n"
    "manual: kmcp.md, conf/kmcp.ini (every key)\n";

static const struct {
    const char *name;
    int min_args, max_args;
    const char *options; /* those it takes, each with a space after it */
    const char *usage;
} commands[] = {
    { "check", 0, 0, "", "kmcp check" },
    { "doctor", 0, 0, "", "kmcp doctor" },
    { "attest", 0, 0, "json ", "kmcp attest [--json]" },
    { "list", 0, 0, "json cost ", "kmcp list [--json | --cost]" },
    { "dump", 1, 1, "", "kmcp dump PLUGIN" },
    { "http", 0, 1, "", "kmcp http [ADDRESS:PORT]" },
    { "policy explain", 2, 3, "as at transport cannot-ask real ",
      "kmcp policy explain TOOL [JSON] [--as PRINCIPAL] [--transport NAME] [--at TIME] [--cannot-ask] "
      "[--real]" },
    { "policy test", 2, 2, "", "kmcp policy test FILE" },
    { "policy replay", 2, 2, "", "kmcp policy replay AUDIT" },
    { "approve", 0, 1, "", "kmcp approve [ID]" },
    { "deny", 1, 1, "", "kmcp deny ID" },
    { "approver", 1, 1, "", "kmcp approver NAME" },
    { "acts", 0, 0, "", "kmcp acts" },
    { "state", 0, 1, "", "kmcp state [accept-clock]" },
    { "audit verify", 1, 2, "no-key key from anchors anchored-as ",
      "kmcp audit verify [FILE] [--key FILE | --no-key] [--from N] [--anchors FILE [--anchored-as "
      "HOST:PATH]]" },
    { "audit accept", 1, 1, "", "kmcp audit accept" },
    { "audit show", 1, 2, "json open since until tool device principal event result id ",
      "kmcp audit show [FILE] [--open] [--json] [FILTERS]" },
    { "audit reconcile", 1, 2, "json since actor ",
      "kmcp audit reconcile [FILE] [--since TIME] [--actor ID] [--json]" },
    { "secret open", 2, 2, "reason out ", "kmcp secret open HANDLE --reason TEXT [--out FILE]" },
    { "secret list", 1, 1, "", "kmcp secret list" },
    { "secret drop", 2, 2, "", "kmcp secret drop HANDLE" },
    { "pseudonym open", 2, 2, "reason ", "kmcp pseudonym open TOKEN --reason TEXT" },
    { "pseudonym of", 3, 3, "", "kmcp pseudonym of KIND VALUE" },
    { "token", 2, 2, "", "kmcp token NAME read,reveal,write,destroy" },
    { "call", 1, 2, "plan-only ", "kmcp call TOOL '{\"argument\": \"value\"}' [--plan-only]" },
};

static const char *const option_names[OPTIONS] = {
    [OPT_AS] = "as",
    [OPT_SINCE] = "since",
    [OPT_UNTIL] = "until",
    [OPT_TOOL] = "tool",
    [OPT_DEVICE] = "device",
    [OPT_EVENT] = "event",
    [OPT_PRINCIPAL] = "principal",
    [OPT_RESULT] = "result",
    [OPT_ID] = "id",
    [OPT_ACTOR] = "actor",
    [OPT_ANCHORS] = "anchors",
    [OPT_REASON] = "reason",
    [OPT_OUT] = "out",
    [OPT_ANCHORED_AS] = "anchored-as",
    [OPT_FROM] = "from",
    [OPT_KEY] = "key",
    [OPT_AT] = "at",
    [OPT_TRANSPORT] = "transport",
};

static bool usage(const char *what, const char *which, const char *remedy)
{
    fprintf(stderr, "kmcp: %s \"%s\"; %s\n", what, which, remedy);
    return false;
}

/* --NAME VALUE or --NAME=VALUE. 1: taken, 0: not one of these, -1: its value is missing. */
static int take_value(struct cli *cli, int argc, char **argv, int *i)
{
    const char *arg = argv[*i] + 2, **where = strncmp(arg, "config", 6) == 0 ? &cli->config : NULL;
    size_t len = strcspn(arg, "=");

    if (where && len != 6)
        where = NULL;
    for (size_t k = 0; k < OPTIONS && !where; k++)
        if (strlen(option_names[k]) == len && strncmp(option_names[k], arg, len) == 0)
            where = &cli->values[k];
    if (!where)
        return 0;
    if (arg[len])
        *where = arg + len + 1;
    else if (*i + 1 < argc)
        *where = argv[++*i];
    else
        return -1;
    return 1;
}

static bool take_option(struct cli *cli, int argc, char **argv, int *i)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = { { "--help", &cli->help },           { "-h", &cli->help },
                  { "--version", &cli->version },     { "--json", &cli->json },
                  { "--cost", &cli->cost },           { "--no-key", &cli->no_key },
                  { "--open", &cli->open },           { "--real", &cli->real },
                  { "--plan-only", &cli->plan_only }, { "--cannot-ask", &cli->cannot_ask } };
    const char *arg = argv[*i];
    int taken;

    for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
        if (strcmp(arg, flags[k].name) == 0)
            return *flags[k].flag = true;
    taken = strncmp(arg, "--", 2) == 0 ? take_value(cli, argc, argv, i) : 0;
    return taken > 0 ||
           usage(taken < 0 ? "nothing after" : "unknown option", arg, "kmcp --help shows them all");
}

/* Is OPTION one that the command takes? */
static bool takes(const char *options, const char *option)
{
    size_t len = strlen(option);

    for (; *options; options += strcspn(options, " ") + 1)
        if (strncmp(options, option, len) == 0 && options[len] == ' ')
            return true;
    return false;
}

/* The first option given that the command does not take, or NULL; as it is written, in OUT. */
static const char *misplaced(const struct cli *cli, const char *options, char out[32])
{
    const char *odd = NULL;

    const struct {
        const char *name;
        bool given;
    } flags[] = { { "json", cli->json },
                  { "cost", cli->cost },
                  { "no-key", cli->no_key },
                  { "open", cli->open },
                  { "real", cli->real },
                  { "plan-only", cli->plan_only },
                  { "cannot-ask", cli->cannot_ask } };

    for (size_t k = 0; k < sizeof flags / sizeof *flags && !odd; k++)
        if (flags[k].given && !takes(options, flags[k].name))
            odd = flags[k].name;
    for (size_t k = 0; k < OPTIONS && !odd; k++)
        if (cli->values[k] && !takes(options, option_names[k]))
            odd = option_names[k];
    snprintf(out, 32, "--%s", odd ? odd : "");
    return odd ? out : NULL;
}

/* Does the row NAME, "audit verify", mean what was given? PART: the command alone is right so far. */
static bool names(const char *name, const struct cli *cli, bool *part)
{
    size_t len = strlen(cli->command);

    if (strncmp(name, cli->command, len) != 0 || (name[len] && name[len] != ' '))
        return false;
    *part = true;
    return !name[len] || (cli->n_args && strcmp(name + len + 1, cli->args[0]) == 0);
}

static bool check_command(const struct cli *cli)
{
    bool part = false;
    char option[32];
    const char *odd;

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (names(commands[i].name, cli, &part)) {
            if (cli->n_args < commands[i].min_args || cli->n_args > commands[i].max_args)
                return usage(cli->n_args < commands[i].min_args ? "something is missing after"
                                                                : "too much after",
                             commands[i].name, commands[i].usage);
            odd = misplaced(cli, commands[i].options, option);
            return !odd || usage("this command does not take", odd, commands[i].usage);
        }
    return usage(!part         ? "unknown command"
                 : cli->n_args ? "unknown"
                               : "something is missing after",
                 part && cli->n_args ? cli->args[0] : cli->command,
                 "kmcp --help shows and explains them all");
}

bool cli_parse(struct cli *cli, int argc, char **argv)
{
    const char *odd;
    char option[32];

    memset(cli, 0, sizeof *cli);
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1]) {
            if (!take_option(cli, argc, argv, &i))
                return false;
        } else if (!cli->command) {
            cli->command = argv[i];
        } else if (cli->n_args < 4) {
            cli->args[cli->n_args++] = argv[i];
        }
    }
    if (!cli->command || cli->help || cli->version) {
        if (!cli->command && (odd = misplaced(cli, "", option)))
            return usage("there is no command for", odd, "kmcp --help shows how to use it");
        return true;
    }
    return check_command(cli);
}
