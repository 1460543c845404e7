-- Which uncertain messages the carrier was asked about, how often and when last; gone once a message is settled.
CREATE TABLE lookups (
    message_id uuid PRIMARY KEY,
    asked smallint NOT NULL,
    asked_at timestamptz NOT NULL
);

-- A word that the carrier gave because it was asked names the calls in which it was (`exchanges`); NULL: it came by itself.
ALTER TABLE receipts ADD COLUMN asked_in bigint[];
CREATE INDEX receipts_asked_by_reference ON receipts (reference) WHERE asked_in IS NOT NULL;
