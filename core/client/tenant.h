/* tenant.h - which tenant, where, with which token: [tenant] and the field's environment variables.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_TENANT_H
#define KMCP_TENANT_H

#include <stdbool.h>
#include "base/config.h"
#include "base/secret.h"

struct tenant {
    char base_url[300];
    const char *token_file, *token_command; /* where the token comes from; both NULL: KANDJI_API_TOKEN */
    const char *ca_file;
    int timeout_s;
    int token_line;
};

/* Reads [tenant]; KANDJI_SUBDOMAIN and KANDJI_REGION fill in what the INI leaves out, and never override it.
 * Region us or eu in any case; subdomain one DNS label; base_url https, or http on 127.0.0.0/8, ::1 and
 * localhost. Anything else: false with the config's error, before any packet. */
bool tenant_read(struct tenant *t, struct config *c);
/* ca_file, if there is one, is nobody else's to change (trust.h). False with one sentence in WHY. */
bool tenant_ca_is_fit(const struct tenant *t, char *why, size_t why_size);
/* Obtains the token, when it is first needed. False with one sentence in WHY. */
bool tenant_token(const struct tenant *t, struct secret *token, char *why, size_t why_size);

#endif
