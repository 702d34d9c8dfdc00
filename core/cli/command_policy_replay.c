/* command_policy_replay.c - `kmcp policy replay`: what this policy would have said to what is on record.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The record does not say everything: not whether a client could have asked, and with redact_pii not who and
 * which device it was. Where that decides, it is said so, and not guessed.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "policy/audit_files.h"
#include "base/clock_read.h"
#include "policy/caps.h"

#define LONGEST_MS INT64_C(604800000) /* the longest window of a cap */

/* What the caps have counted so far, in the order of the record. */
struct counted {
    char key[STATE_KEY_MAX];
    int64_t at_ms;
};

struct replay {
    struct host *host;
    struct counted *counted;
    size_t n_counted, cap_counted;
    unsigned done, denied, stricter, missing, refused, freed, odd, by_hand;
};

/* ---- the past ---- */

static const uint8_t no_key[DIGEST_SIZE]; /* nothing of this is kept */

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
                                 .now_ms = clock_read(time),
                                 .key = no_key };
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
    return out->tool && out->principal && out->transport && out->safety > KMCP_READ && out->now_ms >= 0;
}

/* What a record without persons leaves out of a subject, and one from before facts were recorded. */
static const char *const personal[] = { "name", "serial", "user", "user_name", NULL }, *const all[] = {
    "name",         "serial",   "user", "user_name",         "blueprint",
    "blueprint_id", "platform", "tag",  "blueprint_devices", NULL
};

static bool says_any(const struct policy_case *c, size_t subject, const char *const *names)
{
    for (; *names; names++)
        if (case_says(c, subject, *names))
            return true;
    return false;
}

/* The same case as if there were none of what was left out. NULL: nothing was. */
static const struct policy_case *without(struct arena *a, const struct policy_case *past)
{
    size_t max = past->n_facts + past->n_subjects * (sizeof all / sizeof *all);
    struct policy_fact *facts = arena_alloc(a, (max + 1) * sizeof *facts);
    struct policy_case *out = arena_alloc(a, sizeof *out);
    size_t n = past->n_facts;

    if (!facts || !out)
        return NULL;
    if (n)
        memcpy(facts, past->facts, n * sizeof *facts);
    for (size_t i = 0; i < past->n_subjects; i++) {
        const char *const *gone = !says_any(past, i, all)        ? all
                                  : !says_any(past, i, personal) ? personal
                                                                 : NULL;

        for (; gone && *gone; gone++)
            facts[n++] = (struct policy_fact){ i, *gone, "" };
    }
    *out = *past;
    out->facts = facts;
    out->n_facts = n;
    return n > past->n_facts ? out : NULL;
}

/* `kmcp secret open` and the like: by a person at a terminal, to whom neither rules nor caps apply. No tool
 * has a space in its name. */
static bool is_by_hand(const struct policy_case *past)
{
    return strchr(past->tool, ' ') != NULL;
}

/* Who agreed then. */
static enum policy_level level_then(const char *consent)
{
    const char *by = strstr(consent, " by ");

    if (strncmp(consent, "approval", 8) == 0)
        return by && strstr(by, " and ") ? LEVEL_TWO : LEVEL_PERSON;
    return strcmp(consent, "confirm") == 0 || !*consent ? LEVEL_NONE : LEVEL_CLIENT;
}

/* ---- the caps ---- */

/* The cap that has no room for it; NULL if all have, and then it is counted. "" if that cannot be told. */
static const char *cap_full(struct replay *r, const struct policy_case *past, char *rule)
{
    struct caps_due due;
    char why[400];

    if (!caps_due(&r->host->policy, past, &due, rule, why, sizeof why))
        return "";
    while (r->n_counted && r->counted[0].at_ms <= past->now_ms - LONGEST_MS) {
        size_t old = 0;

        while (old < r->n_counted && r->counted[old].at_ms <= past->now_ms - LONGEST_MS)
            old++;
        memmove(r->counted, r->counted + old, (r->n_counted - old) * sizeof *r->counted);
        r->n_counted -= old;
    }
    for (size_t i = 0; i < due.n; i++) {
        int64_t n = 0;

        for (size_t k = 0; k < r->n_counted; k++)
            n += r->counted[k].at_ms > past->now_ms - due.of[i].cap->period_ms &&
                 strcmp(r->counted[k].key, due.of[i].key) == 0;
        if (n >= due.of[i].limit) {
            snprintf(rule, 80, "cap %.60s", due.of[i].cap->name);
            return rule;
        }
    }
    if (r->n_counted + due.n > r->cap_counted) {
        size_t more = 2 * r->cap_counted + STATE_MANY;
        struct counted *grown = realloc(r->counted, more * sizeof *grown);

        if (!grown)
            return "";
        r->counted = grown;
        r->cap_counted = more;
    }
    for (size_t i = 0; i < due.n; i++) {
        memcpy(r->counted[r->n_counted].key, due.of[i].key, STATE_KEY_MAX);
        r->counted[r->n_counted++].at_ms = past->now_ms;
    }
    return NULL;
}

/* ---- side by side ---- */

