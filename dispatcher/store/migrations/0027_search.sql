-- Finding messages among ten millions (docs/auditing.md). Nothing here is written again when a message is delivered, so that
-- move stays within its row's page: see 0006.

-- The status, where it is one that few messages have and somebody looks for.
ALTER TABLE stored_messages ADD COLUMN exception message_status GENERATED ALWAYS AS (
    CASE WHEN status = 'undelivered' OR status = 'rejected' OR status = 'failed' OR status = 'retrying' OR status = 'uncertain'
           OR status = 'unconfirmed' OR status = 'suppressed' THEN status END
) STORED;
CREATE INDEX messages_by_exception ON stored_messages (wave_id, exception, id) WHERE exception IS NOT NULL;

-- A page is a stretch of this index, whatever else is asked: wave by wave, in each commune by commune.
CREATE INDEX messages_by_place ON stored_messages (wave_id, coalesce(area_code, ''), id);

-- What went wrong, by the carrier's code. Neither what was accepted nor what was delivered is in them.
CREATE INDEX attempts_by_code ON attempts (code, id) WHERE outcome <> 'accepted' AND code IS NOT NULL;
CREATE INDEX receipts_by_code ON receipts (code, id) WHERE moved_to = 'undelivered';

-- A reference that came with the receipt only: the answer to our call was lost.
CREATE INDEX receipts_by_reference ON receipts (reference) WHERE moved_from <> 'submitted';
