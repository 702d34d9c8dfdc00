/* Fault rules: the SPEC grammar, and which requests a rule hits. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include "options.h"
#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_RULES 64

/* An answer that replaces the real one. `seed` is its text in the seed's dialect, NULL to send the same. */
struct fault_answer {
    const char *kind;
    int status;
    const char *type;
    const char *body;
    const char *seed;
    const char *header, *value; /* value "date" stands for an HTTP date at most two seconds ahead */
};

#define FAULT_JSON "application/json"
#define FAULT_PAGE "text/html; charset=utf-8"
#define FAULT_ID   "\"request_id\":\"0123456789abcdef0123456789abcdef\"}"
#define FAULT_RATE "{\"message\":\"API rate limit exceeded\"," FAULT_ID

static const struct fault_answer answers[] = {
    { "401", 401, FAULT_JSON, "{\"detail\":\"Invalid token.\"}", "Invalid or expired API token", 0, 0 },
    { "403", 403, FAULT_JSON, "{\"detail\":\"You do not have permission to perform this action.\"}",
      "You do not have permission to perform this action.", 0, 0 },
    { "404", 404, FAULT_JSON, "{\"detail\":\"Not found.\"}", "Device not found", 0, 0 },
    { "404html", 404, FAULT_PAGE,
      "<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Not Found</title>\n</head>\n<body>\n  <h1>Not "
      "Found</h1>"
      "<p>The requested resource was not found on this server.</p>\n</body>\n</html>\n",
      0, 0, 0 },
    { "404empty", 404, NULL, "", 0, 0, 0 },
    { "405", 405, FAULT_JSON, "{\"detail\":\"Method not allowed.\"}", "Method not allowed.", "Allow",
      "GET, OPTIONS" },
    { "429", 429, FAULT_JSON, FAULT_RATE, "Rate limit exceeded", "Retry-After", "1" },
    { "429bare", 429, FAULT_JSON, FAULT_RATE, "Rate limit exceeded", 0, 0 },
    { "429reset", 429, FAULT_JSON, FAULT_RATE, "Rate limit exceeded", "RateLimit-Reset", "1" },
    { "429date", 429, FAULT_JSON, FAULT_RATE, "Rate limit exceeded", "Retry-After", "date" },
    { "500", 500, FAULT_JSON, "{\"detail\":\"Internal server error.\"}", "Kandji API error", 0, 0 },
    { "500html", 500, FAULT_PAGE,
      "<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Server Error (500)</title>\n</head>\n<body>\n"
      "  <h1>Server Error (500)</h1><p></p>\n</body>\n</html>\n",
      0, 0, 0 },
    { "500empty", 500, NULL, "", 0, 0, 0 },
    { "502", 502, FAULT_JSON,
      "{\"message\":\"An invalid response was received from the upstream server\"," FAULT_ID,
      "Kandji API error", 0, 0 },
    { "503", 503, FAULT_JSON, "{\"message\":\"failure to get a peer from the ring-balancer\"," FAULT_ID,
      "Kandji API error", 0, 0 },
    { "504", 504, FAULT_JSON, "{\"message\":\"The upstream server is timing out\"," FAULT_ID,
      "Kandji API error", 0, 0 },
    { "error-string", 400, FAULT_JSON, "\"This device is already locked.\"", 0, 0, 0 },
    { "error-list", 400, FAULT_JSON, "[\"Device is not in lost mode.\"]", 0, 0, 0 },
    { "error-detail", 400, FAULT_JSON, "{\"detail\":\"Invalid category: x\"}", 0, 0, 0 },
    { "error-fieldmap", 400, FAULT_JSON, "{\"dep_account\":[\"Enter a valid UUID.\"]}", 0, 0, 0 },
    { "error-error", 400, FAULT_JSON, "{\"error\":\"Bad Request\"}", 0, 0, 0 },
    { "error-message", 404, FAULT_JSON, "{\"message\":\"no Route matched with those values\"," FAULT_ID, 0, 0,
      0 },
};

/* Faults other than whole answers; a rule of these kinds sets one field. */
static const struct {
    const char *kind;
    enum fault_wire wire;
    unsigned body;
    unsigned effect;
    bool drop;
} changes[] = {
    { "hang", FAULT_HANG, 0, 0, false },
    { "cut", FAULT_CUT, 0, 0, false },
    { "close", FAULT_CLOSE, 0, 0, false },
    { "badjson", FAULT_SEND, FAULT_BADJSON, 0, false },
    { "badtype", FAULT_SEND, FAULT_BADTYPE, 0, false },
    { "gzip", FAULT_SEND, FAULT_GZIP, 0, false },
    { "extra", FAULT_SEND, FAULT_EXTRA, 0, false },
    { "huge", FAULT_SEND, FAULT_HUGE, 0, false },
    { "nul", FAULT_SEND, FAULT_NUL, 0, false },
    { "badutf8", FAULT_SEND, FAULT_BADUTF8, 0, false },
    { "dup", FAULT_SEND, 0, CALL_DUP, false },
    { "userempty", FAULT_SEND, 0, CALL_NO_USER, false },
    { "unknownplatform", FAULT_SEND, 0, CALL_PLATFORM, false },
    { "missing", FAULT_SEND, 0, 0, true },
};

