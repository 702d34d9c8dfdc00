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