/* The ruling of this configuration: a tool that it does not offer is as good as denied. */
static void rule_on(const struct replay *r, const struct policy_case *past, struct policy_ruling *out)
{
    const struct policy *p = &r->host->policy;
    char why[200];

    *out = (struct policy_ruling){ .verdict = POLICY_DENY, .rule = "read_only" };
    if (!policy_offers(p, past->safety, why, sizeof why))
        return;
    if (registry_find(&r->host->registry, past->tool))
        policy_rule_on(p, past, out);
    else
        snprintf(out->rule, sizeof out->rule, "the loaded plugins, none of which has it");
}

static const char *text_of(const kmcp_json *record, const char *key)
{
    const char *text = json_str(json_get(record, key));

    return text ? text : "";
}

/* What would have become of an act that was done. NULL: the same. */
static const char *judge_done(struct replay *r, const kmcp_json *record, const struct policy_case *past,
                              const struct policy_case *lesser, struct policy_ruling *now)
{
    const struct policy *p = &r->host->policy;
    enum policy_level then = level_then(text_of(record, "consent")), able, unable, needed;
    struct policy_ruling other;
    const char *cap;

    if (lesser) {
        rule_on(r, lesser, &other);
        if (other.verdict != now->verdict) {
            r->missing++;
            return "was done; the record lacks facts that are asked for";
        }
    }
    if (now->verdict == POLICY_DENY) {
        r->denied++;
        return "was done, would be denied";
    }
    cap = cap_full(r, past, now->rule);
    if (cap && !*cap) {
        r->missing++;
        return "was done; the record lacks facts that are asked for";
    }
    if (cap) {
        r->denied++;
        return "was done, would be denied";
    }
    able = policy_level(p, now->verdict, past->safety, true);
    unable = policy_level(p, now->verdict, past->safety, false);
    if (then == LEVEL_CLIENT)
        unable = able;
    else if (strcmp(text_of(record, "rule"), "default") == 0) /* it could not ask, or would have been asked */
        able = unable;
    needed = able < unable ? able : unable;
    if (needed <= then)
        needed = able < unable ? unable : able;
    if (needed <= then)
        return NULL;
    r->stricter++;
    return needed == LEVEL_TWO ? "was done, would need two approvals"
           : needed == LEVEL_PERSON
               ? "was done, would need an approval"
               : "was done on \"confirm\" alone, would be asked for where the client can";
}

/* One act, secret read or refusal: says what would be otherwise now. */
static void judge(struct replay *r, struct arena *a, const kmcp_json *record, const struct policy_case *past,
                  bool done)
{
    char when[TERMINAL_TEXT], tool[TERMINAL_TEXT], id[TERMINAL_TEXT];
    const char *why = NULL, *rule = text_of(record, "rule");
    struct policy_ruling now;

    policy_at(&r->host->policy, past->now_ms);
    rule_on(r, past, &now);
    r->done += done;
    r->refused += !done;
    if (done) {
        why = judge_done(r, record, past, without(a, past), &now);
    } else if (now.verdict == POLICY_ALLOW && *rule && strcmp(rule, now.rule) != 0) {
        r->freed++;
        why = "was refused, would be allowed";
    }
    if (why)
        printf("%s %s %s: %s by %s\n", terminal_text(text_of(record, "time"), when),
               terminal_text(past->tool, tool), terminal_text(past->n_subjects ? past->ids[0] : "", id), why,
               now.rule);
}

static void replay_line(struct replay *r, const char *line, size_t len)
{
    struct policy_case past;
    kmcp_json *record;
    const char *event;
    struct arena a;
    bool done;

    arena_init(&a, 4 << 20);
    record = json_parse(&a, line, len, 0, NULL);
    event = text_of(record, "event");
    done = strcmp(event, "intent") == 0;
    r->odd += !*event;
    if ((done || strcmp(event, "refused") == 0) && read_case(&a, record, &past)) {
        if (is_by_hand(&past))
            r->by_hand++;
        else
            judge(r, &a, record, &past, done);
    }
    arena_release(&a, false);
}

int policy_replay(struct host *host, const char *file)
{
    struct replay r = { .host = host };
    struct audit_files files;
    char why[1200];
    int status = 0;

    if (!audit_files_find(&files, file, why, sizeof why)) {
        fprintf(stderr, "kmcp: %s\n", why);
        return 1;
    }
    for (size_t i = 0; i < files.n && !status; i++) {
        struct audit_lines lines;
        size_t n;

        if (!audit_lines_open(&lines, &files, i)) {
            fprintf(stderr, "kmcp: the audit file \"%s\" cannot be opened; check the path\n", files.list[i]);
            status = 1;
        }
        while (!status && (n = audit_lines_next(&lines)) > 0)
            replay_line(&r, lines.text, n);
        audit_lines_close(&lines);
    }
    audit_files_free(&files);
    free(r.counted);
    if (status)
        return status;
    printf("%u acts and secret reads on record: %u would be denied, %u would need more consent; of %u "
           "refusals %u would "
           "be allowed\n",
           r.done, r.denied, r.stricter, r.refused, r.freed);
    if (r.missing)
        printf("%u could not be judged: the record lacks facts that decide (redact_pii)\n", r.missing);
    if (r.by_hand)
        printf("%u times a person at a terminal opened or dropped a secret or a pseudonym, or was refused: "
               "left out, for rules and caps do not apply to that, only freeze and approvers\n",
               r.by_hand);
    if (r.odd)
        printf("%u lines are no records and were passed over\n", r.odd);
    return 0;
}
