-- An audience and its members are written in one transaction and never deleted apart: a check for each of ten million rows
-- would look up the same one row.
ALTER TABLE audience_members DROP CONSTRAINT audience_members_audience_id_fkey;
