/* command_policy.c - `kmcp policy`: explain one call, test expectations, replay the past.
 * SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli.h"
#include "cli_time.h"

#define FACTS_MAX 64

static int complain(const char *why)
{
    fprintf(stderr, "kmcp: %s\n", why);
    return 1;
}

/* ---- explain ---- */

static int explain(struct host *host, const struct cli *cli)
{
    const char *text = cli->n_args > 2 ? cli->args[2] : "{}";
    struct arena arena;
    struct call_input in = { .kind = CALL_TOOL,
                             .name = cli->args[1],
                             .client = "kmcp policy explain",
                             .principal = cli->values[OPT_AS] ? cli->values[OPT_AS] : host->principal,
                             .transport = cli->values[OPT_AS] && strncmp(cli->values[OPT_AS], "http:", 5) == 0
                                              ? "http"
                                              : "stdio",
                             .can_ask = CALL_ASK_YES,
                             .explain = true };
    const struct call_output *out;
    struct call *c;
    int status = 1;

    arena_init(&arena, 16 << 20);
    in.args = json_parse(&arena, text, strlen(text), JSON_UNIQUE, NULL);
    if (json_kind(in.args) != KMCP_JSON_OBJECT) {
        arena_release(&arena, false);
        return complain("the arguments must be a JSON object such as '{\"device_id\": \"C02ABC\"}'");
    }
    c = call_run(host, &in);
    out = c ? call_output(c) : NULL;
    if (out && out->end == CALL_COMPLETE) {
        fputs(out->text, stdout);
        status = 0;
    } else {
        complain(out && out->text ? out->text : "out of memory");
    }
    if (c)
        call_release(c);
    arena_release(&arena, false);
    return status;
}

/* ---- test ---- */

static const char *const fact_keys[] = { "serial",       "name",     "user", "user_name",         "blueprint",
                                         "blueprint_id", "platform", "tag",  "blueprint_devices", NULL };

/* "a, b" as facts of NAME; an empty text says that there is none. */
static size_t split_fact(struct arena *a, const char *name, const char *text, struct policy_fact *facts,
                         size_t n)
{
    bool any = false;

    for (; *text || !any; text += *text == ',') {
        size_t len = strcspn(text, ","), from = strspn(text, " ");

        if (from > len)
            from = len;
        if (n < FACTS_MAX)
            facts[n++] = (struct policy_fact){ 0, name,
                                               arena_format(a, "%.*s", (int)(len - from), text + from) };
        any = true;
        text += len;
        if (!*text)
            break;
    }
    return n;
}

static bool run_test(struct host *host, struct config *c, const char *section, int line, unsigned *failed)
{
    const char *tool_name = config_str(c, section, "tool", ""),
               *expect = config_str(c, section, "expect", "");
    const char *rule = config_str(c, section, "rule", NULL), *at = config_str(c, section, "at", NULL);
    const char *id = config_str(c, section, "device", "test-device"), *kind = "device";
    const struct tool *tool = registry_find(&host->registry, tool_name);
    struct policy_fact facts[FACTS_MAX];
    struct policy_ruling r;
    struct policy_case now = { .tool = tool_name,
                               .principal = config_str(c, section, "principal", host->principal),
                               .transport = config_str(c, section, "transport", "stdio"),
                               .n_subjects = 1,
                               .kinds = &kind,
                               .ids = &id,
                               .facts = facts,
                               .now_ms = at ? cli_time(at) : clock_unix_ms() };
    struct arena arena;
    bool good;

    if (!tool)
        return config_fail(c, line, "[%s]: \"tool\" must name a loaded tool, not \"%.64s\"", section,
                           tool_name);
    if (now.now_ms < 0)
        return config_fail(c, line, "[%s]: \"at\" must look like 2026-11-24T10:00:00Z", section);
    arena_init(&arena, 1 << 20);
    now.safety = tool->decl.safety;
    now.n_subjects = now.safety == KMCP_READ ? 0 : 1;
    for (const char *const *key = fact_keys; *key; key++) {
        const char *value = config_str(c, section, *key, NULL);

        if (value)
            now.n_facts = split_fact(&arena, *key, value, facts, now.n_facts);
    }
    policy_at(&host->policy, now.now_ms);
    policy_rule_on(&host->policy, &now, &r);
    good = strcmp(expect, policy_verdict_name(r.verdict)) == 0 && (!rule || strcmp(rule, r.rule) == 0);
    printf("%s %s: %s by %s", good ? "ok  " : "FAIL", section + strlen("test "),
           policy_verdict_name(r.verdict), r.rule);
    if (!good)
        printf("; expected %s%s%s (line %d)", expect, rule ? " by " : "", rule ? rule : "", line);
    printf("\n");
    *failed += !good;
    arena_release(&arena, false);
    return true;
}

static int test(struct host *host, const char *file)
{
    static const char *const none[] = { NULL };
    unsigned failed = 0, n = 0;
    struct config c;
    int status;

    if (config_read(&c, file))
        for (size_t i = 0; i < c.n_sections && !c.error[0]; i++) {
            if (strncmp(c.sections[i].name, "test ", 5) != 0)
                config_fail(&c, c.sections[i].line, "[%s] must be [test NAME]", c.sections[i].name);
            else if (run_test(host, &c, c.sections[i].name, c.sections[i].line, &failed))
                n++;
        }
    if (!c.error[0])
        config_all_used(&c, none);
    if (!c.error[0] && !n)
        config_fail(&c, 0, "holds no [test NAME]");
    status = c.error[0] ? complain(c.error) : failed > 0;
    if (!c.error[0])
        printf("%u as expected, %u not\n", n - failed, failed);
    config_free(&c);
    return status;
}

/* ---- replay ---- */

