-- The tenant and its people. Deleting a site (only the sample site is ever deleted, by its owner) takes its rows along.
CREATE TABLE sites (
    site_id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT sites_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
    time_zone text NOT NULL CONSTRAINT sites_time_zone_length CHECK (char_length(time_zone) BETWEEN 1 AND 64),
    default_phone_region text NOT NULL CONSTRAINT sites_default_phone_region_format CHECK (default_phone_region ~ '^[A-Z]{2}$'),
    intake_url text NOT NULL CONSTRAINT sites_intake_url_format CHECK (intake_url ~ '^https?://' AND char_length(intake_url) <= 500),
    acknowledge_due_hours integer NOT NULL CONSTRAINT sites_acknowledge_due_hours_range CHECK (acknowledge_due_hours BETWEEN 1 AND 2160),
    contact_due_hours integer NOT NULL CONSTRAINT sites_contact_due_hours_range CHECK (contact_due_hours BETWEEN 1 AND 2160),
    follow_up_due_hours integer NOT NULL CONSTRAINT sites_follow_up_due_hours_range CHECK (follow_up_due_hours BETWEEN 1 AND 2160),
    -- Eleven is the floor for every site (bands of ten with 0 merged); a site may only raise it.
    suppression_threshold integer NOT NULL CONSTRAINT sites_suppression_threshold_range CHECK (suppression_threshold BETWEEN 11 AND 1000),
    is_sample boolean NOT NULL,
    version integer NOT NULL CONSTRAINT sites_version_positive CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
ALTER TABLE sites ENABLE ROW LEVEL SECURITY;
ALTER TABLE sites FORCE ROW LEVEL SECURITY;
CREATE POLICY sites_tenant ON sites TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
-- A partner needs the site's intake path and time zone; it changes nothing.
CREATE POLICY sites_partner ON sites AS RESTRICTIVE TO PUBLIC
    USING (true) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE ON sites TO handoff_app;

CREATE FUNCTION directory.follow_site() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO directory.sites (site_id) VALUES (NEW.site_id);
    ELSE
        DELETE FROM directory.sites WHERE site_id = OLD.site_id;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION directory.follow_site() FROM PUBLIC;
CREATE TRIGGER sites_follow_directory AFTER INSERT OR DELETE ON sites
    FOR EACH ROW EXECUTE FUNCTION directory.follow_site();

CREATE TABLE members (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    display_name text NOT NULL CONSTRAINT members_display_name_length CHECK (char_length(display_name) BETWEEN 1 AND 120),
    email text NOT NULL CONSTRAINT members_email_length CHECK (char_length(email) BETWEEN 3 AND 254),
    role text NOT NULL CONSTRAINT members_role_vocabulary CHECK (role IN ('admin', 'coordinator', 'viewer')),
    is_site_lead boolean NOT NULL,
    active boolean NOT NULL,
    version integer NOT NULL CONSTRAINT members_version_positive CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    CONSTRAINT members_email_unique UNIQUE (site_id, email),
    CONSTRAINT members_site_lead_active CHECK (active OR NOT is_site_lead),
    -- Viewers read suppressed reports only; they can neither own work nor lead.
    CONSTRAINT members_site_lead_role CHECK (NOT is_site_lead OR role <> 'viewer')
);
CREATE UNIQUE INDEX members_one_site_lead ON members (site_id) WHERE is_site_lead;
ALTER TABLE members ENABLE ROW LEVEL SECURITY;
ALTER TABLE members FORCE ROW LEVEL SECURITY;
CREATE POLICY members_tenant ON members TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY members_partner ON members AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL) WITH CHECK ((SELECT current_partner_id()) IS NULL);
GRANT SELECT, INSERT, UPDATE ON members TO handoff_app;
