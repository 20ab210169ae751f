-- What was erased: one keyed digest per contact detail, linked to no referral and to no withdrawal. What is erased from a database
-- comes back with an older copy of it; these rows also leave it (`erasures.ndjson`), so that the erasure can be done again.
CREATE TABLE erased_digests (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    kind text NOT NULL CONSTRAINT erased_digests_kind_vocabulary CHECK (kind IN ('email', 'phone')),
    digest bytea NOT NULL CONSTRAINT erased_digests_digest_length CHECK (octet_length(digest) = 32),
    -- NULL: copied from a referral's digest that has none.
    key_id bytea CONSTRAINT erased_digests_key_id_length CHECK (octet_length(key_id) = 8),
    -- The day, so that no time leads to the request.
    erased_on date NOT NULL,
    PRIMARY KEY (site_id, kind, digest)
);
ALTER TABLE erased_digests ENABLE ROW LEVEL SECURITY;
ALTER TABLE erased_digests FORCE ROW LEVEL SECURITY;
CREATE POLICY erased_digests_tenant ON erased_digests TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
-- Whether a person was erased is never visible to a partner.
CREATE POLICY erased_digests_partner ON erased_digests AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT ON erased_digests TO handoff_app;

GRANT DELETE ON referral_digests TO handoff_app;

ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_kind_vocabulary;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_kind_vocabulary CHECK (subject_kind IN
    ('site', 'member', 'api_key', 'study', 'partner', 'route', 'referral', 'contact_withdrawal', 'away_window', 'duplicate_review', 'alert',
     'language_version', 'approved_process', 'test_run', 'webhook_endpoint', 'referral_import', 'audit_entry', 'erasure')) NOT VALID;
