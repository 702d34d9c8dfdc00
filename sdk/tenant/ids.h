/* UUIDs and other identifiers made from numbers. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TENANT_IDS_H
#define TENANT_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDS_SIZE 37

void ids_uuid(uint64_t key, uint64_t id[2]); /* a version 4 UUID as two numbers */
char *ids_format(char buf[IDS_SIZE], const uint64_t id[2]);
char *ids_text(char buf[IDS_SIZE], uint64_t key); /* both at once */
bool ids_parse(const char *text, uint64_t id[2]); /* exactly 8-4-4-4-12, any case */

/* n characters of `alphabet` drawn from key; buf holds n + 1. */
char *ids_letters(char *buf, size_t n, uint64_t key, const char *alphabet);
/* -1 if this is not base64; otherwise the number of bytes put into buf, which is ended with NUL. */
long ids_base64_read(char *buf, size_t size, const char *text);
void ids_base64(char *buf, const char *bytes, size_t n); /* buf holds n * 4 / 3 + 4 */

#endif
