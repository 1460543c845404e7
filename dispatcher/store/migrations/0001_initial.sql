-- Numbers live in `recipients` alone, encrypted; everything else carries the keyed hash (16 bytes).
-- Attempts, receipts and the audit trail only grow; a message's status is a narrow column moved in the same transaction.

CREATE TYPE campaign_status AS ENUM ('draft', 'approved', 'running', 'paused', 'finished', 'cancelled');
CREATE TYPE wave_status AS ENUM ('scheduled', 'expanding', 'sending', 'done', 'missed', 'cancelled');
CREATE TYPE message_status AS ENUM (
    'queued', 'sending', 'submitted', 'delivered', 'undelivered', 'rejected', 'retrying',
    'failed', 'uncertain', 'unconfirmed', 'suppressed', 'cancelled', 'expired'
);

-- One row. In a rehearsal the whole installation lives at another time: real time plus the offset.
CREATE TABLE installation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    rehearsal_offset interval,
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO installation DEFAULT VALUES;

-- The one clock of all processes on all hosts; moves on within a transaction.
CREATE FUNCTION dispatcher_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS
'SELECT clock_timestamp() + coalesce((SELECT rehearsal_offset FROM installation), interval ''0'')';

CREATE TABLE organisations (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    name text NOT NULL
);
INSERT INTO organisations (slug, name) VALUES ('default', 'default');

CREATE TABLE recipients (
    msisdn_hash bytea PRIMARY KEY CHECK (length(msisdn_hash) = 16),
    cipher bytea NOT NULL,
    key_id text NOT NULL,
    network text NOT NULL
);

CREATE TABLE audiences (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id int NOT NULL REFERENCES organisations,
    name text NOT NULL,
    version int NOT NULL,
    source_name text NOT NULL,
    source_sha256 text NOT NULL,
    mapping jsonb NOT NULL,
    lines int NOT NULL,
    accepted int NOT NULL,
    duplicate int NOT NULL,
    rejected int NOT NULL,
    recipients int NOT NULL,
    imported_by text NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    UNIQUE (organisation_id, name, version),
    CHECK (lines = accepted + duplicate + rejected)
);

CREATE TABLE audience_members (
    audience_id int NOT NULL REFERENCES audiences ON DELETE CASCADE,
    n int NOT NULL,
    msisdn_hash bytea NOT NULL,
    row_number int NOT NULL,
    area_code text,
    group_name text,
    language text,
    PRIMARY KEY (audience_id, n)
);

CREATE TABLE suppressions (
    organisation_id int NOT NULL REFERENCES organisations,
    msisdn_hash bytea NOT NULL REFERENCES recipients,
    reason text NOT NULL,
    source text NOT NULL,
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    PRIMARY KEY (organisation_id, msisdn_hash)
);

CREATE TABLE campaigns (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id int NOT NULL REFERENCES organisations,
    edition text NOT NULL,
    slug text NOT NULL,
    year int NOT NULL,
    title text NOT NULL,
    definition jsonb NOT NULL,
    content_hash text NOT NULL,
    status campaign_status NOT NULL DEFAULT 'draft',
    author text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    approved_by text,
    approved_at timestamptz,
    approved_hash text,
    UNIQUE (organisation_id, edition),
    CHECK (approved_by IS NULL OR approved_by <> author)
);

CREATE TABLE waves (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid uuid NOT NULL UNIQUE,
    campaign_id int NOT NULL REFERENCES campaigns,
    slug text NOT NULL,
    title text NOT NULL,
    opens_at timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    window_from time NOT NULL,
    window_to time NOT NULL,
    audience_id int REFERENCES audiences,
    status wave_status NOT NULL DEFAULT 'scheduled',
    held text,  -- why nothing of it may leave for now, whatever its status
    expanded_to int NOT NULL DEFAULT 0,
    planned int NOT NULL DEFAULT 0,
    segments bigint NOT NULL DEFAULT 0,
    UNIQUE (campaign_id, slug)
);

