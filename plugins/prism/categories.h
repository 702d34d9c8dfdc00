/* categories.h - Prism's categories: what may be asked of each.  SPDX-License-Identifier: Apache-2.0 */
#ifndef PRISM_CATEGORIES_H
#define PRISM_CATEGORIES_H

#include <kmcp/plugin.h>

#define N_CATEGORIES       16
#define DEVICE_INFORMATION 0

struct category {
    const char *name; /* as the API and callers write it */
    const char *what; /* its rows, in the plural */
    const struct kmcp_column *columns;
    uint32_t n_columns;
};

extern const struct category categories[N_CATEGORIES];
extern const struct kmcp_route prism_routes[N_CATEGORIES]; /* in the same order */

#endif
