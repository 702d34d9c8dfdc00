#!/bin/sh
# lint.sh - what the layout promises: dependencies point downwards, each foreign header in one place, nothing banned.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/.." || exit 1
bad=0
say() { echo "lint: $1" >&2; bad=1; }

# Layers, lowest first. A file may include its own layer and those before it. core/call*.[ch] stand between plugin and
# mcp; api.c and registry.c make the host's side of a call, so they see call.h.
set -- base state client query policy plugin mcp transport cli
higher="$*"
for layer in base state client query policy plugin mcp transport cli; do
    higher=${higher#"$layer"}
    higher=${higher# }
    for up in $higher; do
        found=$(grep -ln "#include \"$up/" core/$layer/*.[ch])
        [ -z "$found" ] || say "$found includes from $up/, which is above $layer/"
    done
    case $layer in base | state | client | query | policy)
        found=$(grep -ln '#include "call' core/$layer/*.[ch])
        [ -z "$found" ] || say "$found includes call.h, which is above $layer/" ;;
    esac
done

one_place() { # HEADER FILES: only there
    found=$(grep -rlE "#include <$1" core plugins | sort | tr '\n' ' ')
    [ "$found" = "$2 " ] || say "<$1> is included in: ${found:-nothing}; it belongs in $2"
}
one_place 'curl/' core/client/http_inner.h
one_place 'cjson/' core/base/json_inner.h
one_place 'ini\.h' core/base/config.c
one_place 'openssl/' 'core/base/digest.c core/client/http_tls.c'
one_place 'sqlite3\.h' core/state/sqlite_inner.h
one_place 'hiredis/' core/state/redis_inner.h
one_place 'event2/' 'core/transport/http_conn.c core/transport/http_conn_read.c core/transport/http_conn_write.c core/transport/http_server.c'
one_place 'dlfcn\.h' 'core/base/lazy.c core/heap.c core/plugin/loader.c'

found=$(grep -rl 'json_inner\.h"' core | grep -v '^core/base/json')
[ -z "$found" ] || say "$found looks behind json.h"
found=$(grep -rl 'http_inner\.h"' core | grep -v '^core/client/http')
[ -z "$found" ] || say "$found looks behind http.h"
found=$(grep -rlE '(redis|sqlite)_inner\.h"' core | grep -vE '^core/state/(redis|sqlite)')
[ -z "$found" ] || say "$found looks behind state_ops.h"

found=$(grep -rnE '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|system|popen|alloca)\(' core plugins sdk/include sdk/tenant --include='*.[ch]')
[ -z "$found" ] || say "banned: $found"
found=$(grep -rnE '\b(printf|puts|putchar)\(|stdout' core --include='*.c' | grep -v '^core/cli/\|^core/main.c' | grep -vE 'f?n?v?s?n?printf_|buf_|//|/\*' | grep -vE '(sn|vsn|f|buf_|buf_v|dy)printf\(|buf_puts\(|buf_putc\(')
[ -z "$found" ] || say "standard output belongs to the protocol: $found"
for plugin in plugins/*/; do
    found=$(grep -hE '#include' "$plugin"*.c | grep -vE '<(kmcp/[a-z]+|std[a-z]+|string|time|limits|ctype)\.h>|[a-z_]+\.h"')
    [ -z "$found" ] || say "$plugin uses more than the SDK and libc: $found"
    [ -f "$plugin/kmcp-$(basename "$plugin").md" ] || say "$plugin has no manual"
done
found=$(git ls-files 2>/dev/null | cut -d/ -f1 | sort -u | grep -vxE 'CMakeLists\.txt|core|plugins|sdk|conf|tests|docs|README\.md|LICENSE|\..*')
[ -z "$found" ] || say "not on the top level's list: $found"
exit $bad
