/* Points in time as microseconds since 1970, and the forms in which the API writes them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_WHEN_H
#define TENANT_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#define WHEN_SECOND ((int64_t)1000000)
#define WHEN_HOUR   (3600 * WHEN_SECOND)
#define WHEN_DAY    (24 * WHEN_HOUR)

enum when_form {
    WHEN_ISO,     /* 2024-07-23T14:11:37.150080Z */
    WHEN_SPACE,   /* 2024-01-26 16:15:36.087016+00:00 */
    WHEN_PLAIN,   /* 2024-06-17 11:32:35+00:00 */
    WHEN_OFFSET,  /* 2023-12-01T23:38:29.671124+00:00 */
    WHEN_NAIVE,   /* 2023-10-13 16:15:00.000000 */
    WHEN_PROFILE, /* 2024-05-13 20:09:23 +0000 */
    WHEN_SCAN,    /* Feb 27, 2024 at 7:34:21 AM */
    WHEN_HTTP     /* Tue, 24 Nov 2026 04:21:00 GMT */
};

#define WHEN_SIZE 48

/* Zero means never and gives "". Returns buf. */
char *when_format(char buf[WHEN_SIZE], int64_t us, enum when_form form);
/* "2 days ago", as the API shows the time since boot. */
char *when_ago(char buf[WHEN_SIZE], int64_t age_us);
/* Reads any of the first four forms, and a date alone. */
bool when_parse(const char *text, int64_t *us);
int64_t when_real(void);      /* the wall clock */
int64_t when_monotonic(void); /* for elapsed time */

#endif
