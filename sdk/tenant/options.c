/* The command line of kmcp-tenant. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "when.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: kmcp-tenant [OPTION]...\n"
    "A simulated Kandji (Iru) tenant: the device-management API over a made-up fleet, on 127.0.0.1 only.\n"
    "\n"
    "  --port N              listen on this port; 0 lets the system choose (default 0)\n"
    "  --devices N           size of the fleet (default 700, at most 1000000)\n"
    "  --seed N              another fleet of the same size (default 1)\n"
    "  --platform-only NAME  Mac, iPhone, iPad, AppleTV, Windows or Android devices only\n"
    "  --now TIME            the tenant's clock at start, ISO 8601 (default: the real time)\n"
    "  --mark TEXT           put TEXT inside every datum about a person (A-Z a-z 0-9 _ -, at most 32)\n"
    "  --mark-secrets TEXT   the same for every secret: keys, passwords, codes, signed URLs, PINs\n"
    "  --dialect NAME        real (default) or seed: shapes of the seed's API reference\n"
    "  --token TOKEN         the bearer token to accept (default kmcp-demo-token)\n"
    "  --token-file FILE     the same, from the first line of a file\n"
    "  --deny PATTERN        refuse requests whose \"METHOD /template\" contains PATTERN (repeatable)\n"
    "  --deny-status N       how to refuse them: 403 (default) or 401\n"
    "  --rate-limit H[,S]    requests per hour and per second; 0 for no limit (default 10000,50)\n"
    "  --latency-ms N        answer every request this much later\n"
    "  --fault SPEC          KIND[,path=TEXT][,method=M][,after=N][,count=N][,every=N] (repeatable)\n"
    "  --help, --version\n"
    "\n"
    "kmcp-tenant(1) describes the kinds of faults and the control paths /__truth, /__stats and /__set.\n";

static int options_refuse(const char *what, const char *offender, const char *remedy)
{
    fprintf(stderr, "kmcp-tenant: %s \"%s\"; %s\n", what, offender, remedy);
    return 2;
}

bool options_number(const char *text, int64_t least, int64_t most, int64_t *value)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end || v < least || v > most)
        return false;
    *value = v;
    return true;
}

bool options_rate(struct tenant *t, const char *text)
{
    char hour[32];
    size_t n = strcspn(text, ",");
    int64_t per_hour, per_second = 50;
    if (n >= sizeof hour)
        return false;
    memcpy(hour, text, n);
    hour[n] = '\0';
    if (!options_number(hour, 0, INT32_MAX, &per_hour))
        return false;
    if (text[n] == ',' && !options_number(text + n + 1, 0, INT32_MAX, &per_second))
        return false;
    t->per_hour = per_hour;
    t->per_second = per_hour == 0 && text[n] == '\0' ? 0 : per_second;
    return true;
}

bool options_dialect(struct tenant *t, const char *text)
{
    if (strcmp(text, "real") != 0 && strcmp(text, "seed") != 0)
        return false;
    t->seed_dialect = strcmp(text, "seed") == 0;
    return true;
}

static bool options_token(struct tenant *t, const char *text)
{
    size_t n = strlen(text);
    if (n == 0 || n >= sizeof t->token)
        return false;
    memcpy(t->token, text, n + 1);
    return true;
}

static bool options_token_file(struct tenant *t, const char *path)
{
    char line[sizeof t->token];
    FILE *f = fopen(path, "r");
    bool good = f && fgets(line, sizeof line, f);
    if (f)
        fclose(f);
    if (!good)
        return false;
    line[strcspn(line, "\r\n")] = '\0';
    return options_token(t, line);
}

static bool options_mark(const char **mark, const char *text)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    *mark = text;
    return *text && strlen(text) <= FLEET_MARK && text[strspn(text, good)] == '\0';
}

static bool options_deny(struct tenant *t, const char *text)
{
    for (size_t i = 0; i < TENANT_DENIALS; i++)
        if (!t->denied[i]) {
            t->denied[i] = strdup(text);
            return t->denied[i] != NULL;
        }
    return false;
}

/* One option that takes a value. Returns an empty string if it went well, a remedy if the value is unusable,
   NULL if there is no such option. */
