/* GET /library/custom-apps, custom-profiles and custom-scripts: what people made themselves. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_LIBRARY_LIST_H
#define TENANT_LIBRARY_LIST_H

#include "call.h"

void library_apps(struct call *c);
void library_profiles(struct call *c);
void library_scripts(struct call *c);

#endif
