/* The control paths /__truth, /__stats and /__set, for tests and for people who want to look behind the
 * curtain. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_CONTROL_H
#define TENANT_CONTROL_H

#include "call.h"

void control_handle(struct call *c);
void control_truth(struct call *c);
void truth_fleet(struct call *c);
void truth_prism(struct call *c);
void truth_compliance(struct call *c);
void control_set(struct call *c);
void control_refuse(struct call *c, int status, const char *text);

#endif
