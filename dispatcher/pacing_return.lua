-- Hand back the end of a reservation, unless somebody has reserved after it: their moment would be sold twice.
-- KEYS[1] the route's next free moment; ARGV[1] the moment as our reservation left it, ARGV[2] microseconds not used
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], string.format('%.0f', tonumber(ARGV[1]) - tonumber(ARGV[2])), 'KEEPTTL')
return 1
