-- Say what became of permits: when they really end, or that they were not used.
-- KEYS as in pacing.lua. ARGV pairs: a permit, the moment it ends (0: hand it back, somebody else may have it at once).
-- A permit that has ended meanwhile stays ended.
for i = 1, #ARGV, 2 do
    if ARGV[i + 1] ~= '0' then
        redis.call('ZADD', KEYS[1], 'XX', ARGV[i + 1], ARGV[i])
    elseif redis.call('ZREM', KEYS[1], ARGV[i]) == 1 then
        redis.call('HINCRBY', KEYS[2], 'held', '-' .. string.match(ARGV[i], '%d+$'))
    end
end
