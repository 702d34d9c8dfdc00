/* test.h - what every unit test includes.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_TEST_H
#define KMCP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Says what was there when a sentence is not the one expected. */
#define assert_has(text, part)                                                                               \
    do {                                                                                                     \
        if (!strstr((text), (part)))                                                                         \
            fail_msg("\"%s\" does not hold \"%s\"", (text), (part));                                         \
    } while (0)
#define assert_lacks(text, part)                                                                             \
    do {                                                                                                     \
        if (strstr((text), (part)))                                                                          \
            fail_msg("\"%s\" holds \"%s\"", (text), (part));                                                 \
    } while (0)

#endif
