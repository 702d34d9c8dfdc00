/* lazy.c - internal modules, mapped at their first use.  SPDX-License-Identifier: Apache-2.0 */

#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lazy.h"
#include "trust.h"

#ifndef RTLD_NODELETE
#define RTLD_NODELETE 0
#endif

int lazy_exe(char *out, size_t size)
{
#ifdef __APPLE__
    uint32_t room = (uint32_t)size;

    return _NSGetExecutablePath(out, &room) == 0;
#else
    ssize_t n = readlink("/proc/self/exe", out, size - 1);

    if (n <= 0 || (size_t)n >= size - 1)
        return 0;
    out[n] = '\0';
    return 1;
#endif
}

int lazy_beside_exe(const char *relative, char *out, size_t size)
{
    char exe[PATH_MAX], joined[2 * PATH_MAX], real[PATH_MAX];
    char *slash;

    if (!lazy_exe(exe, sizeof exe) || !(slash = strrchr(exe, '/')))
        return 0;
    *slash = '\0';
    if (snprintf(joined, sizeof joined, "%s/%s", exe, relative) >= (int)sizeof joined ||
        !realpath(joined, real) || strlen(real) >= size)
        return 0;
    memcpy(out, real, strlen(real) + 1);
    return 1;
}

const void *lazy_load(const char *name, const char *symbol, char *why, size_t why_size)
{
    char relative[128], path[PATH_MAX], real[PATH_MAX], trust[400];
    const void *table;
    void *module;

    snprintf(relative, sizeof relative, "../lib/kmcp/kmcp-%s.so", name);
    if (!lazy_beside_exe(relative, path, sizeof path)) {
        snprintf(why, why_size, "%s is not beside this program; install kmcp again", relative);
        return NULL;
    }
    if (!trust_file(path, real, sizeof real, trust, sizeof trust)) {
        snprintf(why, why_size, "kmcp-%s.so is refused: %s", name, trust);
        return NULL;
    }
    module = dlopen(real, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!module) {
        const char *error = dlerror();

        snprintf(why, why_size, "%s cannot be loaded (%s); install kmcp again", path,
                 error ? error : "unknown");
        return NULL;
    }
    table = dlsym(module, symbol);
    if (!table)
        snprintf(why, why_size, "%s holds no %s; install kmcp again", path, symbol);
    return table;
}
