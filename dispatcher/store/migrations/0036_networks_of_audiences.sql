-- How many people of an audience each network has, counted once: at its import. Null: nobody has counted.
ALTER TABLE audiences ADD COLUMN networks jsonb;
UPDATE audiences a SET networks = (
    SELECT coalesce(jsonb_object_agg(network, n), '{}') FROM (
        SELECT r.network, count(*) AS n FROM audience_members m JOIN recipients r USING (msisdn_hash)
        WHERE m.audience_id = a.id GROUP BY r.network
    ) AS counted
);
