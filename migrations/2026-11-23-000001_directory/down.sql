DROP SCHEMA directory CASCADE;
DROP FUNCTION current_partner_id();
DROP FUNCTION current_site_id();
REVOKE USAGE ON SCHEMA public FROM handoff_app;
GRANT USAGE ON SCHEMA public TO PUBLIC;
