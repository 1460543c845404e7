-- An index whose condition names the status makes every move of a status write to all indexes of the table (no HOT update).
-- The condition on a column that hardly ever changes finds the same few messages and leaves the others alone.
DROP INDEX messages_in_trouble;
ALTER TABLE messages ADD COLUMN troubled boolean NOT NULL
    GENERATED ALWAYS AS (status = 'uncertain' OR status = 'failed' OR status = 'retrying') STORED;
CREATE INDEX messages_troubled ON messages (wave_id) WHERE troubled;
