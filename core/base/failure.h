/* failure.h - what went wrong in a call, said once, for the model and the person.  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_FAILURE_H
#define KMCP_FAILURE_H

#include <stdarg.h>
#include <stdbool.h>
#include <kmcp/plugin.h>

struct failure {
    kmcp_rc rc; /* KMCP_OK: nothing went wrong yet */
    bool cut;   /* there was more to say than there is room for */
    char text[1500];
};

/* Keeps the first failure: whoever detects it says it, everyone above only returns RC. Returns RC. */
kmcp_rc failure_set(struct failure *f, kmcp_rc rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
kmcp_rc failure_vset(struct failure *f, kmcp_rc rc, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

#endif
