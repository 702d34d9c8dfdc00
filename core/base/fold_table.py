#!/usr/bin/env python3
"""Writes fold_table.h.  SPDX-License-Identifier: Apache-2.0"""
import pathlib
import unicodedata


def fold(text):
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())


rows = []
for c in range(0x80, 0xFB00):
    if c < 0xAC00 and fold(chr(c)) != chr(c):  # beyond are Hangul, which has a rule, surrogates, private use, ideographs
        rows.append("{ 0x%X, { %s } }" % (c, ", ".join("0x%X" % ord(f) for f in fold(chr(c)))))
lines, line = [], "   "
for row in rows:
    if len(line) + len(row) > 109:
        lines.append(line)
        line = "   "
    line += " " + row + ","
with open(pathlib.Path(__file__).with_suffix(".h"), "w", encoding="ascii") as out:
    out.write("/* fold_table.h - made by fold_table.py from Unicode %s: NFD(casefold(NFD(c))) where that is not c.\n"
              " * SPDX-License-Identifier: Apache-2.0 */\n/* clang-format off */\n"
              "static const struct {\n    uint16_t from, to[4];\n} folds[] = {\n%s\n};\n"
              "/* clang-format on */\n" % (unicodedata.unidata_version, "\n".join([*lines, line])))
