-- Numbers are erased while what must outlive them stays: a refusal is known by the keyed hash alone.
ALTER TABLE suppressions DROP CONSTRAINT suppressions_msisdn_hash_fkey;

-- Sealed rows go only by whole seals, by an order that the installation signed; the seals themselves stay.
CREATE TABLE prunings (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    text text NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON prunings EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_change_but_pruning() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' OR coalesce(current_setting('dispatcher.pruning', true), '') <> 'on' THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER append_only ON attempts;
DROP TRIGGER append_only ON receipts;
DROP TRIGGER append_only ON exchanges;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attempts EXECUTE FUNCTION refuse_change_but_pruning();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON receipts EXECUTE FUNCTION refuse_change_but_pruning();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON exchanges EXECUTE FUNCTION refuse_change_but_pruning();

-- What is left of messages that are too old to be kept one by one.
CREATE TABLE kept_figures (
    wave_id int NOT NULL,
    month date NOT NULL,
    network text NOT NULL,
    area_code text NOT NULL,
    status message_status NOT NULL,
    messages int NOT NULL,
    segments bigint NOT NULL,
    PRIMARY KEY (wave_id, month, network, area_code, status)
);
-- Before this, messages are not kept one by one any more.
ALTER TABLE installation ADD COLUMN kept_from timestamptz;
