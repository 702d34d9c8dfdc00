/* manifest.c - finds and reads the manifest text in a plugin file.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "manifest.h"

#define FILE_LIMIT (64 << 20)
#define HEAD       "\n[kmcp-manifest]\n"
#define TAIL       "[end]\n"

static const char *find(const char *bytes, size_t len, const char *text)
{
    size_t n = strlen(text);

    for (const char *p = bytes; (size_t)(bytes + len - p) >= n; p++) {
        p = memchr(p, text[0], (size_t)(bytes + len - p) - n + 1);
        if (!p)
            return NULL;
        if (memcmp(p, text, n) == 0)
            return p;
    }
    return NULL;
}

static bool read_line(struct manifest *m, const char *line, size_t len)
{
    char text[80];
    int used = 0;

    if (len >= sizeof text || memchr(line, '\0', len))
        return false;
    memcpy(text, line, len);
    text[len] = '\0';
    if (strncmp(text, "abi=", 4) == 0)
        return sscanf(text, "abi=%5u.%5u%n", &m->abi_major, &m->abi_minor, &used) == 2 && (size_t)used == len;
    if (strncmp(text, "name=", 5) == 0 && text_is_name(text + 5, 32)) {
        memcpy(m->name, text + 5, len - 5 + 1);
        return true;
    }
    if (strncmp(text, "version=", 8) == 0 && len > 8 && len - 8 < sizeof m->version) {
        memcpy(m->version, text + 8, len - 8 + 1);
        return true;
    }
    return false;
}

bool manifest_parse(struct manifest *m, const char *bytes, size_t len, char *why, size_t why_size)
{
    const char *head = find(bytes, len, HEAD), *at, *tail;

    memset(m, 0, sizeof *m);
    if (!head) {
        snprintf(why, why_size, "it holds no kmcp manifest; is it a kmcp plugin, built with KMCP_PLUGIN()?");
        return false;
    }
    at = head + strlen(HEAD);
    if (find(at, len - (size_t)(at - bytes), HEAD)) {
        snprintf(why, why_size, "it holds two kmcp manifests; a plugin file is one plugin");
        return false;
    }
    tail = find(at, len - (size_t)(at - bytes) < 300 ? len - (size_t)(at - bytes) : 300, TAIL);
    while (tail && at < tail) {
        const char *end = memchr(at, '\n', (size_t)(tail - at));

        if (!end || !read_line(m, at, (size_t)(end - at)))
            break;
        at = end + 1;
    }
    if (!tail || at != tail || !m->name[0] || !m->version[0]) {
        snprintf(why, why_size, "its manifest is malformed; build it with KMCP_PLUGIN() of kmcp/plugin.h");
        return false;
    }
    return true;
}

bool manifest_read(struct manifest *m, const char *path, char *why, size_t why_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void *bytes;
    bool ok;

    if (fd < 0 || fstat(fd, &st) != 0) {
        snprintf(why, why_size, "it cannot be opened (%s)", strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (st.st_size == 0 || st.st_size > FILE_LIMIT) {
        snprintf(why, why_size, "it is %s", st.st_size ? "over 64 MB" : "empty");
        close(fd);
        return false;
    }
    bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED) {
        snprintf(why, why_size, "it cannot be read (%s)", strerror(errno));
        return false;
    }
    ok = manifest_parse(m, bytes, (size_t)st.st_size, why, why_size);
    munmap(bytes, (size_t)st.st_size);
    return ok;
}
