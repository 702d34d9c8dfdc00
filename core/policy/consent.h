/* consent.h - a person's yes, bound to exactly what was asked, spent once.  SPDX-License-Identifier:
 * Apache-2.0
 *
 * The question goes out with a sealed state (HMAC-SHA256): what it is bound to,
 * when it expires, a nonce. The answer comes back with it. A tampered, expired, foreign or spent state is
 * refused; a changed plan asks again.
 */
#ifndef KMCP_CONSENT_H
#define KMCP_CONSENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/digest.h"

#define CONSENT_LIFE_MS  (10 * 60 * 1000)
#define CONSENT_ROUNDS   8
#define CONSENT_TEXT_MAX 512

struct consent; /* key, and nonces spent in this process; call_consent.c spends them in the state as well */

/* What a yes is bound to. DIGEST covers tool, canonical arguments, subjects and sentence (consent_digest). */
struct consent_bond {
    uint8_t call[DIGEST_SIZE]; /* of principal, tool and canonical arguments */
    uint8_t plan[DIGEST_SIZE]; /* of subjects and sentence                   */
};

enum consent_verdict {
    CONSENT_GOOD,  /* ours, alive, unspent, same call and plan: now spent            */
    CONSENT_STALE, /* ours and same call, but the plan changed: ask again            */
    CONSENT_EXPIRED,
    CONSENT_SPENT,
    CONSENT_FOREIGN /* not ours, tampered with, or for another call                   */
};

/* KEY: what seals; the same in all processes that share approvals. */
struct consent *consent_new(const uint8_t key[DIGEST_SIZE]);
void consent_free(struct consent *c);
/* Seals a state for a question asked now. False: no randomness or digest to be had; the act is refused. ROUND
 * counts the questions of this call, from 1. */
bool consent_seal(struct consent *c, const struct consent_bond *bond, unsigned round, int64_t now_unix_ms,
                  char out[CONSENT_TEXT_MAX]);
/* Judges STATE for BOND. SPEND: a GOOD one is spent here, atomically, before the act. ROUND (may be NULL)
 * gets its round; NONCE_HEX (33 bytes, may be NULL) its nonce, for the audit: of any state that is ours. */
enum consent_verdict consent_judge(struct consent *c, const struct consent_bond *bond, const char *state,
                                   bool spend, int64_t now_unix_ms, unsigned *round, char *nonce_hex);

#endif
