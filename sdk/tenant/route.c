/* The table of endpoints and the way a request finds its row. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

#include "act.h"
#include "audit.h"
#include "blueprint.h"
#include "device.h"
#include "library_list.h"
#include "people.h"
#include "prism.h"
#include "secret.h"
#include "vulnerability.h"

#include <stdio.h>
#include <string.h>

#define ROUTE_PREFIX "/api/v1/"

/* Permission names are the console's where a screenshot shows them, otherwise they follow the request names.
 */
const struct route route_table[] = {
    { "GET", "devices", device_list, "Device list" },
    { "GET", "devices/{device_id}", device_get, "Device ID" },
    { "PATCH", "devices/{device_id}", device_patch, "Update a device" },
    { "DELETE", "devices/{device_id}", device_delete, "Delete Device" },
    { "GET", "devices/{device_id}/details", device_details, "Device details" },
    { "GET", "devices/{device_id}/details/lostmode", device_lost_mode, "Get Device Lost Mode details" },
    { "GET", "devices/{device_id}/apps", device_apps, "Application list" },
    { "GET", "devices/{device_id}/activity", device_activity, "Device Activity" },
    { "GET", "devices/{device_id}/library-items", device_library_items, "Device Library Items" },
    { "GET", "devices/{device_id}/parameters", device_parameters, "Device Parameters" },
    { "GET", "devices/{device_id}/status", device_status, "Device Status" },
    { "GET", "devices/{device_id}/commands", device_commands, "Get Device Commands" },
    { "GET", "devices/{device_id}/notes", device_notes, "Get Device Notes" },
    { "POST", "devices/{device_id}/action/lock", act_lock, "Lock Device" },
    { "POST", "devices/{device_id}/action/restart", act_restart, "Restart Device" },
    { "POST", "devices/{device_id}/action/shutdown", act_shutdown, "Shutdown device" },
    { "POST", "devices/{device_id}/action/erase", act_erase, "Erase Device" },
    { "POST", "devices/{device_id}/action/blankpush", act_blankpush, "Send a blank push" },
    { "POST", "devices/{device_id}/action/updateinventory", act_updateinventory, "Update device inventory" },
    { "GET", "devices/{device_id}/secrets/filevaultkey", secret_filevault_key, "FileVault recovery key" },
    { "GET", "devices/{device_id}/secrets/unlockpin", secret_unlock_pin, "Unlock device pin" },
    { "GET", "devices/{device_id}/secrets/bypasscode", secret_bypass_code, "Activation lock bypass code" },
    { "GET", "devices/{device_id}/secrets/recoverypassword", secret_recovery_password,
      "Recovery Lock password" },
    { "GET", "blueprints", blueprint_list, "List Blueprints" },
    { "GET", "blueprints/{blueprint_id}", blueprint_get, "Get Blueprint" },
    { "GET", "blueprints/{blueprint_id}/list-library-items", blueprint_items, "List Library Items" },
    { "GET", "library/custom-apps", library_apps, "Custom Apps: List" },
    { "GET", "library/custom-profiles", library_profiles, "Custom Profiles: List" },
    { "GET", "library/custom-scripts", library_scripts, "Custom Scripts: List" },
    { "GET", "prism/count", prism_count, "Prism: Count" },
    { "GET", "prism/{category}", prism_list, "Prism" },
    { "GET", "tags", people_tags, "Get Tags" },
    { "GET", "users", people_users, "List users" },
    { "GET", "users/{user_id}", people_user, "Get user" },
    { "GET", "vulnerability-management/vulnerabilities", vulnerability_list, "List Vulnerabilities" },
    { "GET", "vulnerability-management/detections", vulnerability_detections, "List Detections" },
    { "GET", "audit/events", audit_list, "List audit events" },
};

const size_t route_count = sizeof route_table / sizeof route_table[0];

#define ROUTE_DEPTH 6

static size_t route_split(char *path, char *parts[ROUTE_DEPTH])
{
    size_t n = 0;
    while (*path) {
        char *end = strchr(path, '/');
        if (n == ROUTE_DEPTH)
            return 0;
        parts[n++] = path;
        if (!end)
            break;
        *end = '\0';
        path = end + 1;
    }
    return n;
}

static bool route_matches(const struct route *row, char *const parts[], size_t n, const char *args[CALL_ARGS])
{
    const char *at = row->path;
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        size_t word = strcspn(at, "/");
        if (word == 0)
            return false;
        if (*at == '{') {
            if (found == CALL_ARGS || !parts[i][0])
                return false;
            args[found++] = parts[i];
        } else if (strncmp(at, parts[i], word) != 0 || parts[i][word] != '\0') {
            return false;
        }
        at += word;
        if (*at == '/')
            at++;
    }
    return *at == '\0';
}

const struct route *route_find(struct call *c, char *allowed, size_t size)
{
    char *parts[ROUTE_DEPTH];
    size_t used = 0;
    allowed[0] = '\0';
    if (strncmp(c->path, ROUTE_PREFIX, sizeof ROUTE_PREFIX - 1) != 0)
        return NULL;
    /* The final slash is optional: the split leaves no empty last part. */
    size_t n = route_split(c->path + sizeof ROUTE_PREFIX - 1, parts);
    if (n == 0)
        return NULL;
    const struct route *fallback = NULL;
    for (size_t i = 0; i < route_count; i++) {
        const char *args[CALL_ARGS] = { 0 };
        if (!route_matches(&route_table[i], parts, n, args))
            continue;
        used += (size_t)snprintf(allowed + used, size - used, "%s%s", used ? ", " : "",
                                 route_table[i].method);
        if (!fallback && strcmp(route_table[i].method, c->method) == 0) {
            fallback = &route_table[i];
            memcpy(c->args, args, sizeof args);
        }
    }
    if (used)
        snprintf(allowed + used, size - used, ", OPTIONS");
    return fallback;
}
