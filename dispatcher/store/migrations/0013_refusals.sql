-- Confirmations of refusals, what a refusal is about and what proves it, refusals that no longer hold, complaints.

-- One row for each refusal that must be confirmed, written with the refusal; the clock gives it its message.
CREATE TABLE confirmations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id int NOT NULL REFERENCES organisations,
    msisdn_hash bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    message_id uuid
);
CREATE INDEX confirmations_owed ON confirmations (id) WHERE message_id IS NULL;
CREATE INDEX confirmations_by_message ON confirmations (message_id);
CREATE INDEX confirmations_of_person ON confirmations (msisdn_hash);

-- The texts of one wave may differ by the moment that they speak of: a confirmation names the minute of the refusal.
ALTER TABLE texts ADD COLUMN moment timestamptz;
ALTER TABLE texts DROP CONSTRAINT texts_once;
ALTER TABLE texts ADD CONSTRAINT texts_once UNIQUE NULLS NOT DISTINCT (wave_id, area_code, language, moment);

-- Scope 'topics': nothing about `topics`, which may stand beside a wider scope too. `proof`: the letter, the text, the call.
ALTER TABLE suppressions ADD COLUMN proof text NOT NULL DEFAULT '', ADD COLUMN topics text[] NOT NULL DEFAULT '{}';
ALTER TABLE suppressions DROP CONSTRAINT suppressions_scope_check;
ALTER TABLE suppressions ADD CHECK (scope IN ('all', 'advertising', 'topics')), ADD CHECK (scope <> 'topics' OR topics <> '{}');

CREATE FUNCTION topics_of(definition jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
'SELECT coalesce(array_agg(t), ''{}'') FROM jsonb_array_elements_text(coalesce(definition -> ''topics'', ''[]'')) AS t';
ALTER TABLE campaigns ADD COLUMN topics text[] GENERATED ALWAYS AS (topics_of(definition)) STORED;

-- What the list said before it was changed: source and proof outlive a release.
CREATE TABLE past_suppressions (
    organisation_id int NOT NULL,
    msisdn_hash bytea NOT NULL,
    reason text NOT NULL,
    source text NOT NULL,
    added_by text NOT NULL,
    added_at timestamptz NOT NULL,
    scope text NOT NULL,
    proof text NOT NULL,
    topics text[] NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT dispatcher_now()
);
CREATE INDEX past_suppressions_of_person ON past_suppressions (msisdn_hash);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON past_suppressions EXECUTE FUNCTION refuse_change();
CREATE FUNCTION keep_suppression() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO past_suppressions (organisation_id, msisdn_hash, reason, source, added_by, added_at, scope, proof, topics)
    VALUES (OLD.organisation_id, OLD.msisdn_hash, OLD.reason, OLD.source, OLD.added_by, OLD.added_at, OLD.scope, OLD.proof,
            OLD.topics);
    RETURN NULL;
END $$;
CREATE TRIGGER keep_past AFTER UPDATE OR DELETE ON suppressions FOR EACH ROW EXECUTE FUNCTION keep_suppression();

-- Somebody wants advertising to reach a person again who refused it; another person must look at it.
CREATE TABLE releases_asked (
    organisation_id int NOT NULL REFERENCES organisations,
    msisdn_hash bytea NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    reason text NOT NULL,
    PRIMARY KEY (organisation_id, msisdn_hash)
);

CREATE TABLE complaints (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id int NOT NULL REFERENCES organisations,
    msisdn_hash bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    came_by text NOT NULL CHECK (came_by IN ('text', 'letter', 'call', 'visit', 'other')),
    document text NOT NULL,
    said text NOT NULL,
    taken_by text NOT NULL,
    answer text,
    answered_by text,
    answered_at timestamptz,
    CHECK ((answer IS NULL) = (answered_by IS NULL) AND (answer IS NULL) = (answered_at IS NULL))
);
CREATE INDEX complaints_open ON complaints (id) WHERE answer IS NULL;
CREATE INDEX complaints_of_person ON complaints (msisdn_hash);
