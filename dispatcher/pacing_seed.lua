-- Say what the database knows of a route's hour and day, after the counts were lost (pacing.lua).
-- KEYS[1]: the caps. ARGV 1 the loss that this answers, 2 hour, 3 segments in it, 4 day, 5 segments on it. A word that comes
-- after another loss, another's seed or the end of that hour counts for nothing.
local time = redis.call('TIME')
local known = redis.call('HMGET', KEYS[1], 'lost', 'lost_run')
if known[1] == ARGV[1] and math.floor(time[1] / 3600) == tonumber(ARGV[2]) then
    redis.call('HSET', KEYS[1], 'run', known[2], 'hour', ARGV[2], 'hour_n', ARGV[3], 'day', ARGV[4], 'day_n', ARGV[5],
        'since', string.format('%.0f', time[1] * 1000000 + time[2]))
    redis.call('HDEL', KEYS[1], 'lost', 'lost_run', 'seeding')
end
