-- The carrier throttled us: use a smaller share of the route's limit, which grows back by itself (pacing.lua).
-- KEYS[1] the route's state. ARGV 1 factor, 2 least share, 3 share regained a second, 4 microseconds within which several
-- throttling answers are one sign. Answers the share in thousandths.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local state = redis.call('HMGET', KEYS[1], 'share', 'cut_at')
local share, since = tonumber(state[1] or 1), now - tonumber(state[2] or 0)
if since >= tonumber(ARGV[4]) then
    share = math.max(ARGV[2], math.min(1, share + since / 1000000 * ARGV[3]) * ARGV[1])
    redis.call('HSET', KEYS[1], 'share', share, 'cut_at', string.format('%.0f', now))
end
return math.floor(share * 1000)
