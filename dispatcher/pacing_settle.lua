-- Say what became of permits: when they really end, or that they were not used.
-- KEYS as in pacing.lua. ARGV pairs: a permit, the moment it ends, or minus its own moment: hand it back, somebody else may
-- have it at once, and it no longer counts in the hour and on the day of its moment.
-- A permit that has ended meanwhile stays ended.
local HOUR, DAY, VIETNAM = 3600000000, 86400000000, 25200000000
local caps = redis.call('HMGET', KEYS[3], 'since', 'hour', 'day')
for i = 1, #ARGV, 2 do
    local word = tonumber(ARGV[i + 1])
    if word > 0 then
        redis.call('ZADD', KEYS[1], 'XX', ARGV[i + 1], ARGV[i])
    elseif redis.call('ZREM', KEYS[1], ARGV[i]) == 1 then
        local back = '-' .. string.match(ARGV[i], '%d+$')
        redis.call('HINCRBY', KEYS[2], 'held', back)
        if caps[1] and -word > tonumber(caps[1]) then
            if math.floor(-word / HOUR) == tonumber(caps[2]) then
                redis.call('HINCRBY', KEYS[3], 'hour_n', back)
            end
            if math.floor((VIETNAM - word) / DAY) == tonumber(caps[3]) then
                redis.call('HINCRBY', KEYS[3], 'day_n', back)
            end
        end
    end
end
