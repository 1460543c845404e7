-- Reserve permits (segments) on a route at its own steady pace, whoever asks.
-- KEYS[1] the route's next free moment (microseconds of this server's clock)
-- ARGV    microseconds between two segments, segments wanted, how far ahead one may reserve (microseconds)
-- Answers {microseconds to wait before using the permits, the moment the reservation ends}; if the wait were beyond the
-- horizon, nothing is reserved and the answer is {-(microseconds to wait before asking again), ''}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local wait = free - now
if wait > tonumber(ARGV[3]) then
    return {-(wait - tonumber(ARGV[3])), ''}
end
local taken = math.ceil(tonumber(ARGV[1]) * tonumber(ARGV[2]))
local ends = string.format('%.0f', free + taken)
redis.call('SET', KEYS[1], ends, 'PX', math.ceil((wait + taken) / 1000) + 60000)
return {wait, ends}
