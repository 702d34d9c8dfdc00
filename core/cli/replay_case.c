/* replay_case.c - the case that a record tells of, and what the record leaves out.  SPDX-License-Identifier:
 * Apache-2.0 */

#include <string.h>

#include "base/clock_read.h"
#include "base/digest.h"
#include "call.h"
#include "policy/scope.h"
#include "replay_case.h"

static const uint8_t no_key[DIGEST_SIZE]; /* nothing of this is kept */

static kmcp_safety class_of(const char *name)
{
    for (kmcp_safety i = 0; name && i <= KMCP_DESTROY; i++)
        if (strcmp(name, scope_class_name(i)) == 0)
            return i;
    return KMCP_SAFETY_UNSET;
}

bool replay_case(struct arena *a, const kmcp_json *record, struct policy_case *out)
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
    "name", "serial", "user", "user_name", "blueprint", "blueprint_id", "platform", "tag", NULL
};

static bool says_any(const struct policy_case *c, size_t subject, const char *const *names)
{
    for (; *names; names++)
        if (case_says(c, subject, *names))
            return true;
    return false;
}

bool replay_is_personal(const char *fact)
{
    for (const char *const *name = personal; *name; name++)
        if (strcmp(fact, *name) == 0)
            return true;
    return false;
}

bool replay_is_redacted(const kmcp_json *record)
{
    const kmcp_json *subject = json_at(json_get(record, "subjects"), 0);

    return subject && !json_get(subject, "label");
}

const struct policy_case *replay_without(struct arena *a, const kmcp_json *record,
                                         const struct policy_case *past)
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
        const char *const *gone = !says_any(past, i, all)                                      ? all
                                  : !says_any(past, i, personal) && replay_is_redacted(record) ? personal
                                                                                               : NULL;

        for (; gone && *gone; gone++)
            facts[n++] = (struct policy_fact){ i, *gone, "" };
    }
    *out = *past;
    out->facts = facts;
    out->n_facts = n;
    return n > past->n_facts ? out : NULL;
}
