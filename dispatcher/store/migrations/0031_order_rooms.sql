-- Orders belong to the organisation that gave or took them. What was given is also there for the partner's own people, where
-- the partner has an organisation here: one with the name under which its key is trusted.

ALTER TABLE orders ADD COLUMN organisation_id int NOT NULL REFERENCES organisations DEFAULT 1;
ALTER TABLE orders ALTER COLUMN organisation_id SET DEFAULT dispatcher_organisation();
