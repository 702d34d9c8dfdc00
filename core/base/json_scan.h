/* json_scan.h - the strict reading that cJSON does not do.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_JSON_SCAN_H
#define KMCP_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include "json.h"

struct json_scan {
    size_t strings, values; /* how many there are */
    bool big_numbers;       /* an integer that a double cannot hold: its literal must be kept */
    bool nuls;              /* a "\u0000" escape */
};

/* Checks TEXT as json.h promises. False with *ERROR filled. */
bool json_scan(const char *text, size_t len, unsigned flags, struct json_scan *found,
               struct json_error *error);
/* True if the integer literal at TEXT is outside what a double holds exactly. */
bool json_scan_is_big(const char *literal, size_t len);

#endif
