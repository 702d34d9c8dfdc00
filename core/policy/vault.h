/* vault.h - secrets that the API returned, kept for a person and not for the conversation: sealed in the
 * state, known to everybody else by a handle.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_VAULT_H
#define KMCP_VAULT_H

#include "base/json.h"
#include "state/state.h"

#define VAULT_HANDLE "secret:"
#define VAULT_SIZE   40 /* of a handle, with its end */

struct vault_item {
    char handle[VAULT_SIZE];
    const char *value; /* only where vault_open gives it */
    const char *what;  /* the field's name: "filevault_key" */
    const char *tool, *principal;
    const char *subject, *label; /* the device's id and what people know it by */
    int64_t created_ms, expires_ms;
    int64_t version;
};

struct vault;

/* KEEP_MS: how long. The key is vault.key in the state's folder, made when first needed. */
struct vault *vault_new(struct state *s, int64_t keep_ms);
void vault_free(struct vault *v);
/* Could a secret be kept now? False with a sentence in WHY. */
bool vault_ready(struct vault *v, char *why, size_t why_size);
/* Seals ITEM and names it: fills handle, created_ms and expires_ms. False with a sentence in WHY. Any thread.
 */
bool vault_keep(struct vault *v, struct vault_item *item, char *why, size_t why_size);
/* What HANDLE is, in A; VALUE only with REVEAL. NO: there is none (opened, expired, never was). */
enum state_rc vault_find(struct vault *v, struct arena *a, const char *handle, bool reveal,
                         struct vault_item *out, char *why, size_t why_size);
/* Takes it out of the state, overwriting it. NO: somebody else was faster. */
enum state_rc vault_drop(struct vault *v, const struct vault_item *item);
enum state_rc vault_all(struct vault *v, struct arena *a, struct vault_item **out, size_t *n);

#endif
