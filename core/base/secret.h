/* secret.h - the API token: from a file, a command, or the environment; never from the INI or argv.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_SECRET_H
#define KMCP_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Page-locked where the system allows; wiped by secret_free(). */
struct secret {
    char *text;
    size_t len;
};

/* FILE must be a regular file, owned by us or root, not readable by group or others (0600 or 0400), of at
 * most 4 KiB; trailing white space is dropped. Checked by descriptor. False with one sentence in WHY (never
 * the content). */
bool secret_from_file(struct secret *s, const char *file, char *why, size_t why_size);
/* Runs COMMAND with /bin/sh -c, without our stdin and stdout, at most TIMEOUT_MS; its output is the secret.
 */
bool secret_from_command(struct secret *s, const char *command, int timeout_ms, char *why, size_t why_size);
bool secret_from_text(struct secret *s, const char *text, char *why, size_t why_size);
/* One line of visible ASCII, nothing that could end an HTTP header. All of the above call it. */
bool secret_is_header_safe(const char *text, size_t len);
void secret_free(struct secret *s);

#endif
