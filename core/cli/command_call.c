/* command_call.c - `kmcp call TOOL JSON`: one tool from the shell, under the same rules.
 * SPDX-License-Identifier: Apache-2.0 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "call_recover.h"
#include "cli.h"

static int cancelled;

static void on_interrupt(int signal)
{
    (void)signal;
    if (__atomic_exchange_n(&cancelled, 1, __ATOMIC_ACQ_REL))
        _exit(130); /* the second time: at once */
}

static void show_progress(void *arg, double done, double total, const char *message)
{
    char shown[TERMINAL_TEXT];

    (void)arg;
    if (total > 0)
        fprintf(stderr, "\r%.0f of %.0f%s%s ", done, total, message ? " " : "",
                terminal_text(message, shown));
    else
        fprintf(stderr, "\r%.0f%s%s ", done, message ? " " : "", terminal_text(message, shown));
}

/* The person at the terminal: only the whole word is a yes. */
static const char *ask(const char *question)
{
    char line[64] = "";

    fprintf(stderr, "\r\033[K%s\nType \"yes\" to do exactly this, once: ", question);
    fflush(stderr);
    if (!fgets(line, sizeof line, stdin))
        line[0] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return strcmp(line, "yes") == 0 ? "{\"approve\":{\"action\":\"accept\",\"content\":{\"approve\":true}}}"
                                    : "{\"approve\":{\"action\":\"decline\"}}";
}

/* What a terminal cannot show is named. */
static void show_items(const struct call_item *item)
{
    static const char *const kinds[] = { "text", "image", "audio", "resource", "link" };

    for (; item; item = item->next)
        if (item->text)
            printf("%s\n", item->text);
        else
            printf("[%s%s%s%s%s]\n", kinds[item->kind], item->mime_type ? " " : "",
                   item->mime_type ? item->mime_type : "", item->uri ? " " : "", item->uri ? item->uri : "");
}

/* Errors in the log, held back until it is known whether the answer says the same. */
struct held {
    char *lines[32];
    size_t n;
};

static bool hold(void *arg, uint32_t level, const char *line)
{
    struct held *h = arg;

    if (level != KMCP_LOG_ERROR || h->n == sizeof h->lines / sizeof *h->lines ||
        !(h->lines[h->n] = strdup(line)))
        return false;
    h->n++;
    return true;
}

static void let_go(struct held *h, const char *answer)
{
    log_divert(NULL, NULL);
    for (size_t i = 0; i < h->n; i++) {
        const char *what = strstr(h->lines[i], ": "); /* after time, level and scope */

        if (!answer || !what || !strstr(answer, what + 2))
            fprintf(stderr, "%s\n", h->lines[i]);
        free(h->lines[i]);
    }
    h->n = 0;
}

static int show(const struct call_output *out)
{
    const char *text = out->text ? out->text : "";
    size_t len = strlen(text);

    if (len || out->end != CALL_COMPLETE)
        fprintf(out->end == CALL_COMPLETE ? stdout : stderr, "%s%s%s",
                out->end == CALL_COMPLETE ? "" : "kmcp: ", text, len && text[len - 1] == '\n' ? "" : "\n");
    if (out->end == CALL_COMPLETE)
        show_items(out->items);
    return out->end == CALL_COMPLETE ? 0 : 1;
}

static int run(struct host *host, struct call_input *in)
{
    struct arena kept; /* the state and the answer, over rounds */
    struct held held = { 0 };

    arena_init(&kept, 1 << 20);
    for (;;) {
        const struct call_output *out;
        struct call *call;
        int status;

        log_divert(hold, &held);
        call = call_run(host, in);
        out = call ? call_output(call) : NULL;
        let_go(&held, out && out->end != CALL_COMPLETE ? out->text : NULL);

        if (out && out->end == CALL_ASK && out->question) {
            const char *answer = ask(out->question);

            in->answers = json_parse(&kept, answer, strlen(answer), 0, NULL);
            in->state = arena_strdup(&kept, out->state);
            call_release(call);
            continue;
        }
        arena_release(&kept, 0);
        if (in->events.progress)
            fprintf(stderr, "\r\033[K");
        if (!out) {
            fprintf(stderr, "kmcp: out of memory\n");
            return 1;
        }
        status = out->end == CALL_CANCELLED ? 130 : show(out);
        call_release(call);
        return status;
    }
}

int command_call(const struct cli *cli)
{
    const char *text = cli->n_args > 1 ? cli->args[1] : "{}";
    bool terminal = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
    struct sigaction act = { .sa_handler = on_interrupt };
    struct json_error error;
    struct call_input in = { .kind = CALL_TOOL,
                             .name = cli->args[0],
                             .client = "kmcp call",
                             .transport = "command line",
                             .can_ask = terminal ? CALL_ASK_YES : CALL_ASK_NO,
                             .plan_only = cli->plan_only,
                             .cancelled = &cancelled,
                             .events.progress = isatty(STDERR_FILENO) ? show_progress : NULL };
    struct arena arena;
    struct host host;
    size_t workers;
    int status;

    arena_init(&arena, 64 << 20);
    in.args = json_parse(&arena, text, strlen(text), JSON_UNIQUE, &error);
    if (json_kind(in.args) != KMCP_JSON_OBJECT) {
        fprintf(stderr, "kmcp: the arguments must be a JSON object such as '{\"limit\": 5}'%s%s\n",
                in.args ? "" : ": ", in.args ? "" : error.what);
        arena_release(&arena, 0);
        return EXIT_USAGE;
    }
    if (!host_build(&host, cli->config, &workers)) {
        arena_release(&arena, 0);
        return 1;
    }
    in.principal = host.principal;
    sigaction(SIGINT, &act, NULL);
    status = run(&host, &in);
    recover_leave(&host);
    host_free(&host);
    arena_release(&arena, 0);
    return status;
}
