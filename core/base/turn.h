/* turn.h - processes that take turns, by a lock file: whoever just had the turn does not take it again before
 * one that waits.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_TURN_H
#define KMCP_TURN_H

#include <stdbool.h>
#include <stdint.h>

/* Waits up to WAIT_MS for the turn. FD: the lock file, open for writing; the turn ends with turn_end(), when
 * the process ends, or when it closes any descriptor of that file. False, with errno, if another has it all
 * the time. */
bool turn_take(int fd, int64_t wait_ms);
void turn_end(int fd);

#endif
