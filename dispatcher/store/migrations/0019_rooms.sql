-- What the pages keep: every draft of a campaign, and rosters on their way in.

CREATE TABLE drafts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id int NOT NULL REFERENCES campaigns,
    at timestamptz NOT NULL DEFAULT dispatcher_now(),
    by text NOT NULL,
    definition jsonb NOT NULL
);
CREATE INDEX drafts_of_campaign ON drafts (campaign_id, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON drafts EXECUTE FUNCTION refuse_change();

-- `waiting` for a person to look at the columns, then `importing`; the file is gone once it is over. `told_at` is renewed while
-- it is imported: one that has been silent for long died with its process.
CREATE TABLE uploads (
    id uuid PRIMARY KEY,
    organisation_id int NOT NULL REFERENCES organisations DEFAULT dispatcher_organisation(),
    by text NOT NULL,
    audience text NOT NULL,
    province text,
    file_name text NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'importing', 'imported', 'refused')),
    done float NOT NULL DEFAULT 0,
    total float NOT NULL DEFAULT 0,
    outcome jsonb NOT NULL DEFAULT '{}',
    problem text,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    told_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX audit_trail_of_subject ON audit_trail (subject, id);
ALTER TABLE inbound ADD COLUMN organisation_id int NOT NULL DEFAULT 1;
