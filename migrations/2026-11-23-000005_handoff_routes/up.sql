-- Partner × study: how this partner hands people over for this study, and who answers for it.
CREATE TABLE handoff_routes (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    partner_id uuid NOT NULL,
    study_id uuid NOT NULL,
    channels text[] NOT NULL CONSTRAINT handoff_routes_channels_vocabulary CHECK (cardinality(channels) BETWEEN 1 AND 4
        AND channels <@ ARRAY['self_referral', 'secure_form', 'phone_handoff', 'coordinator_queue']),
    source_tag text NOT NULL CONSTRAINT handoff_routes_source_tag_format CHECK (source_tag ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$'),
    -- NULL: the site's own intake URL.
    intake_url text CONSTRAINT handoff_routes_intake_url_format CHECK (intake_url ~ '^https?://' AND char_length(intake_url) <= 500),
    instruction text NOT NULL CONSTRAINT handoff_routes_instruction_length CHECK (char_length(instruction) BETWEEN 1 AND 500),
    owner_id uuid NOT NULL,
    backup_owner_id uuid NOT NULL,
    duplicate_policy text NOT NULL CONSTRAINT handoff_routes_duplicate_policy_vocabulary CHECK (duplicate_policy IN ('review_all', 'review_cross_partner')),
    approval_reference text CONSTRAINT handoff_routes_approval_reference_length CHECK (char_length(approval_reference) BETWEEN 1 AND 64),
    -- NULL: the site's default.
    acknowledge_due_hours integer CONSTRAINT handoff_routes_acknowledge_due_hours_range CHECK (acknowledge_due_hours BETWEEN 1 AND 2160),
    contact_due_hours integer CONSTRAINT handoff_routes_contact_due_hours_range CHECK (contact_due_hours BETWEEN 1 AND 2160),
    follow_up_due_hours integer CONSTRAINT handoff_routes_follow_up_due_hours_range CHECK (follow_up_due_hours BETWEEN 1 AND 2160),
    status text NOT NULL CONSTRAINT handoff_routes_status_vocabulary CHECK (status IN
        ('draft', 'testing', 'launched', 'paused', 'retest_required', 'retired')),
    version integer NOT NULL CONSTRAINT handoff_routes_version_positive CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    CONSTRAINT handoff_routes_backup_differs CHECK (owner_id <> backup_owner_id),
    CONSTRAINT handoff_routes_partner_exists FOREIGN KEY (site_id, partner_id) REFERENCES partners (site_id, id),
    CONSTRAINT handoff_routes_study_exists FOREIGN KEY (site_id, study_id) REFERENCES studies (site_id, id),
    CONSTRAINT handoff_routes_owner_exists FOREIGN KEY (site_id, owner_id) REFERENCES members (site_id, id),
    CONSTRAINT handoff_routes_backup_owner_exists FOREIGN KEY (site_id, backup_owner_id) REFERENCES members (site_id, id)
);
-- A retired route is history: another one may take its place, with its tag.
CREATE UNIQUE INDEX handoff_routes_one_per_partner_and_study ON handoff_routes (site_id, partner_id, study_id) WHERE status <> 'retired';
CREATE UNIQUE INDEX handoff_routes_source_tag_unique ON handoff_routes (site_id, source_tag) WHERE status <> 'retired';
CREATE INDEX handoff_routes_by_study ON handoff_routes (site_id, study_id);
ALTER TABLE handoff_routes ENABLE ROW LEVEL SECURITY;
ALTER TABLE handoff_routes FORCE ROW LEVEL SECURITY;
CREATE POLICY handoff_routes_tenant ON handoff_routes TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY handoff_routes_partner ON handoff_routes AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()))
    WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE ON handoff_routes TO handoff_app;

CREATE POLICY studies_partner ON studies AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL OR EXISTS (SELECT 1 FROM handoff_routes r
        WHERE r.site_id = studies.site_id AND r.study_id = studies.id AND r.partner_id = (SELECT current_partner_id())))
    WITH CHECK ((SELECT current_partner_id()) IS NULL);
