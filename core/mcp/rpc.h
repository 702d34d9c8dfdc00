/* rpc.h - one JSON-RPC message, read and classified.  SPDX-License-Identifier: Apache-2.0 */
#ifndef KMCP_RPC_H
#define KMCP_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include "base/arena.h"
#include "base/json.h"

#define RPC_PARSE     (-32700)
#define RPC_INVALID   (-32600)
#define RPC_NO_METHOD (-32601)
#define RPC_PARAMS    (-32602)
#define RPC_INTERNAL  (-32603)
#define RPC_MISSING   (-32002) /* a resource that is not there, until 2025-11-25    */
#define RPC_HEADERS   (-32020) /* an HTTP header that is missing or says otherwise than the body */
#define RPC_LACKS     (-32021) /* the client does not offer what this needs; data names it */
#define RPC_REVISION  (-32022) /* revision not served; data names those that are */

enum rpc_kind {
    RPC_REQUEST,
    RPC_NOTIFICATION,
    RPC_RESPONSE,
    RPC_BATCH, /* an array: see rpc_split */
    RPC_BAD    /* answer CODE and WHY, with the id if one could be read */
};

/* A span of the message's own bytes. */
struct rpc_raw {
    const char *text; /* NULL: none */
    size_t len;
};

struct rpc_message {
    enum rpc_kind kind;
    struct rpc_raw text; /* all of it */
    const kmcp_json *root;
    const kmcp_json *params; /* an object, or NULL: none */
    const char *method;
    struct rpc_raw id; /* as written: it is echoed byte for byte */
    const char *key;   /* the id as a value, for comparing: "1" and "\u0031" are the same id, 1 is another */
    int code;
    const char *why;
};

/* TEXT must live as long as the arena. */
void rpc_read(struct arena *a, const char *text, size_t len, struct rpc_message *m);
/* The key of an id that is a member of parsed JSON: RAW is its text. NULL: not a string or an integer
 * literal. */
const char *rpc_key(struct arena *a, const kmcp_json *id, struct rpc_raw raw);
/* The raw text of OBJECT.KEY, where OBJECT is the raw text of a JSON object. */
struct rpc_raw rpc_member(struct rpc_raw object, const char *key);
/* The elements of a batch, one after the other: *AT starts at 0. False after the last. */
bool rpc_split(struct rpc_raw batch, size_t *at, struct rpc_raw *element);

#endif
