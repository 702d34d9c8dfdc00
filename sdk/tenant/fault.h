/* Faults on demand: which requests are hit, and what happens to their answers. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_FAULT_H
#define TENANT_FAULT_H

#include "call.h"

/* What becomes of the answer on the wire. */
enum fault_wire { FAULT_SEND, FAULT_HANG, FAULT_CUT, FAULT_CLOSE };

/* All that the faults hitting one request ask for. */
struct fault_plan {
    const struct fault_answer *answer; /* instead of the handler's, or NULL */
    enum fault_wire wire;
    int64_t delay_ms;
    unsigned body; /* bits of fault_body.c, applied to the finished body */
};

struct fault_rules *fault_rules_new(void);
void fault_rules_free(struct fault_rules *rules);
void fault_clear(struct fault_rules *rules);
bool fault_add(struct fault_rules *rules, const char *spec); /* false: not a SPEC */
/* Counts the request against every rule; may set c->effects and c->out.drop. */
void fault_choose(struct fault_rules *rules, struct call *c, struct fault_plan *plan);
void fault_write_answer(struct call *c, const struct fault_answer *answer);

/* Changes to finished bodies, as bits. */
enum {
    FAULT_BADJSON = 1,
    FAULT_BADTYPE = 2,
    FAULT_GZIP = 4,
    FAULT_EXTRA = 8,
    FAULT_HUGE = 16,
    FAULT_NUL = 32,
    FAULT_BADUTF8 = 64
};
void fault_change_body(struct call *c, unsigned bits);

#endif
