-- Texts from people. Their numbers live in `recipients`, as everybody's; a person who is erased there leaves the text.
-- `digest` is the same for a text that the carrier delivers again because our answer was lost.
CREATE TABLE inbound (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    route text NOT NULL,
    msisdn_hash bytea NOT NULL,
    sent_to text NOT NULL,
    body text NOT NULL,
    digest bytea NOT NULL,
    refusal boolean NOT NULL,
    complete boolean NOT NULL,
    forwarded_to text,
    forwarded_by text,
    forwarded_at timestamptz
);
CREATE INDEX inbound_digest ON inbound (digest, received_at);
CREATE INDEX inbound_person ON inbound (msisdn_hash);

-- Parts of long texts. Those of a text that is whole stay for a while, to know a repeated one.
CREATE TABLE inbound_parts (
    route text NOT NULL,
    msisdn_hash bytea NOT NULL,
    sent_to text NOT NULL,
    group_number int NOT NULL,
    total smallint NOT NULL,
    number smallint NOT NULL,
    body text NOT NULL,
    joined boolean NOT NULL DEFAULT false,
    received_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    PRIMARY KEY (route, msisdn_hash, sent_to, group_number, total, number)
);
