/* loader.c - one plugin file, from its path to a checked descriptor.  SPDX-License-Identifier: Apache-2.0 */

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"
#include "manifest.h"
#include "tables.h"
#include "base/trust.h"

#ifndef RTLD_NODELETE
#define RTLD_NODELETE 0
#endif

/* The size of struct kmcp_plugin in ABI 1.0; shorter ones cannot be understood. */
#define DESCRIPTOR_MIN offsetof(struct kmcp_plugin, features)

static bool check_manifest(const struct manifest *m, const char *name, char *why, size_t why_size)
{
    if (m->abi_major != KMCP_ABI_MAJOR)
        snprintf(why, why_size,
                 "it was built for kmcp ABI %u, this host has ABI %d; build it against this host's SDK",
                 m->abi_major, KMCP_ABI_MAJOR);
    else if (strcmp(m->name, name) != 0)
        snprintf(why, why_size, "it is the plugin \"%s\"; name its section [plugin %s]", m->name, m->name);
    else
        return true;
    return false;
}

static bool check_descriptor(const struct kmcp_plugin *d, const struct manifest *m, char *why,
                             size_t why_size)
{
    if (d->struct_size < DESCRIPTOR_MIN)
        snprintf(why, why_size,
                 "its descriptor is %u bytes, shorter than ABI 1.0's %zu; build it against kmcp/plugin.h",
                 (unsigned)d->struct_size, DESCRIPTOR_MIN);
    else if (d->abi_major != KMCP_ABI_MAJOR)
        snprintf(why, why_size, "its descriptor is of ABI %u, its manifest of ABI %u", (unsigned)d->abi_major,
                 m->abi_major);
    else if (d->needs_minor > KMCP_ABI_MINOR)
        snprintf(why, why_size, "it needs kmcp ABI %d.%u, this host has %d.%d; install a newer kmcp",
                 KMCP_ABI_MAJOR, (unsigned)d->needs_minor, KMCP_ABI_MAJOR, KMCP_ABI_MINOR);
    else if (d->reserved || d->reserved_1)
        snprintf(why, why_size, "a reserved field of its descriptor is not 0");
    else if (d->threading > KMCP_PARALLEL)
        snprintf(why, why_size,
                 "it declares an unknown threading model; KMCP_SERIAL and KMCP_PARALLEL are known");
    else if (!d->name || !d->version || strcmp(d->name, m->name) != 0 || strcmp(d->version, m->version) != 0)
        snprintf(why, why_size, "its descriptor and its manifest differ in name or version");
    else if (d->features & 0xFFFF & ~(KMCP_FEATURE_TELL | KMCP_FEATURE_SHOW))
        snprintf(why, why_size, "it makes use of a feature this host does not know; install a newer kmcp");
    else if (!d->summary || !*d->summary)
        snprintf(why, why_size, "it has no summary");
    else
        return true;
    return false;
}

/* Maps the file and copies its descriptor over zeros. */
static bool open_file(struct plugin *p, const struct manifest *m, char *why, size_t why_size)
{
    void *object = dlopen(p->path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    const struct kmcp_plugin *theirs = object ? dlsym(object, "kmcp_plugin_v1") : NULL;

    if (!object) {
        const char *error = dlerror();

        snprintf(why, why_size, "it cannot be loaded: %s", error ? error : "unknown");
        return false;
    }
    if (!theirs) {
        snprintf(why, why_size, "it has no symbol kmcp_plugin_v1; build it with KMCP_PLUGIN()");
        return false;
    }
    memcpy(&p->decl, theirs, theirs->struct_size < sizeof p->decl ? theirs->struct_size : sizeof p->decl);
    return check_descriptor(&p->decl, m, why, why_size);
}

struct plugin *loader_load(const char *path, const char *name, char *why, size_t why_size)
{
    struct plugin *p = calloc(1, sizeof *p);
    char real[PATH_MAX];
    struct manifest m;

    why[0] = '\0';
    if (!p || !(p->lock = calloc(1, sizeof(pthread_mutex_t)))) {
        free(p);
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    pthread_mutex_init(p->lock, NULL);
    if (trust_file(path, real, sizeof real, why, why_size) && manifest_read(&m, real, why, why_size) &&
        check_manifest(&m, name, why, why_size) && (p->path = strdup(real)) &&
        open_file(p, &m, why, why_size) && tables_take(p, why, why_size))
        return p;
    if (!why[0])
        snprintf(why, why_size, "out of memory");
    loader_free(p);
    return NULL;
}

void loader_free(struct plugin *p)
{
    if (!p)
        return;
    for (size_t i = 0; p->tools && i < p->decl.n_tools; i++) {
        schema_free(p->tools[i].input);
        schema_free(p->tools[i].output);
    }
    for (size_t i = 0; p->prompts && i < p->n_prompts; i++)
        free(p->prompts[i].args);
    pthread_mutex_destroy(p->lock);
    free(p->lock);
    free(p->prompts);
    free(p->resources);
    free(p->tools);
    free(p->routes);
    free(p->options);
    free(p->option_values);
    free(p->path);
    free(p);
}

const struct kmcp_route *loader_route(const struct plugin *p, const struct kmcp_route *address)
{
    size_t offset, at = (size_t)(uintptr_t)address, start = (size_t)(uintptr_t)p->raw_routes;

    if (!address || at < start)
        return NULL;
    offset = at - start;
    if (!p->decl.route_size || offset % p->decl.route_size || offset / p->decl.route_size >= p->n_routes)
        return NULL;
    return &p->routes[offset / p->decl.route_size];
}
