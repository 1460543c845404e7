-- An audience and its members are written in one transaction and never deleted apart: a check for each of ten million rows
-- would look up the same one row.
ALTER TABLE audience_members DROP CONSTRAINT audience_members_audience_id_fkey;

-- A year and not a date: enough for an age band, and less to lose.
ALTER TABLE audience_members ADD COLUMN birth_year smallint;

-- What an office knows of its communes: border, gate, key area ... Ended, never deleted: a report on last year asks for last
-- year's.
CREATE TABLE place_tags (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id int NOT NULL REFERENCES organisations,
    area_code text NOT NULL,
    zone text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    source text NOT NULL,
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    CHECK (valid_to >= valid_from)
);
CREATE UNIQUE INDEX place_tags_open ON place_tags (organisation_id, zone, area_code) WHERE valid_to IS NULL;

-- Names that rosters use for a commune beside its own, such as those of before July 2025.
CREATE TABLE place_aliases (
    organisation_id int NOT NULL REFERENCES organisations,
    key text NOT NULL,
    name text NOT NULL,
    area_code text NOT NULL,
    source text NOT NULL,
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    PRIMARY KEY (organisation_id, key)
);

-- Which of the audience a wave goes to, fixed when it is approved; NULL = all of them.
ALTER TABLE waves ADD COLUMN selection jsonb;
