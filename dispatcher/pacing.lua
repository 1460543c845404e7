-- Reserve permits on a route: one for each call, as many of those asked for as fit before the horizon.
-- A permit is held from its moment until one second after the call can have arrived at the carrier; what is held never
-- exceeds the limit. KEYS[1]: the permits, by the moment they end (microseconds of this server's clock). KEYS[2]: `held`
-- (segments of all permits), `free` (next moment of the even pace), `share` and `cut_at` (see pacing_throttle.lua),
-- `wants1` and `wants2` (when an alert, a normal wave last asked), `owed2` and `owed3` (segments that normal and bulk waves may
-- have although a higher class asks). KEYS[3]: the caps, see `capped` below.
-- ARGV 1 limit (segments a second), 2 how far ahead one may reserve what one is owed, 3 how soon a permit may be used, 4 how long an answer
--      is awaited, 5 silence after a restart, 6 catching up, 7 share regained a second, 8 latest moment the asker was ever
--      given, 9 name of the asker's permits, 10 class of the asker (1 alert, 2 normal, 3 bulk), 11 how long a want counts,
--      12, 13 how far ahead the class may reserve, first in line and behind a higher one, 14, 15 share of each class behind an alert, behind a normal wave,
--      16, 17 caps of an hour, of a day (0: none), 18... segments of each call. Times in microseconds.
-- Answers {now, moment, moment, ...}, or {-(microseconds to wait before asking again), why, ...}: "full" up to the horizon, "hour" or "day" (that cap is used up), "seed" (see below).
local SECOND, GUARD, PACE, FIRST = 1000000, 1000, 0.98, 18
local HOUR, DAY, VIETNAM = 3600 * SECOND, 86400 * SECOND, 7 * 3600 * SECOND
local time = redis.call('TIME')
local now = time[1] * SECOND + time[2]
local limit, horizon, lead, answer = tonumber(ARGV[1]), now + ARGV[2], now + ARGV[3], tonumber(ARGV[4])
local quiet, burst, seen = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[8])
local class, wants_last, usual, near = tonumber(ARGV[10]), tonumber(ARGV[11]), now + ARGV[12], now + ARGV[13]
local behind = {tonumber(ARGV[14]), tonumber(ARGV[15])}
local per_hour, per_day = tonumber(ARGV[16]), tonumber(ARGV[17])
local capped = per_hour > 0 or per_day > 0
local server = redis.call('INFO', 'server')

local function whole(number)
    return string.format('%.0f', number)
end

local function weight(member)
    return tonumber(string.match(member, '%d+$'))
end

-- KEYS[3] counts the segments given since the hour and the day began. `run` names the life of this server in which it was
-- counted: after a restart the last second may be lacking. Lost or lacking counts are read from the database: when all that
-- was given before the loss was noticed is over (`quiet`), one asker at a time is told to, with the `lost` moment as its token
-- (pacing_seed.lua). Until then nothing is granted.
local function uncounted(known, run)
    local lost = known.lost_run == run and tonumber(known.lost)
    if not lost then
        lost = now
        redis.call('HSET', KEYS[3], 'lost_run', run, 'lost', whole(now))
    end
    local asked = tonumber(known.seeding or 0)
    if now < math.max(lost + quiet, asked + 5 * SECOND) then
        return {-math.max(lost + quiet - now, 100000), 'full'}
    end
    redis.call('HSET', KEYS[3], 'seeding', whole(now))
    return {-100000, 'seed', whole(lost), whole(math.floor(now / HOUR)), whole(math.floor((now + VIETNAM) / DAY))}
end

local counts, hour, day, room, spent
if capped then
    local found = redis.call('HGETALL', KEYS[3])
    local known = {}
    for i = 1, #found, 2 do
        known[found[i]] = found[i + 1]
    end
    local run = string.match(server, 'run_id:(%x+)')
    if known.run ~= run then
        redis.call('PEXPIRE', KEYS[3], 2 * DAY / 1000)
        return uncounted(known, run)
    end
    hour, day = math.floor(now / HOUR), math.floor((now + VIETNAM) / DAY)
    counts = {tonumber(known.hour_n), tonumber(known.day_n)}
    if tonumber(known.hour) < hour then
        -- What was still on its way when the hour ended may count in either.
        counts[1] = 0
        for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. whole(hour * HOUR + SECOND), '+inf')) do
            counts[1] = counts[1] + weight(member)
        end
        if tonumber(known.day) < day then
            counts[2] = counts[1]
        end
    end
    local left_of_hour = per_hour > 0 and per_hour - counts[1] or math.huge
    local left_of_day = per_day > 0 and per_day - counts[2] or math.huge
    room, spent = left_of_hour, 'hour'
    if left_of_day <= left_of_hour then
        room, spent = left_of_day, 'day'
    end
    -- Nothing is reserved beyond the end of the hour.
    horizon = math.min(horizon, (hour + 1) * HOUR - 1)
