-- Who goes first on a route, first to last; and the routes whose cap of the hour or the day is used up.

CREATE TYPE wave_priority AS ENUM ('alert', 'normal', 'bulk');
ALTER TABLE waves ADD COLUMN priority wave_priority NOT NULL DEFAULT 'normal';

-- Real time, also in a rehearsal: caps are about the carrier's hours and days.
CREATE TABLE spent_caps (
    route text PRIMARY KEY,
    cap text NOT NULL CHECK (cap IN ('hour', 'day')),
    ask_again_at timestamptz NOT NULL,
    until timestamptz NOT NULL
);

-- What was sent since the hour or the day began, when Valkey has forgotten. The log grows in time's order: a few pages suffice.
CREATE INDEX attempts_by_end ON attempts USING brin (ended_at) WITH (autosummarize = on);
