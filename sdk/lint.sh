#!/bin/sh
# lint.sh PLUGIN.so - looks at a built plugin as a host's administrator would. Needs binutils, no kmcp.
# SPDX-License-Identifier: Apache-2.0
set -u
so=${1:?usage: lint.sh PLUGIN.so}
bad=0
say() { echo "$so: $1" >&2; bad=1; }

exports=$(nm -D --defined-only "$so" | awk '$2 != "w" {print $3}' | grep -vxE '_init|_fini|__bss_start|_edata|_end' | sort | tr '\n' ' ')
[ "$exports" = "kmcp_plugin_v1 " ] || say "exports \"$exports\"; only kmcp_plugin_v1 may be (use kmcp_add_plugin, or its version script)"
nm -D --undefined-only "$so" | grep -qE ' (curl_|cJSON_|SSL_|EVP_|json_)' && say "wants curl, cJSON or OpenSSL from the host; use the host table"
nm -D --undefined-only "$so" | grep -qE ' (fork|vfork|execv|execve|system|popen|exit|_exit|pthread_create|signal|sigaction|setlocale|setenv|putenv|chdir|umask|puts|printf|putchar|dlopen)(@|$)' &&
  say "uses what a plugin may not: $(nm -D --undefined-only "$so" | grep -oE ' (fork|vfork|execv|execve|system|popen|exit|_exit|pthread_create|signal|sigaction|setlocale|setenv|putenv|chdir|umask|puts|printf|putchar|dlopen)(@|$)' | tr -d '@\n')"
foreign=$(readelf -d "$so" | awk -F'[][]' '/NEEDED/ {print $2}' | grep -vE '^(libc|libm|libpthread|ld-linux.*)\.so' | tr '\n' ' ')
[ -z "$foreign" ] || say "needs $foreign; a plugin needs libc alone"
readelf -d "$so" | grep -qE 'RPATH|RUNPATH' && say "has an RPATH"
readelf -d "$so" | grep -qE 'BIND_NOW|FLAGS.*NOW' || say "is not linked with -z now"
readelf -lW "$so" | grep -q GNU_RELRO || say "is not linked with -z relro"
constructors=$(readelf -SW "$so" | awk '$0 ~ /\.init_array/ {for (i = 1; i <= NF; i++) if ($i == "INIT_ARRAY") print $(i + 3)}')
[ -z "$constructors" ] || [ "$((0x$constructors))" -le 8 ] || say "has constructors; code may only run when the host calls it"
grep -aq '^\[kmcp-manifest\]$' "$so" || say "holds no manifest; use KMCP_PLUGIN()"
exit $bad
