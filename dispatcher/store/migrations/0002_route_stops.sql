-- Why nothing leaves over a route. `parked`: a person must mend something (key, credit, brandname). `paused`: a person wants
-- it so. `tripped`: too many calls in a row without an answer; from `probe_at` on one message may try.
ALTER TABLE parked_routes RENAME TO route_stops;
ALTER TABLE route_stops RENAME COLUMN parked_at TO since;
ALTER TABLE route_stops
    ADD COLUMN kind text NOT NULL DEFAULT 'parked' CHECK (kind IN ('parked', 'paused', 'tripped')),
    ADD COLUMN probe_at timestamptz,
    ADD COLUMN probes int NOT NULL DEFAULT 0,
    DROP CONSTRAINT parked_routes_pkey,
    ADD PRIMARY KEY (route, kind),
    ADD CHECK ((kind = 'tripped') = (probe_at IS NOT NULL));
ALTER TABLE route_stops ALTER COLUMN kind DROP DEFAULT;

-- A batch made of messages that left another one for another route has no place in the wave's plan.
ALTER TABLE batches ALTER COLUMN ordinal DROP NOT NULL, ADD COLUMN moved_from bigint REFERENCES batches;

-- Numbers are carried from network to network; what a carrier told us is truer than the prefix.
ALTER TABLE recipients ADD COLUMN network_learned_at timestamptz;
