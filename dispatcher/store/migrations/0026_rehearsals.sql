-- Rehearsals: a campaign run over pretend carriers on a fast clock. `content` is what an approval of the same would be bound to.

CREATE TABLE rehearsals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id int NOT NULL REFERENCES campaigns,
    at timestamptz NOT NULL DEFAULT dispatcher_now(),
    who text NOT NULL,
    content text NOT NULL,
    hash text NOT NULL,
    outcome jsonb NOT NULL
);
CREATE INDEX rehearsals_of_campaign ON rehearsals (campaign_id, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rehearsals EXECUTE FUNCTION refuse_change();

-- The hash of the rehearsal that the approver saw; NULL where just that was not rehearsed.
ALTER TABLE approvals ADD COLUMN rehearsal text;
