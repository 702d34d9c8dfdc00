/* What is installed on a device. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_APPS_H
#define TENANT_APPS_H

#include "fleet.h"

/* Names, bundles and versions that every device has; the further apps of a Mac are made-up utilities. */
struct app {
    const char *name, *bundle, *source, *team, *developer;
    bool vendable;
};

unsigned apps_count(const struct device *d);
const struct app *apps_known(unsigned i); /* NULL for a utility */
uint64_t apps_key(const struct device *d, unsigned i);
/* Each returns buf. */
char *apps_name(unsigned i, char buf[FLEET_TEXT]);
char *apps_bundle(unsigned i, char buf[FLEET_TEXT]);
char *apps_version(const struct device *d, unsigned i, char buf[FLEET_TEXT]);
/* "" off the Mac; some people keep apps in their home. */
char *apps_path(const struct fleet *f, const struct device *d, unsigned i, char buf[FLEET_TEXT]);
unsigned apps_bytes(const struct device *d, unsigned i);

#endif
