-- Programs that act for people: tokens, and the answers they were given, so that a repeated request is not a second act.

-- A token's hash, so that a copy of the table opens nothing. `actions` narrow what its person may do; they never widen it.
CREATE TABLE api_tokens (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id int NOT NULL REFERENCES users ON DELETE CASCADE,
    name text NOT NULL,
    token_hash bytea NOT NULL UNIQUE,
    actions text[] NOT NULL CHECK (actions <> '{}'),
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    used_at timestamptz
);
CREATE INDEX api_tokens_of_user ON api_tokens (user_id);

-- `status` is null only within the transaction that acts: whoever repeats the key waits for it.
CREATE TABLE api_answers (
    token_id int NOT NULL REFERENCES api_tokens ON DELETE CASCADE,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status int,
    body bytea,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (token_id, key)
);
CREATE INDEX api_answers_by_age ON api_answers (at);
