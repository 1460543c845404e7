-- Who follows our Official Account, by the last word that came, whatever the order in which words come.
CREATE TABLE followers (
    account text NOT NULL,
    msisdn_hash bytea NOT NULL,
    follows boolean NOT NULL,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (account, msisdn_hash)
);

-- Messages that are refused one by one gather in a batch on the route where they go on.
CREATE INDEX batches_moved ON batches (moved_from, route) WHERE moved_from IS NOT NULL AND NOT done;