struct fault_rule {
    int answer; /* index into answers, or -1 */
    int change; /* index into changes, or -1 */
    int64_t slow_ms;
    char *path, *method;
    int64_t after, count, every;
    int64_t seen, hit;
};

struct fault_rules {
    struct fault_rule rules[FAULT_RULES];
    size_t n;
};

struct fault_rules *fault_rules_new(void)
{
    return calloc(1, sizeof(struct fault_rules));
}

void fault_clear(struct fault_rules *rules)
{
    for (size_t i = 0; i < rules->n; i++) {
        free(rules->rules[i].path);
        free(rules->rules[i].method);
    }
    memset(rules, 0, sizeof *rules);
}

void fault_rules_free(struct fault_rules *rules)
{
    if (rules)
        fault_clear(rules);
    free(rules);
}

static bool fault_kind(struct fault_rule *r, const char *kind)
{
    if (strncmp(kind, "slow=", 5) == 0)
        return options_number(kind + 5, 0, 3600000, &r->slow_ms);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (strcmp(answers[i].kind, kind) == 0)
            r->answer = (int)i;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        if (strcmp(changes[i].kind, kind) == 0)
            r->change = (int)i;
    return r->answer >= 0 || r->change >= 0;
}

static bool fault_limit(struct fault_rule *r, const char *word)
{
    if (strncmp(word, "path=", 5) == 0 && !r->path)
        return (r->path = strdup(word + 5)) != NULL;
    if (strncmp(word, "method=", 7) == 0 && !r->method)
        return (r->method = strdup(word + 7)) != NULL;
    if (strncmp(word, "after=", 6) == 0)
        return options_number(word + 6, 0, INT32_MAX, &r->after);
    if (strncmp(word, "count=", 6) == 0)
        return options_number(word + 6, 1, INT32_MAX, &r->count);
    return strncmp(word, "every=", 6) == 0 && options_number(word + 6, 1, INT32_MAX, &r->every);
}

bool fault_add(struct fault_rules *rules, const char *spec)
{
    char *copy = strdup(spec);
    if (!copy || rules->n == FAULT_RULES) {
        free(copy);
        return false;
    }
    struct fault_rule rule = { .answer = -1, .change = -1, .every = 1 };
    bool good = true;
    bool first = true;
    for (char *word = copy; good && word; first = false) {
        char *next = strchr(word, ',');
        if (next)
            *next++ = '\0';
        good = first ? fault_kind(&rule, word) : fault_limit(&rule, word);
        word = next;
    }
    free(copy);
    if (good) {
        rules->rules[rules->n++] = rule;
    } else {
        free(rule.path);
        free(rule.method);
    }
    return good;
}

static bool fault_hits(struct fault_rule *r, const struct call *c)
{
    if ((r->path && !strstr(c->target, r->path)) || (r->method && strcmp(r->method, c->method) != 0))
        return false;
    int64_t number = r->seen++ - r->after;
    if (number < 0 || (number + 1) % r->every != 0 || (r->count && r->hit >= r->count))
        return false;
    r->hit++;
    return true;
}

void fault_choose(struct fault_rules *rules, struct call *c, struct fault_plan *plan)
{
    memset(plan, 0, sizeof *plan);
    for (size_t i = 0; i < rules->n; i++) {
        struct fault_rule *r = &rules->rules[i];
        if (!fault_hits(r, c))
            continue;
        plan->delay_ms += r->slow_ms;
        if (r->answer >= 0 && !plan->answer)
            plan->answer = &answers[r->answer];
        if (r->change >= 0) {
            if (changes[r->change].wire != FAULT_SEND)
                plan->wire = changes[r->change].wire;
            plan->body |= changes[r->change].body;
            c->effects |= changes[r->change].effect;
            c->out.drop |= changes[r->change].drop;
        }
    }
}

void fault_write_answer(struct call *c, const struct fault_answer *answer)
{
    if (c->t->seed_dialect && answer->seed) {
        call_fail(c, answer->status, CALL_DETAIL, answer->seed);
    } else {
        out_free(&c->out);
        c->status = answer->status;
        c->type = answer->type;
        out_text(&c->out, answer->body);
    }
    if (!answer->header)
        return;
    char date[WHEN_SIZE];
    bool dated = strcmp(answer->value, "date") == 0;
    /* The client compares with the Date header, which is the real clock's; rounded up to a whole second. */
    when_format(date, when_real() + 2 * WHEN_SECOND, WHEN_HTTP);
    call_header(c, answer->header, "%s", dated ? date : answer->value);
}
