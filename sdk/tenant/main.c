/* kmcp-tenant: a simulated Kandji (Iru) tenant to learn, demonstrate and test against. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit.h"
#include "command.h"
#include "fault.h"
#include "http.h"
#include "options.h"
#include "order.h"
#include "stats.h"
#include "when.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void main_release(struct tenant *t)
{
    fault_rules_free(t->faults);
    stats_free(t->stats);
    audit_free(t->audit);
    for (size_t i = 0; i < TENANT_DENIALS; i++)
        free(t->denied[i]);
    command_free_all(&t->fleet);
    order_free();
    fleet_free(&t->fleet);
}

int main(int argc, char **argv)
{
    static struct tenant t;
    struct options options;
    signal(SIGPIPE, SIG_IGN);
    t.faults = fault_rules_new();
    t.stats = stats_new();
    t.audit = audit_new();
    int status = 1;
    if (!t.faults || !t.stats || !t.audit) {
        fputs("kmcp-tenant: out of memory\n", stderr);
    } else {
        status = options_read(&options, &t, argc, argv);
        if (status < 0 && fleet_draw(&t.fleet, &options.plan)) {
            t.started_us = when_monotonic();
            status = http_serve(&t, options.port);
        } else if (status < 0) {
            fputs("kmcp-tenant: out of memory; ask for fewer devices\n", stderr);
            status = 1;
        }
    }
    main_release(&t);
    return status;
}
