/* The control paths: who answers which. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "stats.h"

#include <string.h>

void control_refuse(struct call *c, int status, const char *text)
{
    out_free(&c->out);
    c->status = status;
    out_open(&c->out, NULL, '{');
    out_string(&c->out, "control_error", text);
    out_close(&c->out, '}');
}

void control_handle(struct call *c)
{
    bool get = strcmp(c->method, "GET") == 0;
    bool post = strcmp(c->method, "POST") == 0;
    if (strcmp(c->path, "/__truth") == 0 && get) {
        control_truth(c);
    } else if (strcmp(c->path, "/__stats") == 0 && get) {
        stats_write(c);
    } else if (strcmp(c->path, "/__stats") == 0 && post) {
        stats_reset(c->t->stats);
        out_text(&c->out, "{}");
    } else if (strcmp(c->path, "/__set") == 0 && post) {
        control_set(c);
    } else {
        control_refuse(c, 404, "no such control; use GET /__truth, GET or POST /__stats, POST /__set");
    }
}
