-- Reserve permits on a route: one for each call, as many of those asked for as fit before the horizon.
-- A permit is held from its moment until one second after the call can have arrived at the carrier; what is held never
-- exceeds the limit. KEYS[1]: the permits, by the moment they end (microseconds of this server's clock). KEYS[2]: `held`
-- (segments of all permits), `free` (next moment of the even pace), `share` and `cut_at` (see pacing_throttle.lua).
-- ARGV 1 limit (segments a second), 2 how far ahead one may reserve, 3 how soon a permit may be used, 4 how long an answer
--      is awaited, 5 silence after a restart, 6 catching up, 7 share regained a second, 8 latest moment the asker was ever
--      given, 9 name of the asker's permits, 10... segments of each call. Times in microseconds.
-- Answers {now, moment, moment, ...}, or {-(microseconds to wait before asking again)}.
local SECOND, GUARD, PACE = 1000000, 1000, 0.98
local time = redis.call('TIME')
local now = time[1] * SECOND + time[2]
local limit, horizon, lead, answer = tonumber(ARGV[1]), now + ARGV[2], now + ARGV[3], tonumber(ARGV[4])
local quiet, burst, seen = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[8])

local function weight(member)
    return tonumber(string.match(member, '%d+$'))
end

local state = redis.call('HMGET', KEYS[2], 'held', 'free', 'share', 'cut_at')
local held, free = tonumber(state[1] or 0), tonumber(state[2] or 0)
if not state[1] then
    -- Emptied under a sender at work: what it was given must be over first.
    redis.call('DEL', KEYS[1])
    free = seen > 0 and seen + quiet or 0
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
    held = held - weight(member)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
held = redis.call('EXISTS', KEYS[1]) == 1 and held or 0

-- A server that has just started may have lost the newest permits (its log is written once a second).
local uptime = tonumber(string.match(redis.call('INFO', 'server'), 'uptime_in_seconds:(%d+)')) * SECOND
if state[3] then
    local share = math.min(1, state[3] + (now - state[4]) / SECOND * ARGV[7])
    limit = limit * share
end

local ending = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', horizon, 'WITHSCORES')
local moments, place, left = {now}, 1, held
local moment = math.max(lead, now - uptime + quiet)
for i = 10, #ARGV do
    local wanted = tonumber(ARGV[i])
    moment = math.max(moment, free)
    while left + wanted > math.max(limit, wanted) and ending[place] do
        left = left - weight(ending[place])
        moment = math.max(moment, tonumber(ending[place + 1]))
        place = place + 2
    end
    if left + wanted > math.max(limit, wanted) then
        local next = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', horizon), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
        moment = math.max(moment, tonumber(next[2]))
    end
    if moment > horizon then
        break
    end
    moment = math.ceil(moment)
    local ends = moment + SECOND * math.max(1, wanted / limit) + GUARD + answer
    redis.call('ZADD', KEYS[1], string.format('%.0f', ends), ARGV[9] .. ':' .. (i - 10) .. ':' .. wanted)
    left, held = left + wanted, held + wanted
    free = math.max(free, moment - burst) + wanted * SECOND * PACE / limit
    moments[#moments + 1] = moment
end
redis.call('HSET', KEYS[2], 'held', held, 'free', string.format('%.0f', free))
local kept = math.ceil((math.max(free - now, 0) + SECOND / limit * 10) / 1000) + 120000
redis.call('PEXPIRE', KEYS[1], kept)
redis.call('PEXPIRE', KEYS[2], kept)
if #moments == 1 then
    return {-(moment - horizon)}
end
return moments
