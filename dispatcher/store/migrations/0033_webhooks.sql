-- Events told to programs elsewhere. What happens and what is to be told of it are one transaction.

CREATE TABLE webhooks (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id int NOT NULL REFERENCES organisations DEFAULT dispatcher_organisation(),
    url text NOT NULL,
    secret_cipher bytea NOT NULL,
    secret_key_id text NOT NULL,
    kinds text[] NOT NULL CHECK (kinds <> '{}'),
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
);

-- `next_at` null: delivered, or given up.
CREATE TABLE webhook_deliveries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    webhook_id int NOT NULL REFERENCES webhooks,
    kind text NOT NULL,
    data jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries int NOT NULL DEFAULT 0,
    next_at timestamptz DEFAULT clock_timestamp(),
    delivered_at timestamptz,
    last_status int,
    last_error text
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_deliveries_of ON webhook_deliveries (webhook_id, at DESC, id);

CREATE FUNCTION tell_webhooks(organisation int, told text, told_data jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO webhook_deliveries (webhook_id, kind, data)
    SELECT id, told, told_data FROM webhooks
    WHERE organisation_id = organisation AND ended_at IS NULL AND split_part(told, '.', 1) = ANY(kinds)
$$;

CREATE FUNCTION campaign_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_webhooks(NEW.organisation_id, 'campaign.' || NEW.status, jsonb_build_object(
        'campaign', NEW.edition, 'status', NEW.status, 'was', OLD.status));
    RETURN NULL;
END $$;
CREATE TRIGGER told AFTER UPDATE OF status ON campaigns FOR EACH ROW WHEN (NEW.status <> OLD.status)
EXECUTE FUNCTION campaign_moved();

CREATE FUNCTION wave_moved() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c campaigns;
BEGIN
    SELECT * INTO c FROM campaigns WHERE id = NEW.campaign_id;
    PERFORM tell_webhooks(c.organisation_id, 'wave.' || NEW.status, jsonb_build_object(
        'campaign', c.edition, 'wave', NEW.slug, 'status', NEW.status, 'was', OLD.status));
    RETURN NULL;
END $$;
CREATE TRIGGER told AFTER UPDATE OF status ON waves FOR EACH ROW WHEN (NEW.status <> OLD.status)
EXECUTE FUNCTION wave_moved();

CREATE FUNCTION upload_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_webhooks(NEW.organisation_id, 'upload.' || NEW.state, jsonb_build_object(
        'upload', NEW.id, 'audience', NEW.audience, 'state', NEW.state, 'was', OLD.state));
    RETURN NULL;
END $$;
CREATE TRIGGER told AFTER UPDATE OF state ON uploads FOR EACH ROW WHEN (NEW.state <> OLD.state)
EXECUTE FUNCTION upload_moved();
