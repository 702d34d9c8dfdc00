/* The fixed tables from which the fleet is drawn: people, models, operating systems, blueprints, tags. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_NAMES_H
#define TENANT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum platform { MAC, IPHONE, IPAD, APPLETV, WINDOWS, ANDROID, PLATFORMS };

struct name_pair {
    const char *shown; /* UTF-8 */
    const char *ascii; /* as it stands in an e-mail address */
};

struct name_model {
    const char *model;
    const char *identifier; /* the manufacturer outside Apple */
    const char *kind;       /* how people call such a device */
    bool silicon;
    int capacity_gb;
};

struct name_os {
    const char *version;
    const char *build;
    const char *marketing;
    const char *extra_build; /* of a rapid security response */
    const char *extra_version;
};

struct name_platform {
    const char *name;
    const char *family; /* as prism calls it, NULL where prism has no such family */
    unsigned share;     /* of 100 devices */
    const struct name_model *models;
    size_t model_count;
    const struct name_os *systems;
    size_t system_count;
};

struct name_blueprint {
    const char *name;
    const char *description;
    bool map; /* assignment map, otherwise classic */
};

extern const struct name_platform name_platforms[PLATFORMS];
extern const struct name_pair name_first[];
extern const struct name_pair name_last[];
extern const size_t name_first_count;
extern const size_t name_last_count;
extern const struct name_blueprint name_blueprints[];
extern const size_t name_blueprint_count; /* the last one has no devices */
extern const char *const name_tags[];
extern const size_t name_tag_count;
extern const char *const name_mac_agents[];
extern const char *const name_windows_agents[];
#define NAME_AGENTS 3

/* The platform of that name, PLATFORMS if there is none. */
enum platform name_platform_of(const char *name);

#endif
