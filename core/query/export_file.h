/* export_file.h - a file under way: locked while it is written, found again when its process is gone.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It is called NAME.ID.part until it is whole, ID being that of its record. Its lock goes with its process,
 * so one that can be locked is a leftover. Whoever makes or looks for one holds the folder's lock, for a
 * moment.
 */
#ifndef KMCP_EXPORT_FILE_H
#define KMCP_EXPORT_FILE_H

#include <stdbool.h>
#include "base/failure.h"

#define EXPORT_ID 32 /* hexadecimal digits of a record's id */

struct export_file {
    int fd;                    /* -1: there is none, or no more */
    char path[700], part[740]; /* as it will be called, and while it is written */
};

/* A name in FOLDER (an absolute path that only we may write) that nothing else has: TOOL, the time, a random
 * number, ENDING. False with F set. */
bool export_file_name(struct export_file *x, const char *folder, const char *tool, const char *ending,
                      struct failure *f);
/* The name, without the folder. */
const char *export_file_label(const struct export_file *x);
/* Makes it (0600), for the record ID. False with errno. */
bool export_file_make(struct export_file *x, const char *id);
/* It gets its name. False with errno. */
bool export_file_place(struct export_file *x);
/* It is given up. Not RECORDED: it stays, empty, and whoever finds it records that it is not there. */
void export_file_drop(struct export_file *x, bool recorded);
/* Tells EACH of every one in FOLDER whose process is gone: its name, its tool, its record. True: it goes, and
 * a manifest that was beside it. */
typedef bool (*export_left_fn)(void *arg, const char *name, const char *tool, const char *id);
void export_file_left(const char *folder, export_left_fn each, void *arg);

#endif
