/* /__truth?compliance=1: what GET /devices/{id}/status says, over the whole fleet. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "library.h"
#include "tally.h"

#include <stdlib.h>

#define MOST_FAILING 10
#define RULES        64 /* room for all items and parameters */

struct verdicts {
    int64_t devices, failing, none_failed, waiting, nothing_applies;
};

struct compliance {
    struct verdicts all, by_platform[PLATFORMS];
    struct tally items, parameters;
    int64_t failed[RULES]; /* devices, by item and then by parameter */
};

static void verdicts_add(struct verdicts *v, const int64_t groups[LIBRARY_WARNING + 1])
{
    bool applies = groups[LIBRARY_FAILED] || groups[LIBRARY_WAITING] || groups[LIBRARY_GOOD] ||
                   groups[LIBRARY_WARNING];
    v->devices++;
    v->failing += groups[LIBRARY_FAILED] > 0;
    v->none_failed += applies && !groups[LIBRARY_FAILED];
    v->waiting += applies && !groups[LIBRARY_FAILED] && groups[LIBRARY_WAITING];
    v->nothing_applies += !applies;
}

static void compliance_add(struct compliance *s, const struct device *d)
{
    int64_t groups[LIBRARY_WARNING + 1] = { 0 };
    for (unsigned i = 0; i < library_count; i++) {
        if (!library_holds(d->blueprint, i))
            continue;
        const char *status = library_status(d, i);
        tally_add(&s->items, status);
        groups[library_group(status)]++;
        s->failed[i] += library_group(status) == LIBRARY_FAILED;
    }
    for (unsigned i = 0; library_has_parameters(d) && i < library_parameter_count; i++) {
        const char *status = library_parameter_status(d, i);
        tally_add(&s->parameters, status);
        groups[library_group(status)]++;
        s->failed[library_count + i] += library_group(status) == LIBRARY_FAILED;
    }
    verdicts_add(&s->all, groups);
    verdicts_add(&s->by_platform[d->platform], groups);
}

static void verdicts_write(struct out *o, const struct verdicts *v)
{
    out_int(o, "devices", v->devices);
    out_int(o, "failing", v->failing);
    out_int(o, "none_failed", v->none_failed);
    out_int(o, "waiting", v->waiting);
    out_int(o, "nothing_applies", v->nothing_applies);
}

/* The commonest first, equals in the order of the tables. */
static void failing_write(struct out *o, struct compliance *s)
{
    unsigned rules = library_count + library_parameter_count;
    out_open(o, "most_failing", '[');
    for (int k = 0; k < MOST_FAILING; k++) {
        unsigned most = 0;
        for (unsigned i = 1; i < rules; i++)
            if (s->failed[i] > s->failed[most])
                most = i;
        if (s->failed[most] == 0)
            break;
        bool item = most < library_count;
        out_open(o, NULL, '{');
        out_string(o, "name",
                   item ? library_items[most].name : library_parameters[most - library_count].name);
        out_string(o, "kind", item ? "library_item" : "parameter");
        out_int(o, "devices", s->failed[most]);
        out_close(o, '}');
        s->failed[most] = 0;
    }
    out_close(o, ']');
}

static void compliance_write(struct out *o, struct compliance *s)
{
    out_open(o, NULL, '{');
    verdicts_write(o, &s->all);
    out_open(o, "by_platform", '{');
    for (int p = 0; p < PLATFORMS; p++)
        if (s->by_platform[p].devices) {
            out_open(o, name_platforms[p].name, '{');
            verdicts_write(o, &s->by_platform[p]);
            out_close(o, '}');
        }
    out_close(o, '}');
    tally_write(o, "library_items", &s->items);
    tally_write(o, "parameters", &s->parameters);
    failing_write(o, s);
    out_close(o, '}');
}

void truth_compliance(struct call *c)
{
    const struct fleet *f = &c->t->fleet;
    struct compliance *s = library_count + library_parameter_count <= RULES ? calloc(1, sizeof *s) : NULL;
    if (!s) {
        control_refuse(c, 500, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < f->count; i++)
        if (!f->devices[i].deleted)
            compliance_add(s, &f->devices[i]);
    compliance_write(&c->out, s);
    tally_free(&s->items);
    tally_free(&s->parameters);
    free(s);
}