static const char *options_take(struct options *o, struct tenant *t, const char *name, const char *value)
{
    int64_t n = 0;
    const char *wrong = NULL;
    if (strcmp(name, "--port") == 0)
        wrong = options_number(value, 0, 65535, &n) ? "" : "use 0 to 65535";
    else if (strcmp(name, "--devices") == 0)
        wrong = options_number(value, 0, 1000000, &n) ? "" : "use 0 to 1000000";
    else if (strcmp(name, "--seed") == 0)
        wrong = options_number(value, 0, INT64_MAX, &n) ? "" : "use a whole number";
    else if (strcmp(name, "--latency-ms") == 0)
        wrong = options_number(value, 0, 600000, &n) ? "" : "use 0 to 600000";
    else if (strcmp(name, "--deny-status") == 0)
        wrong = options_number(value, 401, 403, &n) && n != 402 ? "" : "use 401 or 403";
    else if (strcmp(name, "--now") == 0)
        wrong = when_parse(value, &o->plan.now_us) ? "" : "use a time such as 2026-11-24T09:00:00Z";
    else if (strcmp(name, "--mark") == 0)
        wrong = options_mark(&o->plan.mark, value) ? "" : "use 1 to 32 of A-Z a-z 0-9 _ -";
    else if (strcmp(name, "--mark-secrets") == 0)
        wrong = options_mark(&o->plan.secret_mark, value) ? "" : "use 1 to 32 of A-Z a-z 0-9 _ -";
    else if (strcmp(name, "--dialect") == 0)
        wrong = options_dialect(t, value) ? "" : "use real or seed";
    else if (strcmp(name, "--token") == 0)
        wrong = options_token(t, value) ? "" : "use 1 to 255 characters";
    else if (strcmp(name, "--token-file") == 0)
        wrong = options_token_file(t, value) ? "" : "name a readable file with the token in its first line";
    else if (strcmp(name, "--deny") == 0)
        wrong = options_deny(t, value) ? "" : "use at most 32 patterns";
    else if (strcmp(name, "--rate-limit") == 0)
        wrong = options_rate(t, value) ? "" : "use PER_HOUR or PER_HOUR,PER_SECOND";
    else if (strcmp(name, "--fault") == 0)
        wrong = fault_add(t->faults, value) ? ""
                                            : "use KIND[,path=TEXT][,method=M][,after=N][,count=N][,every=N]";
    else if (strcmp(name, "--platform-only") == 0)
        wrong = (o->plan.only = name_platform_of(value)) != PLATFORMS
                    ? ""
                    : "use Mac, iPhone, iPad, AppleTV, Windows or Android";
    if (!wrong || *wrong)
        return wrong;
    if (strcmp(name, "--port") == 0)
        o->port = (int)n;
    else if (strcmp(name, "--devices") == 0)
        o->plan.count = (uint32_t)n;
    else if (strcmp(name, "--seed") == 0)
        o->plan.seed = (uint64_t)n;
    else if (strcmp(name, "--latency-ms") == 0)
        t->latency_ms = n;
    else if (strcmp(name, "--deny-status") == 0)
        t->denied_status = (int)n;
    return wrong;
}

int options_read(struct options *o, struct tenant *t, int argc, char **argv)
{
    *o = (struct options){ .plan = { .count = 700, .seed = 1, .only = PLATFORMS } };
    options_token(t, "kmcp-demo-token");
    t->per_hour = 10000;
    t->per_second = 50;
    t->denied_status = 403;
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0)
            return fputs(usage, stdout) < 0;
        if (strcmp(argv[i], "--version") == 0)
            return puts("kmcp-tenant " KMCP_VERSION) < 0;
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        const char *wrong = options_take(o, t, argv[i], value ? value : "");
        if (!wrong)
            return options_refuse("unknown option", argv[i], "--help lists the options");
        if (!value)
            return options_refuse("no value after", argv[i], "--help says which values it takes");
        if (*wrong) {
            fprintf(stderr, "kmcp-tenant: %s: unusable value \"%s\"; %s\n", argv[i],
                    strcmp(argv[i], "--token") == 0 ? "..." : value, wrong);
            return 2;
        }
    }
    if (o->plan.now_us == 0)
        o->plan.now_us = when_real();
    return -1;
}
