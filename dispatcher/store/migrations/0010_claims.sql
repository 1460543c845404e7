-- What a worker takes to send is one appended row for all of it, not a change of each message; that a carrier has accepted it
-- is the log's row for each and this one's `answered_at`. Messages themselves change when a receipt comes, when something else
-- happens to them, or when the clock folds what was answered a while ago. `messages` shows what is true at every moment.
ALTER TABLE messages RENAME TO stored_messages;

-- `ids`, in order, from `first` to `last`: they are `sending` until `answered_at`, and `submitted` from then on, unless
-- something has moved them since. What was not accepted is taken out with the answer.
CREATE TABLE claims (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    wave_id int NOT NULL,
    batch_id bigint NOT NULL,
    first uuid NOT NULL,
    last uuid NOT NULL,
    ids uuid[] NOT NULL,
    claimed_at timestamptz NOT NULL,
    answered_at timestamptz
);
ALTER TABLE claims ALTER COLUMN ids SET STORAGE EXTERNAL;  -- hashes do not compress
CREATE INDEX claims_of_batch ON claims (batch_id);

CREATE VIEW messages AS
SELECT m.id, m.wave_id, m.batch_id, m.msisdn_hash, m.text_id, m.segments,
       CASE WHEN c.status IS NULL THEN m.attempts ELSE (m.attempts + 1)::smallint END AS attempts,
       coalesce(c.status, m.status) AS status, coalesce(c.since, m.changed_at) AS changed_at,
       m.network, m.area_code, m.group_name, m.troubled
FROM stored_messages m LEFT JOIN (
    SELECT unnest(ids) AS id, CASE WHEN answered_at IS NULL THEN 'sending'::message_status ELSE 'submitted' END AS status,
           coalesce(answered_at, claimed_at) AS since
    FROM claims
) AS c ON c.id = m.id AND m.status IN ('queued', 'retrying');

CREATE VIEW message_counts AS
SELECT wave_id, status, sum(n)::bigint AS n FROM (
    SELECT wave_id, status, n FROM status_counts
    UNION ALL
    SELECT wave_id, status, n FROM status_deltas
    UNION ALL
    SELECT c.wave_id, change.status, change.n
    FROM claims c CROSS JOIN unnest(c.ids) AS taken (id)
    JOIN stored_messages m ON m.id = taken.id AND m.status IN ('queued', 'retrying')
    CROSS JOIN LATERAL (VALUES
        (m.status, -1), (CASE WHEN c.answered_at IS NULL THEN 'sending'::message_status ELSE 'submitted' END, 1)
    ) AS change (status, n)
) AS kept
GROUP BY wave_id, status HAVING sum(n) <> 0;

-- A batch of a wave that is cancelled or over. Written before what waits in it is swept up: a claim that waited for that
-- write finds it and takes nothing.
ALTER TABLE batches ADD COLUMN closed boolean NOT NULL DEFAULT false;
-- Nothing deletes batches, and looking the old one up would lock it after messages were locked: batches come first.
ALTER TABLE batches DROP CONSTRAINT batches_moved_from_fkey;

-- The same ids as ever, in half the time.
CREATE OR REPLACE FUNCTION message_id(wave_uid uuid, msisdn_hash bytea) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
'SELECT encode(substring(sha256(uuid_send(wave_uid) || msisdn_hash) FOR 16), ''hex'')::uuid';
