-- People who sign in, their sessions, and whose things a transaction sees.

-- The organisation that the transaction acts for (`SET LOCAL dispatcher.organisation`), else the first one.
CREATE FUNCTION dispatcher_organisation() RETURNS int LANGUAGE sql STABLE AS
'SELECT coalesce(nullif(current_setting(''dispatcher.organisation'', true), '''')::int, (SELECT id FROM organisations WHERE slug = ''default''))';

CREATE TABLE users (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id int NOT NULL REFERENCES organisations,
    login text NOT NULL UNIQUE CHECK (login = lower(login)),
    name text NOT NULL,
    roles text[] NOT NULL CHECK (roles <> '{}'),
    password_hash text,
    totp_cipher bytea,
    totp_key_id text,
    totp_step bigint NOT NULL DEFAULT 0,  -- the last step whose code was used: no code counts twice
    ticket_hash bytea,                    -- a one-time code that lets its holder choose a password
    ticket_until timestamptz,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((totp_cipher IS NULL) = (totp_key_id IS NULL)),
    CHECK ((ticket_hash IS NULL) = (ticket_until IS NULL))
);

-- A cookie's hash, so that a copy of the table opens nothing. `whole`: the second factor was given, or is not asked for.
CREATE TABLE sessions (
    token_hash bytea PRIMARY KEY,
    user_id int NOT NULL REFERENCES users ON DELETE CASCADE,
    whole boolean NOT NULL,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    agent text NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id);

-- By the name that was typed, whether or not anybody has it: nobody learns from the delay who exists.
CREATE TABLE failed_sign_ins (
    login text PRIMARY KEY,
    failures int NOT NULL,
    last_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Acts of people belong to their organisation. Carriers' accounts are the first organisation's, and so are texts from people.
ALTER TABLE audit_trail ADD COLUMN organisation_id int NOT NULL DEFAULT 1;
ALTER TABLE audit_trail ALTER COLUMN organisation_id SET DEFAULT dispatcher_organisation();