CREATE TABLE texts (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    wave_id int NOT NULL REFERENCES waves,
    area_code text,
    body text NOT NULL,
    encoding text NOT NULL,
    segments smallint NOT NULL,
    UNIQUE NULLS NOT DISTINCT (wave_id, area_code)
);

-- `fence` grows with every lease: a worker that lost its lease holds an old one and claims nothing.
CREATE TABLE batches (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    wave_id int NOT NULL REFERENCES waves,
    route text NOT NULL,
    ordinal int NOT NULL,
    size int NOT NULL,
    segments int NOT NULL,
    done boolean NOT NULL DEFAULT false,
    due_at timestamptz NOT NULL,
    enqueued_at timestamptz,
    leased_until timestamptz,
    fence bigint NOT NULL DEFAULT 0,
    UNIQUE (wave_id, route, ordinal)
);
CREATE INDEX batches_open ON batches (due_at) WHERE NOT done;

-- The id is the first half of SHA-256 over (wave, hash): one primary key serves "nobody twice", receipts and search by number.
CREATE TABLE messages (
    id uuid PRIMARY KEY,
    wave_id int NOT NULL REFERENCES waves,
    batch_id bigint REFERENCES batches,
    msisdn_hash bytea NOT NULL,
    text_id int NOT NULL REFERENCES texts,
    segments smallint NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    status message_status NOT NULL,
    changed_at timestamptz NOT NULL,
    network text NOT NULL,
    area_code text,
    group_name text
) WITH (fillfactor = 70);
CREATE INDEX messages_of_batch ON messages (wave_id, batch_id);
CREATE INDEX messages_in_trouble ON messages (wave_id, status) WHERE status IN ('uncertain', 'failed', 'retrying');

CREATE FUNCTION message_id(wave_uid uuid, msisdn_hash bytea) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
'SELECT encode(substring(sha256(decode(replace(wave_uid::text, ''-'', ''''), ''hex'') || msisdn_hash) FOR 16), ''hex'')::uuid';

-- Counters by appended differences: no row that every worker fights for. The clock folds them into `status_counts`.
CREATE TABLE status_counts (
    wave_id int NOT NULL REFERENCES waves,
    status message_status NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (wave_id, status)
);
CREATE TABLE status_deltas (
    wave_id int NOT NULL,
    status message_status NOT NULL,
    n int NOT NULL
);

CREATE TABLE exchanges (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    route text NOT NULL,
    started_at timestamptz NOT NULL,
    elapsed real NOT NULL,
    http_status smallint,
    request text NOT NULL,
    response text NOT NULL
);

CREATE TABLE attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL,
    number smallint NOT NULL,
    route text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    outcome text NOT NULL,
    reference text,
    reason text,
    code text,
    segments smallint NOT NULL,
    exchange_id bigint
);
CREATE INDEX attempts_of_message ON attempts (message_id);
CREATE INDEX attempts_by_reference ON attempts (reference) WHERE reference IS NOT NULL;

-- Receipts are stored here before the carrier is answered, and moved to `receipts` with the status they cause.
CREATE TABLE receipt_inbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    route text NOT NULL,
    message_id uuid,
    reference text,
    outcome text NOT NULL,
    code text NOT NULL,
    network text,
    raw text NOT NULL,
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (message_id IS NOT NULL OR reference IS NOT NULL)
);
CREATE TABLE receipts (
    id bigint PRIMARY KEY,
    received_at timestamptz NOT NULL,
    route text NOT NULL,
    message_id uuid,
    reference text,
    outcome text NOT NULL,
    code text NOT NULL,
    network text,
    raw text NOT NULL,
    moved_from message_status,
    moved_to message_status
);
CREATE INDEX receipts_of_message ON receipts (message_id);

CREATE TABLE audit_trail (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT dispatcher_now(),
    who text NOT NULL,
    act text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);

-- A parked route waits for a person: wrong credentials, no credit, unknown brandname.
CREATE TABLE parked_routes (
    route text PRIMARY KEY,
    reason text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT dispatcher_now()
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attempts EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON receipts EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON exchanges EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_trail EXECUTE FUNCTION refuse_change();
