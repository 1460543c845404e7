-- A long SMS has an id at the carrier for each part, and a receipt for each: all of them lead to the message.
CREATE TABLE message_parts (
    message_id uuid NOT NULL,
    route text NOT NULL,
    reference text NOT NULL
);
CREATE INDEX message_parts_by_reference ON message_parts (reference);
CREATE INDEX message_parts_of_message ON message_parts (message_id);

-- `part`: the receipt speaks of one part. Number and tag are a second key, for messages whose answer was lost.
ALTER TABLE receipt_inbox
    ADD COLUMN part boolean NOT NULL DEFAULT false,
    ADD COLUMN msisdn_hash bytea,
    ADD COLUMN tag int,
    DROP CONSTRAINT receipt_inbox_check,
    ADD CHECK (message_id IS NOT NULL OR reference IS NOT NULL OR (msisdn_hash IS NOT NULL AND tag IS NOT NULL));
