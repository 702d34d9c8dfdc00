/* trust.c - the walk from a file up to the root.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trust.h"

static bool check_one(const char *path, bool is_file, char *why, size_t why_size)
{
    struct stat st;
    bool sticky_dir;

    if (lstat(path, &st) != 0) {
        snprintf(why, why_size, "\"%s\" cannot be examined (%s)", path, strerror(errno));
        return false;
    }
    sticky_dir = S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX);
    if (is_file && !S_ISREG(st.st_mode))
        snprintf(why, why_size, "\"%s\" is not a regular file", path);
    else if (st.st_uid != 0 && st.st_uid != geteuid())
        snprintf(why, why_size,
                 "\"%s\" belongs to uid %lu, who could change it; chown it to root or to the user that "
                 "runs kmcp",
                 path, (unsigned long)st.st_uid);
    else if ((st.st_mode & 022) && !sticky_dir)
        snprintf(why, why_size, "\"%s\" may be written by %s; chmod go-w it", path,
                 st.st_mode & 02 ? "everybody" : "its group");
    else
        return true;
    return false;
}

/* The directories above RESOLVED, which is cut short on the way. */
static bool check_above(char *resolved, char *why, size_t why_size)
{
    char *slash;

    while ((slash = strrchr(resolved, '/')) && slash != resolved) {
        *slash = '\0';
        if (!check_one(resolved, false, why, why_size))
            return false;
    }
    return check_one("/", false, why, why_size);
}

bool trust_above(const char *path, char *why, size_t why_size)
{
    char resolved[PATH_MAX + 2], folder[PATH_MAX];
    const char *slash = strrchr(path, '/');

    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    if (!realpath(folder, resolved)) {
        snprintf(why, why_size, "\"%s\" %s", folder, errno == ENOENT ? "does not exist" : strerror(errno));
        return false;
    }
    if (resolved[1]) /* the folder itself counts */
        memcpy(resolved + strlen(resolved), "/", 2);
    return check_above(resolved, why, why_size);
}

bool trust_file(const char *path, char *real, size_t real_size, char *why, size_t why_size)
{
    char resolved[PATH_MAX];

    if (!realpath(path, resolved)) {
        snprintf(why, why_size, "\"%s\" %s", path, errno == ENOENT ? "does not exist" : strerror(errno));
        return false;
    }
    if (strlen(resolved) >= real_size) {
        snprintf(why, why_size, "\"%s\" is too long a path", path);
        return false;
    }
    memcpy(real, resolved, strlen(resolved) + 1);
    return check_one(resolved, true, why, why_size) && check_above(resolved, why, why_size);
}
