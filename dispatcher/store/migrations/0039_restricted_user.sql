-- Only the owner of a table may look at it for the planner: the processes, who are not, ask for it here and for nothing else.
CREATE FUNCTION refresh_statistics() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    ANALYZE (SKIP_LOCKED) stored_messages, batches;
END $$;
