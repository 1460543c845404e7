-- Orders to operators, for their own subscribers: given by us or taken from others, with the results that came back.

CREATE TABLE trusted_keys (
    id text PRIMARY KEY,
    name text NOT NULL UNIQUE,
    public_key text NOT NULL,
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT dispatcher_now()
);

-- `content` is the order as it was signed, `digest` what its result must name; `ran_as` the campaign that runs a taken one.
CREATE TABLE orders (
    id uuid PRIMARY KEY,
    given boolean NOT NULL,
    digest text NOT NULL,
    content jsonb NOT NULL,
    partner_key text NOT NULL,
    entered_by text NOT NULL,
    entered_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    ran_as int REFERENCES campaigns,
    ran_by text,
    CHECK ((ran_as IS NULL) = (ran_by IS NULL)),
    CHECK (NOT given OR ran_as IS NULL)
);

CREATE TABLE order_results (
    digest text PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES orders,
    content jsonb NOT NULL,
    made_at timestamptz NOT NULL,
    entered_by text NOT NULL,
    entered_at timestamptz NOT NULL DEFAULT dispatcher_now()
);
CREATE INDEX order_results_of_order ON order_results (order_id, made_at);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON order_results EXECUTE FUNCTION refuse_change();
