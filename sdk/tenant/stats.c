/* What the tenant was asked: counts, the last requests, and every act with its body, for tests to judge. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATS_ACTS   1000
#define STATS_LINES  200
#define STATS_ROUTES 64
#define STATS_BODY   4096

struct stats_act {
    char *method, *path, *body;
    int64_t at_us;
    int status;
};

struct stats {
    int64_t total;
    int64_t by_route[STATS_ROUTES]; /* the last one counts requests to no endpoint */
    int64_t by_status[600];
    int64_t running, most;
    struct stats_act acts[STATS_ACTS];
    int64_t acts_made;
    char *lines[STATS_LINES];
    int64_t lines_made;
    char traceparent[64]; /* of the last request; "": none */
};

struct stats *stats_new(void)
{
    return calloc(1, sizeof(struct stats));
}

static void act_clear(struct stats_act *a)
{
    free(a->method);
    free(a->path);
    free(a->body);
    memset(a, 0, sizeof *a);
}

void stats_reset(struct stats *s)
{
    int64_t running = s->running;
    for (size_t i = 0; i < STATS_ACTS; i++)
        act_clear(&s->acts[i]);
    for (size_t i = 0; i < STATS_LINES; i++)
        free(s->lines[i]);
    memset(s, 0, sizeof *s);
    s->running = s->most = running;
}

void stats_free(struct stats *s)
{
    if (s)
        stats_reset(s);
    free(s);
}

void stats_enter(struct stats *s)
{
    if (++s->running > s->most)
        s->most = s->running;
}

void stats_leave(struct stats *s)
{
    s->running--;
}

void stats_count(struct call *c, const struct route *row)
{
    struct stats *s = c->t->stats;
    s->total++;
    s->by_route[row ? row - route_table : STATS_ROUTES - 1]++;
    if (c->status >= 0 && c->status < 600)
        s->by_status[c->status]++;
    snprintf(s->traceparent, sizeof s->traceparent, "%s", c->traceparent ? c->traceparent : "");
    char **line = &s->lines[s->lines_made++ % STATS_LINES];
    size_t size = strlen(c->method) + strlen(c->target) + 2;
    free(*line);
    *line = malloc(size);
    if (*line)
        snprintf(*line, size, "%s %s", c->method, c->target);
    if (strcmp(c->method, "GET") == 0 || strcmp(c->method, "HEAD") == 0)
        return;
    struct stats_act *a = &s->acts[s->acts_made++ % STATS_ACTS];
    act_clear(a);
    a->method = strdup(c->method);
    a->path = strdup(c->target);
    a->body = strndup(c->body, STATS_BODY);
    a->at_us = tenant_now(c->t);
    a->status = c->status;
}

static void stats_write_acts(struct out *o, const struct stats *s)
{
    out_open(o, "non_get", '[');
    int64_t from = s->acts_made > STATS_ACTS ? s->acts_made - STATS_ACTS : 0;
    for (int64_t i = from; i < s->acts_made; i++) {
        const struct stats_act *a = &s->acts[i % STATS_ACTS];
        char when[WHEN_SIZE];
        out_open(o, NULL, '{');
        out_string(o, "method", a->method);
        out_string(o, "path", a->path);
        out_string(o, "body", a->body);
        out_int(o, "status", a->status);
        out_string(o, "time", when_format(when, a->at_us, WHEN_ISO));
        out_close(o, '}');
    }
    out_close(o, ']');
    out_open(o, "last_requests", '[');
    from = s->lines_made > STATS_LINES ? s->lines_made - STATS_LINES : 0;
    for (int64_t i = from; i < s->lines_made; i++)
        out_string(o, NULL, s->lines[i % STATS_LINES]);
    out_close(o, ']');
}

void stats_write(struct call *c)
{
    struct out *o = &c->out;
    const struct stats *s = c->t->stats;
    char key[200];
    out_open(o, NULL, '{');
    out_int(o, "total", s->total);
    out_int(o, "max_concurrent", s->most);
    out_open(o, "by_route", '{');
    for (size_t i = 0; i < route_count; i++) {
        snprintf(key, sizeof key, "%s /api/v1/%s", route_table[i].method, route_table[i].path);
        if (s->by_route[i])
            out_int(o, key, s->by_route[i]);
    }
    if (s->by_route[STATS_ROUTES - 1])
        out_int(o, "other", s->by_route[STATS_ROUTES - 1]);
    out_close(o, '}');
    out_open(o, "by_status", '{');
    for (int i = 0; i < 600; i++) {
        snprintf(key, sizeof key, "%d", i);
        if (s->by_status[i])
            out_int(o, key, s->by_status[i]);
    }
    out_close(o, '}');
    if (s->traceparent[0])
        out_string(o, "last_traceparent", s->traceparent);
    stats_write_acts(o, s);
    out_close(o, '}');
}
