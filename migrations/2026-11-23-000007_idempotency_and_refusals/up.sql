-- A retry is not a duplicate: the first answer is kept for 24 hours beside the work it answered, in the same transaction.
CREATE TABLE idempotency_keys (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    principal_id uuid NOT NULL,
    operation text NOT NULL CONSTRAINT idempotency_keys_operation_length CHECK (char_length(operation) BETWEEN 1 AND 80),
    key_digest bytea NOT NULL CONSTRAINT idempotency_keys_key_digest_length CHECK (octet_length(key_digest) = 32),
    fingerprint bytea NOT NULL CONSTRAINT idempotency_keys_fingerprint_length CHECK (octet_length(fingerprint) = 32),
    -- NULL only inside the transaction that claims the key.
    status integer,
    location text,
    etag text,
    body text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, principal_id, operation, key_digest)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (site_id, created_at);
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY idempotency_keys_tenant ON idempotency_keys TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY idempotency_keys_partner ON idempotency_keys AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL OR principal_id = (SELECT current_partner_id()))
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR principal_id = (SELECT current_partner_id()));
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO handoff_app;

-- How often a body was refused, by partner, day and code: no content, no field name, no reference.
CREATE TABLE refusals (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    -- NULL: the site's own staff and keys.
    partner_id uuid,
    day date NOT NULL,
    code text NOT NULL CONSTRAINT refusals_code_vocabulary CHECK (code IN ('unknown_field', 'sensitive_field')),
    refused integer NOT NULL CONSTRAINT refusals_refused_positive CHECK (refused > 0),
    PRIMARY KEY (site_id, id),
    CONSTRAINT refusals_one_per_partner_day_code UNIQUE NULLS NOT DISTINCT (site_id, partner_id, day, code),
    CONSTRAINT refusals_partner_exists FOREIGN KEY (site_id, partner_id) REFERENCES partners (site_id, id)
);
ALTER TABLE refusals ENABLE ROW LEVEL SECURITY;
ALTER TABLE refusals FORCE ROW LEVEL SECURITY;
CREATE POLICY refusals_tenant ON refusals TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY refusals_partner ON refusals AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()))
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
GRANT SELECT, INSERT, UPDATE ON refusals TO handoff_app;
