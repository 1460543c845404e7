-- Waves that go as messages of the Official Account to people who follow it.

ALTER TABLE waves DROP CONSTRAINT waves_channel_check;
ALTER TABLE waves ADD CONSTRAINT waves_channel_check CHECK (channel IN ('sms', 'zalo', 'zalo_then_sms', 'oa'));
