/* redis_lua.c - what Redis runs, each as one change. All answer numbers as text. Part of the module
 * kmcp-redis.so. SPDX-License-Identifier: Apache-2.0 */

#include "base/allowance.h"
#include "redis_inner.h"

#define TEXT_OF_(n) #n
#define TEXT_OF(n)  TEXT_OF_(n)
#define SLOTS       TEXT_OF(ALLOWANCE_SLOTS)

/* base/allowance.h in Lua; "used" is kept as numbers with commas, the latest first */
#define ALLOWANCE                                                                                            \
    "local N = " SLOTS " "                                                                                   \
    "local function settle(key, now, period)"                                                                \
    " local head, closed, text = unpack(redis.call('HMGET', key, 'head', 'closed', 'used'))"                 \
    " local width = math.ceil(period / N)"                                                                   \
    " local at = math.floor(now / width)"                                                                    \
    " head = tonumber(head or at) closed = tonumber(closed or 0)"                                            \
    " if closed > now + period then closed = now + period end"                                               \
    " local shift, old, used, sum = math.max(at - head, 0), {}, {}, 0"                                       \
    " for n in string.gmatch(text or '', '%d+') do old[#old + 1] = tonumber(n) end"                          \
    " for i = 1, N + 1 do used[i] = i > shift and old[i - shift] or 0 sum = sum + used[i] end"               \
    " if at > head or at < head - 1 then head = at end"                                                      \
    " return used, sum, head, closed, width end "                                                            \
    "local function store(key, used, head, closed, period)"                                                  \
    " redis.call('HSET', key, 'head', head, 'closed', closed, 'used', table.concat(used, ','))"              \
    " redis.call('PEXPIRE', key, 2 * period) end "

/* ARGV: now, then capacity, period, reserve, what is wanted for each key */
const char redis_take_lua[] = ALLOWANCE
    "local now, wait, all = tonumber(ARGV[1]), 0, {} "
    "for i, key in ipairs(KEYS) do "
    " local cap, period = tonumber(ARGV[4*i-2]), tonumber(ARGV[4*i-1])"
    " local reserve, want = tonumber(ARGV[4*i]), tonumber(ARGV[4*i+1])"
    " local used, sum, head, closed, width = settle(key, now, period)"
    " all[i] = {used, sum, head, closed, period, cap, want}"
    " local lacks, w, j = want + reserve - (cap - sum), 0, N + 1"
    " while j > 0 and lacks > 0 do lacks = lacks - used[j] w = (head - j + N + 2) * width - now j = j - 1 end"
    " wait = math.max(wait, w, closed - now) end "
    "local out = {} "
    "for i, key in ipairs(KEYS) do local a = all[i] "
    " if wait == 0 then a[1][1] = a[1][1] + a[7] a[2] = a[2] + a[7]"
    " store(key, a[1], a[3], a[4], a[5]) end"
    " out[i + 1] = string.format('%.0f', a[6] - a[2]) end "
    "out[1] = string.format('%.0f', wait) return out";

/* ARGV: now, capacity, period, at most, pause */
const char redis_learn_lua[] = ALLOWANCE
    "local now, cap, period = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) "
    "local most, pause = tonumber(ARGV[4]), tonumber(ARGV[5]) "
    "local used, sum, head, closed = settle(KEYS[1], now, period) "
    "local more = most >= 0 and cap - sum - most or 0 "
    "for i = 1, N + 1 do if more > 0 then local share = math.floor(more / (N + 2 - i)) "
    " used[i] = used[i] + share more = more - share end end "
    "if pause > 0 then closed = math.max(closed, now + pause) end "
    "store(KEYS[1], used, head, closed, period) return {'1'}";

/* ARGV: now, commit, then limit and period for each key */
const char redis_count_lua[] =
    "local now = tonumber(ARGV[1]) "
    "for i, key in ipairs(KEYS) do "
    " local limit, period = tonumber(ARGV[2*i+1]), tonumber(ARGV[2*i+2])"
    " redis.call('ZREMRANGEBYSCORE', key, '-inf', now - period)"
    " local n = redis.call('ZCARD', key)"
    " if n >= limit then "
    "  local wait = period"
    "  if limit > 0 then local o = redis.call('ZRANGE', key, n - limit, n - "
    "limit, 'WITHSCORES') wait = tonumber(o[2]) + "
    "period - now end"
    "  return {'0', tostring(i - 1), tostring(wait)} end end "
    "if ARGV[2] == '1' then for i, key in ipairs(KEYS) do "
    " redis.call('ZADD', key, now, redis.call('INCR', 'kmcp:events')) redis.call('PEXPIRE', "
    "key, 2 * tonumber(ARGV[2*i+2])) end end "
    "return {'1', '0', '0'}";

/* ARGV: now, version, value, expires */
const char redis_put_lua[] =
    "local now, want, expires = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4]) "
    "local ver, exp = unpack(redis.call('HMGET', KEYS[1], 'version', 'expires')) "
    "ver = tonumber(ver or 0) exp = tonumber(exp or 0) "
    "if exp ~= 0 and exp <= now then ver = 0 end "
    "if ver ~= want then return {'0'} end "
    "redis.call('DEL', KEYS[1]) "
    "redis.call('HSET', KEYS[1], 'value', ARGV[3], 'version', want + 1, 'expires', ARGV[4]) "
    "if expires ~= 0 then redis.call('PEXPIREAT', KEYS[1], expires) end return {'1'}";

/* ARGV: version */
const char redis_drop_lua[] = "local ver = redis.call('HGET', KEYS[1], 'version') "
                              "if not ver or (ARGV[1] ~= '0' and ver ~= ARGV[1]) then return {'0'} end "
                              "redis.call('DEL', KEYS[1]) return {'1'}";

/* ARGV: a value for each key */
const char redis_add_lua[] =
    "for i, key in ipairs(KEYS) do if redis.call('EXISTS', key) == 0 then "
    "redis.call('HSET', key, 'value', ARGV[i], 'version', 1, 'expires', 0) end end return {'1'}";
