-- An article that an Official Account sends to its followers: one record, whoever reads it, with figures of all together.

-- `step` is what was last begun at the account, `tries` how often something was; with a lease that ran out nobody knows what
-- became of it. `account` and `approved_hash` are what the approval is bound to. `asked_at` keeps the clock from asking again.
CREATE TABLE broadcasts (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id int NOT NULL REFERENCES organisations DEFAULT dispatcher_organisation(),
    slug text NOT NULL,
    definition jsonb NOT NULL,
    route text NOT NULL,
    author text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    opens_at timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    window_from time NOT NULL,
    window_to time NOT NULL,
    status text NOT NULL DEFAULT 'draft'
        CHECK (status IN ('draft', 'approved', 'sending', 'sent', 'refused', 'held', 'uncertain', 'cancelled', 'expired')),
    approved_by text,
    approved_at timestamptz,
    approved_hash text,
    account text,
    article_token text,
    article_id text,
    message_id text,
    step text CHECK (step IN ('create', 'send')),
    tries int NOT NULL DEFAULT 0,
    claimed_at timestamptz,
    lease_until timestamptz,
    due_at timestamptz,
    asked_at timestamptz,
    reason text,
    followers int,
    sent_at timestamptz,
    UNIQUE (organisation_id, slug),
    CHECK ((approved_by IS NULL) = (approved_hash IS NULL)),
    CHECK (status <> 'sending' OR (step IS NOT NULL AND claimed_at IS NOT NULL AND lease_until IS NOT NULL))
);
CREATE INDEX broadcasts_open ON broadcasts (status) WHERE status IN ('approved', 'sending', 'held');
CREATE INDEX broadcasts_of_account ON broadcasts (account) WHERE account IS NOT NULL;

-- Every call about one that could change something, as it went over the wire: `number` is that of the try.
CREATE TABLE broadcast_calls (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    broadcast_id int NOT NULL REFERENCES broadcasts,
    number int NOT NULL,
    step text NOT NULL,
    outcome text NOT NULL,
    code text NOT NULL,
    detail text NOT NULL,
    status int,
    request text NOT NULL,
    response text NOT NULL,
    elapsed double precision NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT dispatcher_now()
);
CREATE INDEX broadcast_calls_of ON broadcast_calls (broadcast_id, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON broadcast_calls EXECUTE FUNCTION refuse_change();

-- What Zalo's console says of all who got it, entered by a person; the newest counts.
CREATE TABLE broadcast_results (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    broadcast_id int NOT NULL REFERENCES broadcasts,
    reached int CHECK (reached >= 0),
    opened int CHECK (opened >= 0),
    source text NOT NULL,
    entered_by text NOT NULL,
    entered_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    CHECK (reached IS NOT NULL OR opened IS NOT NULL)
);
CREATE INDEX broadcast_results_of ON broadcast_results (broadcast_id, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON broadcast_results EXECUTE FUNCTION refuse_change();
