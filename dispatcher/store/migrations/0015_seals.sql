-- The log's seal (docs/sealing.md). What is appended waits in `seal_queue`, in the same transaction, until a background
-- pass seals it: an entry can be taken only when its transaction is committed, so none is left behind by one that commits
-- late, and no column of the log has to be touched. The queue is part of every dump, so it is right after a restore, too.
CREATE TABLE seal_queue (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    ids bigint[] NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row seals many rows of one table. `note` holds their ids and the first bytes of each one's hash, and is what
-- `signature` is over; `root`, `previous` and `hash` are the chain.
CREATE TABLE seals (
    n bigint PRIMARY KEY CHECK (n > 0),
    form text NOT NULL,
    rows int NOT NULL,
    queued_from timestamptz NOT NULL,
    queued_to timestamptz NOT NULL,
    sealed_at timestamptz NOT NULL,
    root bytea NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    note bytea NOT NULL,
    signature bytea NOT NULL
);
ALTER TABLE seals ALTER COLUMN note SET STORAGE EXTERNAL;

-- Signed texts that say how far the chain has got; what is given to others.
CREATE TABLE checkpoints (
    number bigint PRIMARY KEY CHECK (number > 0),
    seals bigint NOT NULL,
    at timestamptz NOT NULL,
    head bytea NOT NULL,
    text text NOT NULL
);

CREATE FUNCTION await_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO seal_queue (source, ids) SELECT TG_TABLE_NAME, array_agg(id) FROM fresh HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER await_seal AFTER INSERT ON attempts REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION await_seal();
CREATE TRIGGER await_seal AFTER INSERT ON receipts REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION await_seal();
CREATE TRIGGER await_seal AFTER INSERT ON exchanges REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION await_seal();
CREATE TRIGGER await_seal AFTER INSERT ON audit_trail REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION await_seal();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seals EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints EXECUTE FUNCTION refuse_change();

-- What was there before: sealed as it is found now.
INSERT INTO seal_queue (source, ids) SELECT 'attempts', array_agg(id) FROM attempts GROUP BY id / 4096 ORDER BY min(id);
INSERT INTO seal_queue (source, ids) SELECT 'receipts', array_agg(id) FROM receipts GROUP BY id / 4096 ORDER BY min(id);
INSERT INTO seal_queue (source, ids) SELECT 'exchanges', array_agg(id) FROM exchanges GROUP BY id / 4096 ORDER BY min(id);
INSERT INTO seal_queue (source, ids) SELECT 'audit_trail', array_agg(id) FROM audit_trail GROUP BY id / 4096 ORDER BY min(id);
