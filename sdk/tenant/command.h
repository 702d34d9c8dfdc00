/* The queue of MDM commands of each device, and how the tenant's clock moves them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_COMMAND_H
#define TENANT_COMMAND_H

#include "call.h"

enum command_kind { COMMAND_LOCK, COMMAND_RESTART, COMMAND_SHUTDOWN, COMMAND_ERASE, COMMAND_INVENTORY };

enum command_outcome { OUTCOME_COMPLETE, OUTCOME_NOT_NOW, OUTCOME_FAILED };

/* As the API numbers them. */
enum command_status {
    COMMAND_PENDING = 1,
    COMMAND_RUNNING,
    COMMAND_COMPLETED,
    COMMAND_FAILED,
    COMMAND_NOT_NOW
};

struct command {
    struct command *next; /* the one queued after this */
    uint64_t key;
    const char *request_type; /* Apple's name */
    int64_t requested_us, completed_us;
    int kind; /* enum command_kind, or -1 for history drawn with the device */
    enum command_outcome outcome;
    enum command_status status;
    int attempts;
};

/* What will become of the next command of this device. */
enum command_outcome command_next_outcome(const struct device *d);
const char *command_outcome_name(enum command_outcome outcome);
bool command_queue(struct tenant *t, struct device *d, enum command_kind kind, const char *request_type);
/* Moves the device's commands to where the clock says, with their effects on the device. */
void command_settle(const struct tenant *t, struct device *d);
bool command_is_pending(const struct device *d, enum command_kind kind);
void command_write(struct call *c, const char *key, const struct command *command);
void command_free_all(struct fleet *f);

#endif
