/* sealed.h - texts that the state keeps and only this site's key opens.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KMCP_SEALED_H
#define KMCP_SEALED_H

#include "base/arena.h"
#include "base/digest.h"

/* PLAIN sealed under KEY, as text without quotes or spaces. NULL: no memory, or no OpenSSL. */
const char *sealed_text(struct arena *a, const uint8_t key[DIGEST_SIZE], const char *plain);
/* What was sealed. NULL: it was not, or under another key. */
const char *sealed_open(struct arena *a, const uint8_t key[DIGEST_SIZE], const char *text);

#endif
