-- Calls whose receipts a carrier gives only when it is asked, by its own id of the call; gone when nobody waits any more.
CREATE TABLE polls (
    route text NOT NULL,
    reference text NOT NULL,
    since timestamptz NOT NULL,
    asked smallint NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (route, reference)
);
CREATE INDEX polls_due ON polls (route, due_at);

-- Days whose list of receipts a carrier was asked for: `times` it answered, `asked_at` the last time it was asked.
CREATE TABLE collections (
    route text NOT NULL,
    day date NOT NULL,
    times smallint NOT NULL DEFAULT 0,
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (route, day)
);

-- Codes that an adapter does not know, so that they can be counted and learned.
CREATE INDEX attempts_unknown_codes ON attempts (route, code) WHERE outcome = 'refused' AND reason LIKE 'other%';
