-- A draft that its author has put up for approval, as it stands; whoever changes it takes that back.
ALTER TABLE campaigns ADD COLUMN proposed_by text, ADD COLUMN proposed_at timestamptz;
