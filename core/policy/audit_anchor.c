/* audit_anchor.c - the chain's latest MAC, told elsewhere.  SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "audit_anchor.h"
#include "base/clock.h"
#include "base/log.h"

#ifndef LOG_AUTHPRIV
#define LOG_AUTHPRIV LOG_AUTH
#endif

void anchor_write(const char *file, bool to_syslog, const char *audit_path, uint64_t seq, const char *mac)
{
    char line[1200], when[32];
    int len, fd;

    if (to_syslog)
        syslog(LOG_AUTHPRIV | LOG_NOTICE, "kmcp audit anchor %s %llu %s", audit_path, (unsigned long long)seq,
               mac);
    if (!file)
        return;
    len = snprintf(line, sizeof line, "%s %s %llu %s\n", clock_iso(clock_unix_ms(), when, sizeof when),
                   audit_path, (unsigned long long)seq, mac);
    fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (fd < 0 || write(fd, line, (size_t)len) != len)
        log_line(KMCP_LOG_ERROR, "audit", "the anchor file \"%s\" cannot be written (%s); make it writable",
                 file, strerror(errno));
    if (fd >= 0)
        close(fd);
}
