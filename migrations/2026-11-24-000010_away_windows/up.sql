-- When a member is away: it stays active and keeps what it owns, and new work and escalations pass it by.
CREATE TABLE away_windows (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    version integer NOT NULL CONSTRAINT away_windows_version_positive CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    CONSTRAINT away_windows_order CHECK (ends_at > starts_at),
    CONSTRAINT away_windows_member_exists FOREIGN KEY (site_id, member_id) REFERENCES members (site_id, id)
);
CREATE INDEX away_windows_by_member ON away_windows (site_id, member_id, ends_at);
ALTER TABLE away_windows ENABLE ROW LEVEL SECURITY;
ALTER TABLE away_windows FORCE ROW LEVEL SECURITY;
CREATE POLICY away_windows_tenant ON away_windows TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY away_windows_partner ON away_windows AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON away_windows TO handoff_app;

ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_kind_vocabulary;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_kind_vocabulary CHECK (subject_kind IN
    ('site', 'member', 'api_key', 'study', 'partner', 'route', 'referral', 'contact_withdrawal', 'away_window', 'duplicate_review', 'alert'));