end

local state = redis.call('HMGET', KEYS[2], 'held', 'free', 'share', 'cut_at', 'wants1', 'wants2', 'owed2', 'owed3')
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
local uptime = tonumber(string.match(server, 'uptime_in_seconds:(%d+)')) * SECOND
if state[3] then
    local share = math.min(1, state[3] + (now - state[4]) / SECOND * ARGV[7])
    limit = limit * share
end

-- A higher class that has asked lately goes first: those behind it get what they are owed, and what would else be left over.
local owed, yields = {0, tonumber(state[7] or 0), tonumber(state[8] or 0)}, false
for higher = 1, class - 1 do
    yields = yields or now - tonumber(state[4 + higher] or 0) < wants_last
end
local function reach()
    local own = yields and (owed[class] > 0 and horizon or near) or usual
    return math.min(own, horizon)
end

-- What ends before the horizon, in order, read as far as it is needed: a fast route holds thousands.
local ending, read, all = {}, 0, false
local function ends(place)
    if place > #ending and not all then
        local page = 2 * (#ARGV - FIRST + 1)
        local more = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', horizon, 'WITHSCORES', 'LIMIT', read, page)
        for i = 1, #more do
            ending[#ending + 1] = more[i]
        end
        read, all = read + page, #more < 2 * page
    end
    return ending[place]
end
local moments, place, left, why = {now}, 1, held, nil
local moment = math.max(lead, now - uptime + quiet)
for i = FIRST, #ARGV do
    local wanted = tonumber(ARGV[i])
    if capped and wanted > room then
        why = spent
        break
    end
    moment = math.max(moment, free)
    while left + wanted > math.max(limit, wanted) and ends(place) do
        left = left - weight(ending[place])
        moment = math.max(moment, tonumber(ending[place + 1]))
        place = place + 2
    end
    if left + wanted > math.max(limit, wanted) then
        local next = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. whole(horizon), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
        moment = math.max(moment, tonumber(next[2]))
    end
    if moment > reach() then
        why = 'full'
        break
    end
    moment = math.ceil(moment)
    local until_when = moment + SECOND * math.max(1, wanted / limit) + GUARD + answer
    redis.call('ZADD', KEYS[1], whole(until_when), ARGV[9] .. ':' .. (i - FIRST) .. ':' .. wanted)
    left, held = left + wanted, held + wanted
    free = math.max(free, moment - burst) + wanted * SECOND * PACE / limit
    moments[#moments + 1] = moment
    if capped then
        room, counts[1], counts[2] = room - wanted, counts[1] + wanted, counts[2] + wanted
    end
    if yields and owed[class] > 0 then
        owed[class] = owed[class] - wanted
    end
    for lower = class + 1, 3 do
        local share = behind[class]
        owed[lower] = math.min(owed[lower] + wanted * share / (1 - share), math.max(1, owed[lower], limit * share))
    end
end
redis.call('HSET', KEYS[2], 'held', held, 'free', whole(free), 'owed2', owed[2], 'owed3', owed[3])
if class < 3 and not (spent and why == spent) then
    redis.call('HSET', KEYS[2], 'wants' .. class, whole(now))
end
local kept = math.ceil((math.max(free - now, 0) + SECOND / limit * 10) / 1000) + 120000
if capped then
    kept = 2 * DAY / 1000
    redis.call('HSET', KEYS[3], 'hour', hour, 'hour_n', counts[1], 'day', day, 'day_n', counts[2])
    redis.call('PEXPIRE', KEYS[3], kept)
end
redis.call('PEXPIRE', KEYS[1], kept)
redis.call('PEXPIRE', KEYS[2], kept)
if #moments > 1 then
    return moments
end
local waits = {
    full = moment - reach(),
    hour = ((hour or 0) + 1) * HOUR - now,
    day = ((day or 0) + 1) * DAY - VIETNAM - now,
}
return {-math.ceil(math.max(waits[why], 1)), why}
