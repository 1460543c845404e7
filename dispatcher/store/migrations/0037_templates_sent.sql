-- The routes by which a wave's messages are templates that are filled in: what the log shows of one that went there is that, and
-- not the text. Of waves of before, those by which they were planned.

ALTER TABLE waves ADD COLUMN filled text[] NOT NULL DEFAULT '{}';
UPDATE waves w SET filled = ARRAY (
    SELECT DISTINCT b.route FROM batches b WHERE b.wave_id = w.id AND b.moved_from IS NULL AND (w.channel = 'zalo' OR NOT EXISTS (
        SELECT FROM batches o WHERE o.wave_id = w.id AND o.moved_from IS NOT NULL AND o.route = b.route
    ))
) WHERE w.channel IN ('zalo', 'zalo_then_sms');
