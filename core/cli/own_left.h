/* own_left.h - what kmcp's own commands began and did not end.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_OWN_LEFT_H
#define KMCP_OWN_LEFT_H

#include "cli.h"

/* Finds what a command that shows or drops a secret began and has no end on record, prints it and, where its
 * process is gone, puts that on record. *N: how many there were. False with a sentence in WHY. */
bool own_left_end(struct host *host, size_t *n, char *why, size_t why_size);

#endif