static kmcp_safety class_of(const char *name)
{
    static const char *const classes[] = { "UNSET", "READ", "REVEAL", "WRITE", "DESTROY" };

    for (kmcp_safety i = 0; name && i <= KMCP_DESTROY; i++)
        if (strcmp(name, classes[i]) == 0)
            return i;
    return KMCP_SAFETY_UNSET;
}

/* The case that a record tells of. False: it tells of none. */
static bool read_case(struct arena *a, const kmcp_json *record, struct policy_case *out)
{
    const kmcp_json *subjects = json_get(record, "subjects"), *s, *f;
    struct policy_fact *facts = arena_alloc(a, CALL_FACTS_MAX * sizeof *facts);
    const char **kinds = arena_alloc(a, (json_len(subjects) + 1) * sizeof *kinds);
    const char **ids = arena_alloc(a, (json_len(subjects) + 1) * sizeof *ids);
    const char *time = json_str(json_get(record, "time"));
    size_t i = 0;

    if (!facts || !kinds || !ids || !time || strlen(time) < 20)
        return false;
    *out = (struct policy_case){ .tool = json_str(json_get(record, "tool")),
                                 .principal = json_str(json_get(record, "principal")),
                                 .transport = json_str(json_get(record, "transport")),
                                 .safety = class_of(json_str(json_get(record, "class"))),
                                 .kinds = kinds,
                                 .ids = ids,
                                 .facts = facts,
                                 .now_ms = cli_time(time) };
    for (s = json_first(subjects); s; s = json_next(s), i++) {
        kinds[i] = json_str(json_get(s, "kind"));
        ids[i] = json_str(json_get(s, "id"));
        for (f = json_first(json_get(s, "facts")); f && out->n_facts < CALL_FACTS_MAX; f = json_next(f))
            if (json_str(json_at(f, 0)) && json_str(json_at(f, 1)))
                facts[out->n_facts++] = (struct policy_fact){ i, json_str(json_at(f, 0)),
                                                              json_str(json_at(f, 1)) };
        if (!kinds[i] || !ids[i])
            return false;
    }
    out->n_subjects = i;
    return out->tool && out->principal && out->transport && out->safety && out->now_ms >= 0;
}

struct totals {
    unsigned done, denied, stricter, refused, freed, odd;
};

static void replay_line(struct host *host, const char *line, size_t len, struct totals *t)
{
    struct policy_ruling r;
    struct policy_case past;
    const char *event, *was, *why;
    kmcp_json *record;
    struct arena a;
    bool done, asked;

    arena_init(&a, 4 << 20);
    record = json_parse(&a, line, len, 0, NULL);
    event = json_str(json_get(record, "event"));
    done = event && strcmp(event, "intent") == 0;
    if (!record || !event)
        t->odd++;
    else if ((done || strcmp(event, "refused") == 0) && read_case(&a, record, &past)) {
        policy_at(&host->policy, past.now_ms);
        policy_rule_on(&host->policy, &past, &r);
        was = json_str(json_get(record, "consent"));
        asked = was && strcmp(was, "confirm") != 0;
        why = NULL;
        t->done += done;
        t->refused += !done;
        if (done && r.verdict == POLICY_DENY) {
            t->denied++;
            why = "was done, would be denied";
        } else if (done && (r.verdict == POLICY_TWO || r.verdict == POLICY_APPROVE) &&
                   !(was && strncmp(was, "approval", 8) == 0)) {
            t->stricter++;
            why = "was done, would need an approval";
        } else if (done && !asked && r.verdict == POLICY_ASK) {
            t->stricter++;
            why = "was done on \"confirm\" alone, would be asked for";
        } else if (!done && r.verdict == POLICY_ALLOW && json_str(json_get(record, "rule")) &&
                   strcmp(json_str(json_get(record, "rule")), r.rule) != 0) {
            t->freed++;
            why = "was refused, would be allowed";
        }
        if (why) {
            char when[TERMINAL_TEXT], tool[TERMINAL_TEXT], id[TERMINAL_TEXT];

            printf("%s %s %s: %s by %s\n", terminal_text(json_str(json_get(record, "time")), when),
                   terminal_text(past.tool, tool), terminal_text(past.n_subjects ? past.ids[0] : "", id), why,
                   r.rule);
        }
    }
    arena_release(&a, false);
}

static int replay(struct host *host, const char *file)
{
    struct totals t = { 0 };
    FILE *in = fopen(file, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    if (!in) {
        fprintf(stderr, "kmcp: the audit file \"%s\" cannot be opened; check the path\n", file);
        return 1;
    }
    while ((n = getline(&line, &cap, in)) > 0)
        replay_line(host, line, (size_t)n, &t);
    free(line);
    fclose(in);
    printf("%u %s on record: %u would be denied, %u would need more consent; of %u "
           "refusals %u would "
           "be allowed\n",
           t.done, t.done == 1 ? "act or secret read" : "acts and secret reads", t.denied, t.stricter,
           t.refused, t.freed);
    if (t.odd)
        printf("%u lines are no records and were passed over\n", t.odd);
    return 0;
}

int command_policy(const struct cli *cli)
{
    const char *what = cli->args[0];
    struct host host;
    size_t workers;
    int status;

    if (strcmp(what, "explain") != 0 && strcmp(what, "test") != 0 && strcmp(what, "replay") != 0) {
        fprintf(stderr, "kmcp: unknown \"%s\"; kmcp policy explain, test or replay\n", what);
        return EXIT_USAGE;
    }
    if (!host_build(&host, cli->config, &workers))
        return 1;
    status = strcmp(what, "explain") == 0 ? explain(&host, cli)
             : strcmp(what, "test") == 0  ? test(&host, cli->args[1])
                                          : replay(&host, cli->args[1]);
    host_free(&host);
    return status;
}
