/* audit_record.h - what a record says, as the members of an object (audit_chain.h).  SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef KMCP_AUDIT_RECORD_H
#define KMCP_AUDIT_RECORD_H

#include "audit.h"
#include "base/buf.h"

/* Initialises B and begins a record of EVENT in it, of the call with ID; buf_free() it. */
void record_begin(struct buf *b, const char *event, const char *id);
/* Adds ,"KEY":"VALUE", neutral text and not longer than a record needs; nothing for NULL. */
void record_str(struct buf *b, const char *key, const char *value);
/* Adds what all records of a call repeat. */
void record_call(struct buf *b, const struct audit_call *call);

#endif
