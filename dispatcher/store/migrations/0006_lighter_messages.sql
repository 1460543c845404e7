-- An index whose condition names the status makes every move of a status write to all indexes of the table (no HOT update).
-- The condition on a column that hardly ever changes finds the same few messages and leaves the others alone.
DROP INDEX messages_in_trouble;
ALTER TABLE messages ADD COLUMN troubled boolean NOT NULL
    GENERATED ALWAYS AS (status = 'uncertain' OR status = 'failed' OR status = 'retrying') STORED;
CREATE INDEX messages_troubled ON messages (wave_id) WHERE troubled;

-- Messages are written by one statement that joins the very rows named here, and nothing ever deletes those rows; checking
-- each message against three tables once more took as long as writing it.
ALTER TABLE messages
    DROP CONSTRAINT messages_wave_id_fkey,
    DROP CONSTRAINT messages_batch_id_fkey,
    DROP CONSTRAINT messages_text_id_fkey;
