-- Keys of machines. Only the SHA-256 of a key is kept; the directory finds its site before any tenant context exists.
CREATE TABLE api_keys (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    -- Who acts: the partner, or one site client. Keys that rotate share it, so that idempotency keys and cursors outlive a key.
    principal_id uuid NOT NULL,
    name text NOT NULL CONSTRAINT api_keys_name_length CHECK (char_length(name) BETWEEN 1 AND 80),
    partner_id uuid,
    scopes text[] NOT NULL CONSTRAINT api_keys_scopes_vocabulary CHECK (scopes <@ ARRAY
        ['referrals:read', 'referrals:write', 'intake:write', 'import:write', 'events:read', 'webhooks:manage', 'config:read', 'details:read', 'partner']),
    is_test boolean NOT NULL,
    key_hash bytea NOT NULL CONSTRAINT api_keys_key_hash_length CHECK (octet_length(key_hash) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (site_id, id),
    CONSTRAINT api_keys_key_hash_unique UNIQUE (site_id, key_hash),
    CONSTRAINT api_keys_partner_exists FOREIGN KEY (site_id, partner_id) REFERENCES partners (site_id, id) ON DELETE CASCADE,
    -- A partner key is a partner key and nothing more; a site key is never one.
    CONSTRAINT api_keys_partner_scope CHECK ((partner_id IS NOT NULL AND scopes = ARRAY['partner'] AND principal_id = partner_id)
        OR (partner_id IS NULL AND NOT scopes @> ARRAY['partner']))
);
CREATE INDEX api_keys_by_name ON api_keys (site_id, name);
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY api_keys_tenant ON api_keys TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY api_keys_partner ON api_keys AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE ON api_keys TO handoff_app;

CREATE FUNCTION directory.follow_api_key() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO directory.api_keys (key_hash, site_id, api_key_id) VALUES (NEW.key_hash, NEW.site_id, NEW.id);
    ELSE
        DELETE FROM directory.api_keys WHERE key_hash = OLD.key_hash;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION directory.follow_api_key() FROM PUBLIC;
CREATE TRIGGER api_keys_follow_directory AFTER INSERT OR DELETE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION directory.follow_api_key();
