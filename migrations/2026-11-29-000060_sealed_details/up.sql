-- Details of persons under an approved process: the one place for them, and there they are sealed (AES-256-GCM under a key of the site,
-- bound to site, referral and fields). What can be read here is which fields were sent, never a value: ciphertexts are filled up to whole
-- blocks, so that their length tells none either. They go before their referral does.
CREATE TABLE sealed_details (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    referral_id uuid NOT NULL,
    -- Who sent them.
    partner_id uuid NOT NULL,
    fields text[] NOT NULL CONSTRAINT sealed_details_fields_vocabulary CHECK (fields <@ ARRAY
        ['preferred_contact_time', 'interpreter_language', 'age_band', 'sealed_note']),
    -- The public name of the key that seals them.
    key_id bytea NOT NULL CONSTRAINT sealed_details_key_id_length CHECK (octet_length(key_id) = 8),
    nonce bytea NOT NULL CONSTRAINT sealed_details_nonce_length CHECK (octet_length(nonce) = 12),
    ciphertext bytea NOT NULL CONSTRAINT sealed_details_ciphertext_is_whole CHECK
        (octet_length(ciphertext) BETWEEN 528 AND 8208 AND octet_length(ciphertext) % 512 = 16),
    sealed_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, referral_id),
    CONSTRAINT sealed_details_referral_exists FOREIGN KEY (site_id, referral_id) REFERENCES referrals (site_id, id) ON DELETE CASCADE,
    CONSTRAINT sealed_details_hold_something CHECK (cardinality(fields) BETWEEN 1 AND 4)
);
-- What is left under an earlier key.
CREATE INDEX sealed_details_by_key ON sealed_details (site_id, key_id, referral_id);
ALTER TABLE sealed_details ENABLE ROW LEVEL SECURITY;
ALTER TABLE sealed_details FORCE ROW LEVEL SECURITY;
CREATE POLICY sealed_details_tenant ON sealed_details TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
-- A partner's request leaves its own here and reads none.
CREATE POLICY sealed_details_partner ON sealed_details AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL)
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
-- What a row says that it holds stays: of a rotation only the seal changes.
GRANT SELECT, INSERT, UPDATE (key_id, nonce, ciphertext), DELETE ON sealed_details TO handoff_app;

-- Days that details are kept once their referral has ended.
ALTER TABLE sites
    ADD COLUMN sealed_details_retention_days integer NOT NULL DEFAULT 30
        CONSTRAINT sites_sealed_details_retention_days_range CHECK (sealed_details_retention_days BETWEEN 1 AND 365);
