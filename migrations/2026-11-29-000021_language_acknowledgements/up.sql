-- A partner's recorded acceptance of one language version: by which key and when. It is never changed and never taken back; what
-- becomes of it when the version is superseded follows from the dates of the versions.
CREATE TABLE language_acknowledgements (
    site_id uuid NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    partner_id uuid NOT NULL,
    version_id uuid NOT NULL,
    api_key_id uuid NOT NULL,
    acknowledged_at timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    CONSTRAINT language_acknowledgements_once UNIQUE (site_id, partner_id, version_id),
    CONSTRAINT language_acknowledgements_partner_exists FOREIGN KEY (site_id, partner_id) REFERENCES partners (site_id, id),
    CONSTRAINT language_acknowledgements_version_exists FOREIGN KEY (site_id, version_id) REFERENCES language_versions (site_id, id),
    CONSTRAINT language_acknowledgements_key_exists FOREIGN KEY (site_id, api_key_id) REFERENCES api_keys (site_id, id)
);
CREATE INDEX language_acknowledgements_by_version ON language_acknowledgements (site_id, version_id);
ALTER TABLE language_acknowledgements ENABLE ROW LEVEL SECURITY;
ALTER TABLE language_acknowledgements FORCE ROW LEVEL SECURITY;
CREATE POLICY language_acknowledgements_tenant ON language_acknowledgements TO PUBLIC
    USING (site_id = (SELECT current_site_id())) WITH CHECK (site_id = (SELECT current_site_id()));
CREATE POLICY language_acknowledgements_partner ON language_acknowledgements AS RESTRICTIVE TO PUBLIC
    USING ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()))
    WITH CHECK ((SELECT current_partner_id()) IS NULL OR partner_id = (SELECT current_partner_id()));
GRANT SELECT, INSERT ON language_acknowledgements TO handoff_app;
