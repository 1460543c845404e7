-- How many messages of a wave are alike in all that is counted by, told anew by the clock once a wave has changed. No message
-- writes here: it costs a campaign nothing that people count by commune or by error.
CREATE TABLE tallies (
    wave_id int NOT NULL,
    day date NOT NULL,  -- of the last change, in Viet Nam
    route text NOT NULL,
    area_code text NOT NULL,
    status message_status NOT NULL,
    code text NOT NULL,
    n bigint NOT NULL,
    segments bigint NOT NULL
);
CREATE INDEX tallies_of_wave ON tallies (wave_id, area_code);

-- `moved` grows whenever the wave's differences are folded; `counted` is what it was before the wave was counted last.
CREATE TABLE tallied (
    wave_id int PRIMARY KEY,
    moved bigint NOT NULL,
    counted bigint NOT NULL DEFAULT 0,
    at timestamptz,
    took interval NOT NULL DEFAULT '0'
);
CREATE INDEX tallied_due ON tallied (wave_id) WHERE moved <> counted;
INSERT INTO tallied (wave_id, moved) SELECT DISTINCT wave_id, 1 FROM status_counts;
