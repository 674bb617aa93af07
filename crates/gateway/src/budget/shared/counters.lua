-- One hash holds everything, so that it is there whole or not at all. Its fields:
--   !run       the run of the server that it was written in: another run may have lost some of it
--   !expected  the servers that may hold something, by the records, when the counters began
--   !in:NODE   the server has said everything that it holds
--   !open      1 once all of those have
--   others     one counter: for each server its ceiling, what it has spent, and the number of its last claim
-- Answers are a word and numbers, the first of which is the time in milliseconds.
local key, act = KEYS[1], ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')

local function missing()
  local count = 0
  for _, node in ipairs(cjson.decode(redis.call('HGET', key, '!expected'))) do
    if redis.call('HEXISTS', key, '!in:' .. node) == 0 then count = count + 1 end
  end
  return count
end

if act == 'found' then
  if redis.call('HGET', key, '!run') ~= run then
    redis.call('DEL', key)
    redis.call('HSET', key, '!run', run, '!expected', ARGV[2], '!open', '0')
  end
  return { 'ok', { now } }
end
if act == 'lose' then
  redis.call('DEL', key)
  return { 'ok', { now } }
end

local node = ARGV[2]
local known = redis.call('HMGET', key, '!run', '!open', '!in:' .. node)
if known[1] ~= run then return { 'lost', { now } } end

if act == 'state' then
  return { known[3] and 'joined' or 'alien', { now } }
end
if act == 'join' then
  redis.call('HSET', key, '!in:' .. node, '1')
  if known[2] ~= '1' and missing() == 0 then redis.call('HSET', key, '!open', '1') end
  return { 'ok', { now } }
end

-- claim NODE COUNTER LIMIT SEQUENCE SPENT CEILING NEED SCARCE PART BASE
local field = ARGV[3]
local limit, sequence, spent, ceiling = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local need, scarce_for, part = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
-- A server that is not known has to say everything first; saying is what it may do.
if need > 0 and not known[3] then return { 'alien', { now } } end
local packed = redis.call('HGET', key, field)
local counter
if packed then
  counter = cmsgpack.unpack(packed)
elseif ARGV[11] == '' then
  return { 'unknown', { now } }
else
  counter = { refused = 0, nodes = {} }
  for id, sum in pairs(cjson.decode(ARGV[11])) do counter.nodes[id] = { sum, sum, 0 } end
end
local mine = counter.nodes[node] or { 0, 0, 0 }
if sequence <= mine[3] then return { 'stale', { now, mine[3] } } end
local ceilings, elsewhere = 0, 0
for id, one in pairs(counter.nodes) do
  if id ~= node then
    ceilings = ceilings + one[1]
    elsewhere = elsewhere + one[2]
  end
end
local open = known[2] == '1'
local scarce = now - counter.refused < scarce_for
local more = 0
if need > 0 and open then
  local free = math.max(0, limit - ceilings - ceiling)
  local ahead = 0
  if not scarce then ahead = math.floor(free / part) end
  more = math.min(free, math.max(need, ahead))
  if more < need then
    counter.refused = now
    scarce = true
  end
end
-- After the limit was lowered, more may be held than there is.
if ceilings + ceiling > limit then scarce = true end
counter.nodes[node] = { ceiling + more, spent, sequence }
counter.touched = now
redis.call('HSET', key, field, cmsgpack.pack(counter))
local waits = 0
if not open then waits = missing() end
return { 'share', { now, ceiling + more, elsewhere, ceilings - elsewhere, scarce and 1 or 0, open and 0 or 1, waits } }
