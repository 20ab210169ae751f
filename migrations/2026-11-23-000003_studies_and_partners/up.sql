-- What people are referred to, and who refers them. Studies get their partner policy with the routes: a partner sees a
-- study only over its own route.
CREATE TABLE studies (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    code text NOT NULL CONSTRAINT studies_code_format CHECK (code ~ '^[a-z0-9][a-z0-9-]{1,39}$'),
    public_name text NOT NULL CONSTRAINT studies_public_name_length CHECK (char_length(public_name) BETWEEN 1 AND 200),
    short_description text NOT NULL CONSTRAINT studies_short_description_length CHECK (char_length(short_description) BETWEEN 1 AND 2000),
    protocol_code text NOT NULL CONSTRAINT studies_protocol_code_length CHECK (char_length(protocol_code) BETWEEN 1 AND 64),
    registry_id text CONSTRAINT studies_registry_id_length CHECK (char_length(registry_id) BETWEEN 1 AND 32),
    status text NOT NULL CONSTRAINT studies_status_vocabulary CHECK (status IN ('open', 'paused', 'closed')),
    version integer NOT NULL CONSTRAINT studies_version_positive CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    CONSTRAINT studies_code_unique UNIQUE (site_id, code)
);
ALTER TABLE studies ENABLE ROW LEVEL SECURITY;
ALTER TABLE studies FORCE ROW LEVEL SECURITY;
CREATE POLICY studies_tenant ON studies TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
GRANT SELECT, INSERT, UPDATE ON studies TO handoff_app;

CREATE TABLE partners (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    code text NOT NULL CONSTRAINT partners_code_format CHECK (code ~ '^[a-z0-9][a-z0-9-]{1,39}$'),
    name text NOT NULL CONSTRAINT partners_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
    partner_type text NOT NULL CONSTRAINT partners_partner_type_vocabulary CHECK (partner_type IN
        ('specialty_clinic', 'primary_care', 'advocacy_group', 'community_organisation', 'recruitment_vendor', 'registry')),
    jurisdiction text NOT NULL CONSTRAINT partners_jurisdiction_format CHECK (jurisdiction ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$'),
    remuneration_basis text NOT NULL CONSTRAINT partners_remuneration_basis_vocabulary CHECK (remuneration_basis IN
        ('none', 'flat', 'hourly', 'per_referral', 'per_enrolment')),
    status text NOT NULL CONSTRAINT partners_status_vocabulary CHECK (status IN
        ('draft', 'language_pending', 'test_pending', 'active', 'paused', 'suspended', 'ended')),
    version integer NOT NULL CONSTRAINT partners_version_positive CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    CONSTRAINT partners_code_unique UNIQUE (site_id, code)
);
ALTER TABLE partners ENABLE ROW LEVEL SECURITY;
ALTER TABLE partners FORCE ROW LEVEL SECURITY;
CREATE POLICY partners_tenant ON partners TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY partners_partner ON partners AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL OR id = (SELECT current_partner_id()))
    WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE ON partners TO handoff_app;
