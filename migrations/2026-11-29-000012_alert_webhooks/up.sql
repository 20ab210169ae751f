-- Where a site wants its alerts posted. No secret stands here: each is derived from the master key, the site and a random id, and
-- beside that id stands which master key it was, so that it stays the same while that key is accepted.
CREATE TABLE alert_webhooks (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    url text NOT NULL CONSTRAINT alert_webhooks_url_length CHECK (char_length(url) BETWEEN 10 AND 500),
    secret_id uuid NOT NULL,
    secret_key_id bytea NOT NULL CONSTRAINT alert_webhooks_secret_key_id_length CHECK (octet_length(secret_key_id) = 8),
    -- The secret before, which signs too until then.
    previous_secret_id uuid,
    previous_key_id bytea CONSTRAINT alert_webhooks_previous_key_id_length CHECK (octet_length(previous_key_id) = 8),
    previous_until timestamptz,
    disabled_at timestamptz,
    disabled_reason text CONSTRAINT alert_webhooks_disabled_reason_vocabulary CHECK (disabled_reason IN ('endpoint_gone')),
    version integer NOT NULL CONSTRAINT alert_webhooks_version_positive CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (site_id),
    CONSTRAINT alert_webhooks_previous_is_whole CHECK
        ((previous_secret_id IS NULL) = (previous_until IS NULL) AND (previous_key_id IS NULL) = (previous_until IS NULL)),
    CONSTRAINT alert_webhooks_disabled_has_reason CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);
ALTER TABLE alert_webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_webhooks FORCE ROW LEVEL SECURITY;
CREATE POLICY alert_webhooks_tenant ON alert_webhooks TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY alert_webhooks_partner ON alert_webhooks AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON alert_webhooks TO handoff_app;
