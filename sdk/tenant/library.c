/* The tenant's library items, and which blueprint holds which. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "library.h"

#include "rng.h"

#include <string.h>

const struct library_item library_items[] = {
    { "FileVault", "profile", "profile" },
    { "Passcode", "profile", "profile" },
    { "Wi-Fi “Büro”", "profile", "profile" },
    { "Google Chrome", "automatic-app", "app" },
    { "Slack", "vpp-app", "app" },
    { "macOS Tahoe", "macos-release", "app" },
    { "Rename by serial", "custom-script", "script" },
    { "VPN client", "custom-app", "app" },
    { "Avert", "threat-security-policy", "profile" },
    { "Setup assistant", "kandji-setup", "profile" },
    { "Firewall", "profile", "profile" },
    { "Work profile", "android-config", "profile" },
};
const unsigned library_count = sizeof library_items / sizeof library_items[0];

const struct library_parameter library_parameters[] = {
    { "Ensure Gatekeeper is enabled", "Privacy & Security", "Security" },
    { "Enable application firewall", "Network", "Firewall" },
    { "Require password on wake", "Lock Screen", "Password" },
    { "Disable guest account", "Users", "Guest" },
    { "Report FileVault", "Privacy & Security", "FileVault" },
    { "Enable stealth mode", "Network", "Firewall" },
};
const unsigned library_parameter_count = sizeof library_parameters / sizeof library_parameters[0];

bool library_holds(unsigned blueprint, unsigned item)
{
    return blueprint + 1 < name_blueprint_count && (item * 7 + blueprint * 3) % 4 != 0;
}

uint64_t library_key(const struct fleet *f, unsigned item)
{
    return rng_draw(f->seed, 0x11B00000U + item);
}

const char *library_status(const struct device *d, unsigned item)
{
    /* Profiles use their own lower-case words. */
    static const char *const profile[] = { "success", "success", "success", "success", "pending", "failed" };
    static const char *const other[] = { "PASS",      "PASS",         "PASS",        "PASS",
                                         "PENDING",   "ERROR",        "INSTALLING",  "CHANGE_PENDING",
                                         "EXCLUDED",  "INCOMPATIBLE", "DOWNLOADING", "CACHED",
                                         "AVAILABLE", "PASS" };
    uint64_t roll = rng_draw(d->key, 400 + (uint64_t)item);
    if (strcmp(library_items[item].type, "profile") == 0)
        return profile[roll % 6];
    return other[roll % 14];
}

bool library_has_parameters(const struct device *d)
{
    return d->platform == MAC && !name_blueprints[d->blueprint].map;
}

uint64_t library_parameter_key(const struct fleet *f, unsigned parameter)
{
    return rng_draw(f->seed, 0x9A00000U + parameter);
}

const char *library_parameter_status(const struct device *d, unsigned parameter)
{
    static const char *const words[] = { "PASS",  "PASS",    "PASS",         "REMEDIATED",
                                         "ERROR", "PENDING", "INCOMPATIBLE", "WARNING" };
    return words[rng_below(d->key, 700 + (uint64_t)parameter, 8)];
}

enum library_group library_group(const char *status)
{
    static const struct {
        const char *status;
        enum library_group group;
    } groups[] = {
        { "ERROR", LIBRARY_FAILED },      { "failed", LIBRARY_FAILED },
        { "PASS", LIBRARY_GOOD },         { "success", LIBRARY_GOOD },
        { "AVAILABLE", LIBRARY_GOOD },    { "REMEDIATED", LIBRARY_GOOD },
        { "EXCLUDED", LIBRARY_NOT_HERE }, { "INCOMPATIBLE", LIBRARY_NOT_HERE },
        { "WARNING", LIBRARY_WARNING },
    };
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (strcmp(groups[i].status, status) == 0)
            return groups[i].group;
    return LIBRARY_WAITING;
}
