-- Who must not be contacted: one keyed digest per contact detail, linked to no referral, so that it outlives them all. A row
-- stands for ever: the app role cannot delete it, and changes of it only the digest, when that moves to the current key.
CREATE TABLE contact_withdrawals (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL CONSTRAINT contact_withdrawals_kind_vocabulary CHECK (kind IN ('email', 'phone')),
    digest bytea NOT NULL CONSTRAINT contact_withdrawals_digest_length CHECK (octet_length(digest) = 32),
    -- NULL: copied from a referral's digest that has none.
    key_id bytea CONSTRAINT contact_withdrawals_key_id_length CHECK (octet_length(key_id) = 8),
    -- What a test key withdraws holds test referrals alone.
    is_test boolean NOT NULL,
    -- When the person said so, the first time.
    received_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    CONSTRAINT contact_withdrawals_one_per_digest UNIQUE (site_id, is_test, kind, digest)
);
ALTER TABLE contact_withdrawals ENABLE ROW LEVEL SECURITY;
ALTER TABLE contact_withdrawals FORCE ROW LEVEL SECURITY;
CREATE POLICY contact_withdrawals_tenant ON contact_withdrawals TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
-- Whether a person withdrew is never visible to a partner.
CREATE POLICY contact_withdrawals_partner ON contact_withdrawals AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE (digest, key_id) ON contact_withdrawals TO handoff_app;
