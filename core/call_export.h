/* call_export.h - the record of a file that a call leaves.  SPDX-License-Identifier: Apache-2.0
 *
 * Reading is on no record, but a file takes what was read past the conversation. So its intent is written
 * before it is begun, and its outcome, with what is in it, before it has its name.
 */
#ifndef KMCP_CALL_EXPORT_H
#define KMCP_CALL_EXPORT_H

#include "call.h"
#include "query/export.h"

/* One file under way; CALL is the caller's to set. */
struct call_export {
    struct call *call;
    struct audit_call record;
    struct audit_export file;
};

/* For query(); X must outlive it. */
struct export_record call_export_record(struct call_export *x);

#endif
