-- How many messages carriers have accepted in claims that were folded since: with what stands in claims, and the statuses that
-- are stored at once, these are the tries of a wave. Looking up each message in a claim for it took longer than claiming them.
CREATE TABLE folded_claims (
    wave_id int NOT NULL,
    accepted int NOT NULL
);
CREATE INDEX folded_claims_of_wave ON folded_claims (wave_id);
