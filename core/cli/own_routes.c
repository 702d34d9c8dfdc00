/* own_routes.c - what the host's own commands ask of the tenant.  SPDX-License-Identifier: Apache-2.0 */

#include "own_routes.h"

#define GET(get_path, get_permission, ...)                                                                   \
    {                                                                                                        \
        .method = "GET", .path = "/api/v1/" get_path, .permission = get_permission, .safety = KMCP_READ,     \
        __VA_ARGS__                                                                                          \
    }
/* What a token can be allowed beyond the modules' needs, by the cheapest GET that shows it (api section 4).
 */
#define MORE(get_path, get_permission)                                                                       \
    {                                                                                                        \
        GET(get_path, get_permission, .flags = 0), "kmcp doctor", true                                       \
    }

const struct own_route own_routes[OWN_ROUTES] = {
    [OWN_DEVICES] = { GET("devices", "Device list", .paging = KMCP_PAGES_OFFSET), "kmcp doctor", false },
    [OWN_BLUEPRINTS] = { GET("blueprints", "List Blueprints", .paging = KMCP_PAGES_OFFSET), "kmcp doctor",
                         false },
    [OWN_EVENTS] = { GET("audit/events", "List audit events", .flags = KMCP_ROUTE_RETRY),
                     "kmcp audit reconcile, kmcp doctor", false },
    [OWN_USERS] = MORE("users", "List users"),
    [OWN_TAGS] = MORE("tags", "Get Tags"),
    [OWN_LICENSING] = MORE("settings/licensing", "Licensing"),
    [OWN_VULNERABILITIES] = MORE("vulnerability-management/vulnerabilities", "List Vulnerabilities"),
    [OWN_APPS] = MORE("library/custom-apps", "Custom Apps: List"),
    [OWN_PROFILES] = MORE("library/custom-profiles", "Custom Profiles: List"),
    [OWN_SCRIPTS] = MORE("library/custom-scripts", "Custom Scripts: List"),
    [OWN_ADE] = MORE("integrations/apple/ade", "List integrations"),
};
