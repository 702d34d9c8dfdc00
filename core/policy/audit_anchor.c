/* audit_anchor.c - the chain's latest MAC, told elsewhere.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "audit_anchor.h"
#include "audit_chain.h"
#include "base/clock.h"
#include "base/log.h"

#ifndef LOG_AUTHPRIV
#define LOG_AUTHPRIV LOG_AUTH
#endif

void anchor_host(char *out, size_t size)
{
    if (gethostname(out, size) != 0)
        snprintf(out, size, "unknown");
    out[size - 1] = '\0';
    out[strcspn(out, " \t\n/")] = '\0';
}

static int open_anchors(const char *file)
{
    return open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
}

bool anchor_ready(const char *file, char *why, size_t why_size)
{
    int fd = open_anchors(file);

    if (fd < 0)
        snprintf(why, why_size, "the anchor file \"%.300s\" cannot be written (%s); make it writable", file,
                 strerror(errno));
    else
        close(fd);
    return fd >= 0;
}

void anchor_write(const char *file, bool to_syslog, const char *audit_path, uint64_t seq, const char *mac)
{
    char line[1500], when[32], host[256];
    int len, fd;

    if (to_syslog)
        syslog(LOG_AUTHPRIV | LOG_NOTICE, "kmcp audit anchor %s %llu %s", audit_path, (unsigned long long)seq,
               mac);
    if (!file)
        return;
    anchor_host(host, sizeof host);
    len = snprintf(line, sizeof line, "%s %s %s %llu %s\n", clock_iso(clock_unix_ms(), when, sizeof when),
                   host, audit_path, (unsigned long long)seq, mac);
    fd = open_anchors(file);
    if (fd < 0 || write(fd, line, (size_t)len) != len)
        log_line(KMCP_LOG_ERROR, "audit", "the anchor file \"%s\" cannot be written (%s); make it writable",
                 file, strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* Cuts the last word off TEXT; NULL: there is no other before it. */
static char *cut_last(char *text)
{
    char *space = strrchr(text, ' ');

    if (!space)
        return NULL;
    *space = '\0';
    return space + 1;
}

/* From its end: a path may hold spaces. */
bool anchor_parse(char *line, struct anchor *out)
{
    char *mac, *seq, *rest;

    line[strcspn(line, "\r\n")] = '\0';
    mac = cut_last(line);
    seq = mac ? cut_last(line) : NULL;
    rest = seq ? strchr(line, ' ') : NULL;
    if (!rest || strlen(mac) != CHAIN_MAC_HEX || !*seq || strlen(seq) > 18 || seq[strspn(seq, "0123456789")])
        return false;
    *out = (struct anchor){ .mac = mac, .seq = strtoull(seq, NULL, 10), .path = ++rest };
    if (*rest == '/')
        return true;
    out->host = rest;
    rest = strchr(rest, ' ');
    if (!rest)
        return false;
    *rest = '\0';
    out->path = rest + 1;
    return out->path[0] == '/';
}
