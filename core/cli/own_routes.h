/* own_routes.h - what the host's own commands ask of the tenant, beside the plugins. SPDX-License-Identifier:
 * Apache-2.0
 *
 * All of it GET and READ. A command that asks for anything gets a row here, or kmcp attest would not tell.
 */
#ifndef KMCP_OWN_ROUTES_H
#define KMCP_OWN_ROUTES_H

#include <kmcp/plugin.h>
#include <stdbool.h>

enum {
    OWN_DEVICES,
    OWN_BLUEPRINTS,
    OWN_EVENTS,
    OWN_USERS,
    OWN_TAGS,
    OWN_LICENSING,
    OWN_VULNERABILITIES,
    OWN_APPS,
    OWN_PROFILES,
    OWN_SCRIPTS,
    OWN_ADE,
    OWN_ROUTES
};

struct own_route {
    struct kmcp_route route;
    const char *by;  /* the commands that send it */
    bool shows_more; /* kmcp doctor asks it only to see whether the token may do more than is needed */
};

extern const struct own_route own_routes[OWN_ROUTES];

#endif
