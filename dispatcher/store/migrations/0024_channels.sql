-- Waves that go by Zalo, or by Zalo first and then by SMS. One message, one id, whatever the channel.

ALTER TABLE waves ADD COLUMN channel text NOT NULL DEFAULT 'sms' CHECK (channel IN ('sms', 'zalo', 'zalo_then_sms'));
ALTER TABLE waves ADD COLUMN wait_seconds int NOT NULL DEFAULT 3600;
-- What stands for the text on Zalo; a message there is one segment.
ALTER TABLE texts ADD COLUMN template text;
ALTER TABLE texts ADD COLUMN parameters jsonb;
-- The dealing that an office has had with these people, without which Zalo may not be used; who recorded it is in the audit trail.
ALTER TABLE audiences ADD COLUMN relation text;

-- Messages that Zalo took and that may have arrived without a word: asked about when due. `settles`: from then on they cannot
-- arrive any more.
CREATE TABLE awaited (
    message_id uuid PRIMARY KEY,
    route text NOT NULL,
    reference text NOT NULL,
    settles boolean NOT NULL,
    asked smallint NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL
);
CREATE INDEX awaited_due ON awaited (route, due_at);
