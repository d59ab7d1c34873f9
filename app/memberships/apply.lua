-- Applies a run of changes of one partition, and moves its position, as one.
--
-- KEYS[1]  what is known of the projection itself: generation, position:<partition>, ...
-- ARGV     generation, partition, position before, position after, prefix of keys, how long a fence lives (ms),
--          and in MessagePack a list of updates: {user, sequence, kind, ...}
--   entered, updated: field, instant (ms), how the entry begins (`since`), the rest of the entry
--   exited:           field
--   whole:            {field, instant (ms), entry} ...: all that the user is in
--   (a field is the segment; by value, NUL and the value stand behind it)
--   moved, alone:     the other key: this one has moved to it, or is its own again
-- Returns {1, applied, gaps}, or {0, what it is instead} where the generation or the position is another.
local found = redis.call('HMGET', KEYS[1], 'generation', 'position:' .. ARGV[2])
if found[1] ~= ARGV[1] or (found[2] or '') ~= ARGV[3] then
  return {0, found[1] or '', found[2] or ''}
end
-- The first write: if memory is full, Redis refuses this one, and nothing has happened.
redis.call('HSET', KEYS[1], 'position:' .. ARGV[2], ARGV[4])

local SINCE_LENGTH = 36 -- of {"since":"2026-01-01T00:00:00.000Z",
local prefix, fence_ms = ARGV[5], ARGV[6]
local applied, gaps = 0, 0

local function segment_of(field)
  return string.match(field, '^[^%z]*')
end

-- By value: the user is in the segment while they are in by any.
local function is_in(key, segment)
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if segment_of(field) == segment then
      return true
    end
  end
  return false
end

local function enter(field, instant, user)
  local segment = segment_of(field)
  if segment == field then
    redis.call('ZADD', prefix .. 'segment:' .. segment, instant, user)
  else
    redis.call('ZADD', prefix .. 'segment:' .. segment, 'LT', instant, user)
  end
end

local function leave_everything(user, key)
  for _, field in ipairs(redis.call('HKEYS', key)) do
    redis.call('ZREM', prefix .. 'segment:' .. segment_of(field), user)
  end
  redis.call('DEL', key)
end

local function redirect(user, kind, other)
  local key = prefix .. 'moved:' .. user
  if kind == 'moved' then
    redis.call('SET', key, other)
  elseif redis.call('GET', key) == other then
    redis.call('DEL', key)
  end
end

local function apply(user, sequence, kind, update)
  local fence = prefix .. 'sequence:' .. user
  -- Asked and set in one call, as nearly all changes are new ones.
  local known = redis.call('SET', fence, sequence, 'PX', fence_ms, 'GET')
  if known and tonumber(sequence) <= tonumber(known) then
    redis.call('SET', fence, known, 'PX', fence_ms)
  else
    local key = prefix .. 'user:' .. user
    if kind == 'exited' then
      local segment = segment_of(update[4])
      redis.call('HDEL', key, update[4])
      if segment == update[4] or not is_in(key, segment) then
        redis.call('ZREM', prefix .. 'segment:' .. segment, user)
      end
    elseif kind == 'whole' then
      leave_everything(user, key)
      for number = 4, #update do
        local entry = update[number]
        redis.call('HSET', key, entry[1], entry[3])
        enter(entry[1], entry[2], user)
      end
    else
      local since = update[6]
      local before = kind == 'updated' and redis.call('HGET', key, update[4])
      if before then
        since = string.sub(before, 1, SINCE_LENGTH)
      else
        enter(update[4], update[5], user)
      end
      redis.call('HSET', key, update[4], since .. update[7])
    end
    applied = applied + 1
    if known and kind ~= 'whole' and tonumber(sequence) > tonumber(known) + 1 then
      gaps = gaps + 1
    end
  end
end
for _, update in ipairs(cmsgpack.unpack(ARGV[7])) do
  local user, sequence, kind = update[1], update[2], update[3]
  if kind == 'moved' or kind == 'alone' then
    redirect(user, kind, update[4])
    applied = applied + 1
  else
    apply(user, sequence, kind, update)
  end
end
return {1, applied, gaps}
