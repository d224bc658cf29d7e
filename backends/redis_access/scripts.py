"""The scripts of sessions in Redis: each uses one key, so that it runs on a cluster.

Each may be sent a second time, after an answer that was lost.
"""

from backends.record import CREATED, EXPIRES, OWNER, SEAL_LENGTH

CREATE = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  if ARGV[1] ~= 'again' or redis.call('HLEN', KEYS[1]) * 2 ~= #ARGV - 2 then return 0 end
  for i = 3, #ARGV, 2 do
    if redis.call('HGET', KEYS[1], ARGV[i]) ~= ARGV[i + 1] then return 0 end
  end
  return 1
end
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
"""KEYS: the record. ARGV: `first` or `again`, milliseconds to live, then name, text, name, text, …

Sent again, it takes a record that holds the same for the one that it wrote the first time.
"""

UPDATE = f"""
local was = redis.call('HMGET', KEYS[1], '{EXPIRES}', '{OWNER}', '{CREATED}')
local ends = was[1] and tonumber(string.sub(was[1], {SEAL_LENGTH + 1}))
if not ends or ends <= tonumber(ARGV[2]) then return 0 end
local last = 3 + 2 * tonumber(ARGV[3])
for i = 4, last, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = last + 1, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return was
"""
"""KEYS: the record. ARGV: milliseconds to live, now, the number of fields, name, text, name, text,
…, removed names. As one atomic step, so nothing ends the session between check and write.

Returns 0 if it ended, or else its sealed end before the update, its owner and its beginning.
"""

DELETE_AGAIN = "return {redis.call('DEL', KEYS[1])}"
"""KEYS: the record. DEL, but with a list as its answer, by which a second try is known."""

ENLIST = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, ARGV[2])
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  local score = ARGV[2] + ARGV[3]
  local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
  if last and tonumber(last) >= score then score = last + 0.000001 end
  redis.call('ZADD', KEYS[1], string.format('%.6f', score), ARGV[1])
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""
"""KEYS: an owner's list. ARGV: key to add, now, longest life of a session (seconds).

A row's score is when its session must have ended, and rises with each row, whatever the clocks of
servers say. Each login removes the rows of such sessions; without logins the list expires. Rows
below 0 are those of `END_OLDEST`.
"""

RENEW_ROW = """
local score = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or nil)
if not score or (score >= 0 and score < tonumber(ARGV[3])) then
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
"""
"""KEYS: an owner's list. ARGV: key, score of a missing row, lowest score of a row, seconds to live.

A row that is there stays in its place, unless it would leave the list before its session ends.
"""

ROWS = "return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')"
"""KEYS: an owner's list. Returns key, score, key, score, …, by whatever protocol."""

END_OLDEST = """
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
local rows = redis.call('ZRANGEBYSCORE', KEYS[1], 0, '+inf')
for i = 1, #rows - tonumber(ARGV[2]) do redis.call('ZADD', KEYS[1], -1, rows[i]) end
local ended = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(0')
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then ended[#ended + 1] = ARGV[1] end
return ended
"""
"""KEYS: an owner's list. ARGV: the caller's key, how many rows to keep.

Gives the oldest rows a score below 0, and returns all that have one, whoever gave it: who is
interrupted before their records are deleted leaves that to the next login. The caller's key is
returned too if another login has removed its row; a list that is gone was evicted.
"""
