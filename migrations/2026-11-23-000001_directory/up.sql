-- What is known before the tenant is known: which site a caller belongs to, and nothing personal.
-- Schema `directory` has no row-level security, so the app role never touches its tables: it reaches them through
-- the look-up functions below only (SECURITY DEFINER, fixed search_path). Rows are written by triggers, so that the
-- directory cannot drift from the tables it indexes.
CREATE SCHEMA directory;
REVOKE ALL ON SCHEMA directory FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA directory TO handoff_app;
GRANT USAGE ON SCHEMA public TO handoff_app;

-- The one definition of "whose rows": set per transaction by the server, '' after it ends, hence nullif.
CREATE FUNCTION current_site_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.site_id', true), '')::uuid;
-- Set when the caller is a partner; restrictive policies narrow every table to what that partner may see.
CREATE FUNCTION current_partner_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.partner_id', true), '')::uuid;
REVOKE ALL ON FUNCTION current_site_id(), current_partner_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION current_site_id(), current_partner_id() TO handoff_app;

CREATE TABLE directory.sites (
    site_id uuid PRIMARY KEY
);

CREATE TABLE directory.api_keys (
    key_hash bytea PRIMARY KEY CHECK (octet_length(key_hash) = 32),
    site_id uuid NOT NULL REFERENCES directory.sites (site_id) ON DELETE CASCADE,
    api_key_id uuid NOT NULL
);
CREATE INDEX api_keys_by_site ON directory.api_keys (site_id);

CREATE FUNCTION directory.find_api_key(wanted bytea)
    RETURNS TABLE (site_id uuid, api_key_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT k.site_id, k.api_key_id FROM directory.api_keys k WHERE k.key_hash = wanted $$;

CREATE FUNCTION directory.list_sites() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT s.site_id FROM directory.sites s ORDER BY s.site_id $$;

REVOKE ALL ON FUNCTION directory.find_api_key(bytea), directory.list_sites() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION directory.find_api_key(bytea), directory.list_sites() TO handoff_app;
