-- Requests of competent authorities for the messages of one number; the number itself is not kept here.
CREATE TABLE statement_requests (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id int NOT NULL REFERENCES organisations DEFAULT dispatcher_organisation(),
    msisdn_hash bytea NOT NULL,
    starts date NOT NULL,
    ends date NOT NULL CHECK (ends >= starts),
    authority text NOT NULL,
    document text NOT NULL,
    document_date date NOT NULL,
    basis text NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    released_by text CHECK (released_by <> asked_by),
    released_at timestamptz,
    document_sha256 text,
    extract_sha256 text,
    CHECK ((released_by IS NULL) = (released_at IS NULL))
);

-- Which seal a row is under: the numbers in a seal's note are in order, 8 bytes each from byte 83 on.
CREATE FUNCTION numbers_under(note bytea, rows int) RETURNS int8range LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
SELECT int8range(least(first, last), last, '[]') FROM (SELECT
    ('x' || encode(substring(note FROM 83 FOR 8), 'hex'))::bit(64)::bigint,
    ('x' || encode(substring(note FROM 83 + 8 * (least(rows, 1000000) - 1) FOR 8), 'hex'))::bit(64)::bigint
) AS numbers (first, last)
$$;
CREATE INDEX seals_by_number ON seals USING gist (numbers_under(note, rows));

-- The roots of every 64 rows of a seal, 32 bytes each: the proof of a row needs the rows beside it, and not all of them.
CREATE TABLE seal_branches (
    n bigint PRIMARY KEY,
    hashes bytea NOT NULL
);
