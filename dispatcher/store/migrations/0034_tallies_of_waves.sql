-- A row without a commune counts over all of them: whoever does not ask about communes need not add up thousands.
ALTER TABLE tallies ALTER COLUMN area_code DROP NOT NULL;
-- The last day on which anything of the wave changed, as counted last: a search for later days leaves it out.
ALTER TABLE tallied ADD COLUMN last_day date;
-- Nobody knows what was counted before, until it is counted again.
UPDATE tallied SET moved = moved + 1, at = NULL;

-- The log itself need not be read to learn which message a code is about.
DROP INDEX attempts_by_code, receipts_by_code;
CREATE INDEX attempts_by_code ON attempts (code, id) INCLUDE (message_id) WHERE outcome <> 'accepted' AND code IS NOT NULL;
CREATE INDEX receipts_by_code ON receipts (code, id) INCLUDE (message_id) WHERE moved_to = 'undelivered';
