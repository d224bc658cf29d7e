"""The scripts of sessions in Redis: each uses one key, so that it runs on a cluster.

Each may be sent a second time, after an answer that was lost.
"""

from backends.record import HEAD_LENGTH, OWNER_LENGTH

CREATE_AGAIN = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return redis.pcall('GET', KEYS[1]) == ARGV[1] and 1 or 0
"""
"""KEYS: the record. ARGV: the record, milliseconds to live.

Takes a record that is the same for the one that the first command wrote. Returns whether it is.
"""

REPLACE = f"""
local head = redis.pcall('GETRANGE', KEYS[1], 0, {HEAD_LENGTH - 1})
if type(head) == 'table' then return head end
if head == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1 end
if head == string.sub(ARGV[2], 1, {HEAD_LENGTH}) then return 1 end
return redis.call('GET', KEYS[1])
"""
"""KEYS: the record. ARGV: its head as it was loaded, the new record, milliseconds to live.

A compare-and-set in one atomic step. Returns 1 if the record is the new one now (sent again, it may
have been before), nothing if it ended, or else the record that another request has written.
"""

DELETE = f"""
local head = redis.pcall('GETRANGE', KEYS[1], 0, {HEAD_LENGTH + OWNER_LENGTH - 1})
if type(head) == 'table' then head = '' end
return {{redis.call('DEL', KEYS[1]), head, ARGV[1]}}
"""
"""KEYS: the record. ARGV: `first` or `again`.

Returns whether there was one, the part of it that names its owner, and the argument, by which a
second try is known.
"""

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
