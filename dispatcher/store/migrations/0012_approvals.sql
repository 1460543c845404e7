-- What was approved, by whom, and whether it still is what would be sent.

-- Every approval with everything it was bound to; a confirmation is that of an alert approved the short way.
CREATE TABLE approvals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id int NOT NULL REFERENCES campaigns,
    at timestamptz NOT NULL DEFAULT dispatcher_now(),
    who text NOT NULL,
    path text NOT NULL CHECK (path IN ('full', 'alert', 'confirmation')),
    hash text NOT NULL,
    terms jsonb NOT NULL,
    reason text NOT NULL DEFAULT '',
    findings jsonb NOT NULL DEFAULT '[]',  -- what spoke against it and was accepted, with the reason above
    CHECK (path <> 'alert' OR reason <> '')
);
CREATE INDEX approvals_of_campaign ON approvals (campaign_id, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON approvals EXECUTE FUNCTION refuse_change();

-- Why the approval does not cover what would be sent now; NULL while it does. Nothing is claimed while it is set.
ALTER TABLE campaigns ADD COLUMN void text;
