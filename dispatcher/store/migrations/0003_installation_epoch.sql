-- Which life of the installation this database holds (`epoch`), how far that life has got (`generation`), and in which
-- database of which server (`home`). Empty until the first start; docs/decisions.md says what it is compared with.
ALTER TABLE installation
    ADD COLUMN epoch uuid,
    ADD COLUMN generation bigint NOT NULL DEFAULT 0,
    ADD COLUMN renewed_at timestamptz,
    ADD COLUMN home text;

-- A dump restored elsewhere finds itself in another place; a restart, a failover or a copy of the files does not.
CREATE FUNCTION dispatcher_home() RETURNS text LANGUAGE sql STABLE AS
'SELECT system_identifier || ''/'' || (SELECT oid FROM pg_database WHERE datname = current_database()) FROM pg_control_system()';
