-- What was done outside this product (press, loudspeakers, banners), so that the totals of a report are whole. Nothing is
-- changed or deleted: a mistake is withdrawn, with who and why in the audit trail.
CREATE TABLE activities (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id int NOT NULL REFERENCES organisations,
    kind text NOT NULL,
    day date NOT NULL,
    quantity int NOT NULL CHECK (quantity > 0),
    unit text NOT NULL,
    done_by text NOT NULL,
    note text NOT NULL DEFAULT '',
    link text,
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT dispatcher_now(),
    withdrawn_at timestamptz
);
CREATE INDEX activities_by_day ON activities (organisation_id, day);

-- Every report that was made, with the figures in it: what was handed in can be compared with the log for ever.
CREATE TABLE reports (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id int NOT NULL REFERENCES organisations,
    slug text NOT NULL,
    year int NOT NULL,
    starts date NOT NULL,
    ends date NOT NULL,
    figures jsonb NOT NULL,
    document_sha256 text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT dispatcher_now()
);
CREATE INDEX reports_made ON reports (organisation_id, slug, year);
