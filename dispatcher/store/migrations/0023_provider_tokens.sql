-- The pair of tokens of an account at a provider, encrypted. A refresh token works once, so whoever trades it holds the row's lock.
-- `version` grows with every pair. `dead`: why nothing but a person's signing in again helps.
CREATE TABLE provider_tokens (
    account text PRIMARY KEY,
    access bytea NOT NULL,
    refresh bytea NOT NULL,
    key_id text NOT NULL,
    version int NOT NULL DEFAULT 1,
    refreshed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    dead text
);
